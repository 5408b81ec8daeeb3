"""What the real services may do at their worst, each chosen on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from simulation.cloud import Answer, Choices, MemoryCloud, Request
from simulation.cloud.client import MemoryClient
from simulation.cloud.dynamodb import MemoryDynamoDb, TableSchema
from simulation.cloud.errors import answer_lost, conflict, request_lost, throttled, unavailable
from tests.simulation.cloud.engines import THINGS

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Chosen(Choices):
    """Choices that a test sets."""

    remembers = True

    def __init__(self) -> None:
        self.behind: dict[str, int] = {}
        self.index: dict[str, int] = {}
        self.left_out = 0
        self.next = 0
        self.twice = False
        self.survives = False
        self.fewer = 0
        self.asked: list[tuple[str, int]] = []

    def read_behind(self, table: str, key: str, changes: int) -> int:
        self.asked.append((f"{table} {key}", changes))
        return self.behind.get(key, 0)

    def index_behind(self, index: str, key: str, changes: int) -> int:
        self.asked.append((f"{index} {key}", changes))
        return self.index.get(key, 0)

    def unprocessed(self, operation: str, count: int) -> int:
        return self.left_out

    def next_message(self, queue: str, waiting: int) -> int:
        return self.next

    def delivered_twice(self, queue: str, message_id: str) -> bool:
        return self.twice

    def survives_deletion(self, queue: str, message_id: str) -> bool:
        return self.survives

    def received_fewer(self, queue: str, count: int) -> int:
        return self.fewer


@dataclass(slots=True, kw_only=True)
class World:
    """A table and a clock."""

    choices: Chosen = field(default_factory=Chosen)
    at: datetime = START
    db: MemoryDynamoDb = field(init=False)
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        schema = TableSchema.of(
            {
                **THINGS,
                "TableName": "things",
                "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            }
        )
        self.db = MemoryDynamoDb([schema], choices=self.choices, now=lambda: self.at)
        self.client = MemoryClient(self.db)

    def put(self, number: int, **attributes: Any) -> None:
        item = {"pk": {"S": "a"}, "sk": {"N": str(number)}, **attributes}
        self.client.put_item(TableName="things", Item=item)

    def get(self, number: int, *, consistent: bool) -> dict[str, Any] | None:
        key = {"pk": {"S": "a"}, "sk": {"N": str(number)}}
        answer = self.client.get_item(TableName="things", Key=key, ConsistentRead=consistent)
        found: dict[str, Any] | None = answer.get("Item")
        return found

    def group(self, name: str) -> list[str]:
        answer = self.client.query(
            TableName="things",
            IndexName="groups",
            KeyConditionExpression="g = :g",
            ExpressionAttributeValues={":g": {"S": name}},
        )
        return [item["sk"]["N"] for item in answer["Items"]]


@pytest.fixture
def world() -> World:
    return World()


def n(value: int) -> dict[str, str]:
    return {"N": str(value)}


# Tables


def test_an_eventually_consistent_read_may_be_behind(world: World) -> None:
    for value in (1, 2, 3):
        world.put(1, n=n(value))
    for behind, seen in ((0, n(3)), (1, n(2)), (2, n(1))):
        world.choices.behind["a/1"] = behind
        found = world.get(1, consistent=False)
        assert found is not None
        assert found["n"] == seen
    world.choices.behind["a/1"] = 99
    assert world.get(1, consistent=False) is None
    found = world.get(1, consistent=True)
    assert found is not None
    assert found["n"] == n(3)


def test_a_replica_catches_up_in_time(world: World) -> None:
    world.put(1, n=n(1))
    world.choices.behind["a/1"] = 99
    world.at += world.choices.settles_after
    assert world.get(1, consistent=False) is not None
    assert world.choices.asked == []


def test_an_index_is_behind_by_item(world: World) -> None:
    for number in (1, 2):
        world.put(number, g={"S": "x"}, h=n(number))
    world.choices.index["a/1"] = 1
    assert world.group("x") == ["2"]
    world.put(2, g={"S": "y"}, h=n(2))
    world.choices.index = {"a/2": 1}
    assert (world.group("x"), world.group("y")) == (["1", "2"], [])
    world.choices.index = {}
    assert (world.group("x"), world.group("y")) == (["1"], ["2"])


def test_an_index_still_shows_what_is_deleted(world: World) -> None:
    world.put(1, g={"S": "x"}, h=n(1))
    world.client.delete_item(TableName="things", Key={"pk": {"S": "a"}, "sk": n(1)})
    world.choices.index["a/1"] = 1
    assert world.group("x") == ["1"]
    world.at += world.choices.settles_after
    assert world.group("x") == []


def test_a_consistent_query_is_never_behind(world: World) -> None:
    world.put(1)
    world.choices.behind["a/1"] = 1
    params = {
        "TableName": "things",
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "a"}},
    }
    assert world.client.query(**params)["Count"] == 0
    assert world.client.scan(TableName="things")["Count"] == 0
    assert world.client.query(ConsistentRead=True, **params)["Count"] == 1
    assert world.client.scan(TableName="things", ConsistentRead=True)["Count"] == 1


def test_a_batch_may_leave_some_for_later_but_never_all(world: World) -> None:
    keys = []
    for number in range(3):
        world.put(number)
        keys.append({"pk": {"S": "a"}, "sk": n(number)})
    world.choices.left_out = 2
    asked = {"things": {"Keys": keys, "ConsistentRead": True}}
    found = []
    while asked:
        answer = world.client.batch_get_item(RequestItems=asked)
        assert len(answer["Responses"]["things"]) == 1
        found += answer["Responses"]["things"]
        asked = answer["UnprocessedKeys"]
    assert [item["sk"] for item in found] == [n(0), n(1), n(2)]


def test_a_token_is_forgotten_after_ten_minutes(world: World) -> None:
    add = {
        "Update": {
            "TableName": "things",
            "Key": {"pk": {"S": "a"}, "sk": n(1)},
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": n(1)},
        }
    }
    for minutes, total in ((0, 1), (9, 1), (2, 2)):
        world.at += timedelta(minutes=minutes)
        world.client.transact_write_items(TransactItems=[add], ClientRequestToken="token")
        found = world.get(1, consistent=True)
        assert found is not None
        assert found["n"] == n(total)


def test_a_stream_tells_every_change_of_an_item_in_order(world: World) -> None:
    world.put(1, n=n(1))
    world.put(1, n=n(2))
    world.put(1, n=n(2))  # no change
    world.client.delete_item(TableName="things", Key={"pk": {"S": "a"}, "sk": n(1)})
    world.client.delete_item(TableName="things", Key={"pk": {"S": "a"}, "sk": n(1)})
    stream = world.db.stream("things")
    shards = [stream.read(shard, after=0, limit=100) for shard in range(stream.shards)]
    (records,) = [records for records in shards if records]
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    changes = [record["dynamodb"] for record in records]
    assert [change.get("NewImage", {}).get("n") for change in changes] == [n(1), n(2), None]
    assert [change.get("OldImage", {}).get("n") for change in changes] == [None, n(1), n(2)]
    numbers = [change["SequenceNumber"] for change in changes]
    assert numbers == sorted(set(numbers))


# The way there and back


class Faults:
    """A wire that fails as told: once before or after each of the first requests."""

    def __init__(self, *faults: Callable[[Request], Exception] | None, after: bool) -> None:
        self._faults = list(faults)
        self._after = after
        self.requests: list[Request] = []

    def __call__(self, request: Request, act: Callable[[], Answer]) -> Answer:
        self.requests.append(request)
        fault = self._faults.pop(0) if self._faults else None
        if fault and not self._after:
            raise fault(request)
        answer = act()
        if fault:
            raise fault(request)
        return answer


def adding(world: World, faults: Faults) -> Callable[[], object]:
    client: Any = MemoryClient(world.db, wire=faults)
    update = {
        "TableName": "things",
        "Key": {"pk": {"S": "a"}, "sk": n(1)},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": n(1)},
    }
    return lambda: client.transact_write_items(TransactItems=[{"Update": update}])


def total(world: World) -> int:
    found = world.get(1, consistent=True)
    return int(found["n"]["N"]) if found else 0


@pytest.mark.parametrize(
    "fault",
    [
        lambda request: answer_lost(),
        lambda request: unavailable(request.operation),
        lambda request: throttled(request.operation),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_a_transaction_that_is_tried_again_counts_once(
    world: World,
    fault: Callable[[Request], Exception],
    after: bool,  # noqa: FBT001
) -> None:
    faults = Faults(fault, fault, after=after)
    adding(world, faults)()
    assert total(world) == 1
    assert [request.attempt for request in faults.requests] == [1, 2, 3]
    assert len({request.params["ClientRequestToken"] for request in faults.requests}) == 1


def test_an_update_whose_answer_is_lost_is_done_twice(world: World) -> None:
    client: Any = MemoryClient(world.db, wire=Faults(lambda _: answer_lost(), after=True))
    client.update_item(
        TableName="things",
        Key={"pk": {"S": "a"}, "sk": n(1)},
        UpdateExpression="ADD n :one",
        ExpressionAttributeValues={":one": n(1)},
    )
    assert total(world) == 2


def test_a_client_gives_up_after_its_attempts(world: World) -> None:
    lost = lambda _: answer_lost()  # noqa: E731
    with pytest.raises(ReadTimeoutError):
        adding(world, Faults(lost, lost, lost, after=True))()
    assert total(world) == 1
    nowhere = Faults(*[lambda _: request_lost()] * 2, after=False)
    adding(world, nowhere)()
    assert total(world) == 2


def test_a_conflict_is_told_and_not_tried_again(world: World) -> None:
    faults = Faults(lambda r: conflict(r.operation, r.params), after=False)
    with pytest.raises(ClientError) as caught:
        adding(world, faults)()
    answer: Any = caught.value.response
    assert [reason["Code"] for reason in answer["CancellationReasons"]] == ["TransactionConflict"]
    assert len(faults.requests) == 1


# Queues


@dataclass(slots=True, kw_only=True)
class Queues:
    """A standard queue of the template and a clock."""

    choices: Chosen = field(default_factory=Chosen)
    at: datetime = START
    cloud: MemoryCloud = field(init=False)
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        self.cloud = MemoryCloud(now=lambda: self.at, choices=self.choices)
        self.client = self.cloud.client("sqs")

    @property
    def url(self) -> str:
        return self.cloud.physical_ids["TopUpQueue"]

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.client.send_message(QueueUrl=self.url, MessageBody=body)

    def receive(self, most: int = 10) -> list[dict[str, Any]]:
        answer = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=most)
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found


@pytest.fixture
def queues() -> Queues:
    return Queues()


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [message["Body"] for message in messages]


def test_a_standard_queue_promises_no_order(queues: Queues) -> None:
    queues.send("1", "2", "3")
    queues.choices.next = 99
    assert bodies(queues.receive()) == ["3", "2", "1"]


def test_a_standard_queue_may_deliver_twice(queues: Queues) -> None:
    queues.send("1")
    queues.choices.twice = True
    assert bodies(queues.receive()) == ["1"]
    queues.choices.twice = False
    assert bodies(queues.receive()) == ["1"]
    assert queues.receive() == []


def test_a_deleted_message_may_come_once_more(queues: Queues) -> None:
    queues.send("1")
    (message,) = queues.receive()
    queues.choices.survives = True
    queues.client.delete_message(QueueUrl=queues.url, ReceiptHandle=message["ReceiptHandle"])
    queues.at += timedelta(seconds=720)
    assert bodies(queues.receive()) == ["1"]


def test_an_older_receipt_deletes_nothing(queues: Queues) -> None:
    queues.send("1")
    (first,) = queues.receive()
    queues.at += timedelta(seconds=720)
    queues.receive()
    queues.client.delete_message(QueueUrl=queues.url, ReceiptHandle=first["ReceiptHandle"])
    queues.at += timedelta(seconds=720)
    assert bodies(queues.receive()) == ["1"]


def test_a_receive_may_give_less_than_there_is(queues: Queues) -> None:
    queues.send("1", "2")
    queues.choices.fewer = 2
    assert queues.receive() == []
    queues.choices.fewer = 1
    assert bodies(queues.receive()) == ["1"]


def test_a_queue_says_when_time_alone_brings_a_message(queues: Queues) -> None:
    assert queues.cloud.sqs.next_change_at(queues.url) is None
    queues.send("1")
    assert queues.cloud.sqs.visible(queues.url) == 1
    queues.receive()
    assert queues.cloud.sqs.visible(queues.url) == 0
    assert queues.cloud.sqs.next_change_at(queues.url) == START + timedelta(seconds=720)


def test_a_message_is_forgotten_after_its_time(queues: Queues) -> None:
    queues.send("1")
    queues.at += timedelta(days=14)
    assert queues.receive() == []


def test_the_same_choices_make_the_same_history() -> None:
    def history() -> tuple[object, ...]:
        queues = Queues()
        queues.choices.next = 1
        queues.send("1", "2", "3")
        world = World()
        world.put(1, n=n(1))
        return queues.receive(), queues.cloud.sqs.messages(queues.url), world.db.state()

    assert history() == history()
