"""What brings messages, changes and events to the functions, as often and as late as it may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from simulation.lambdas import Answered
from simulation.scheduler import Actor, current, current_or_none

if TYPE_CHECKING:
    from simulation.cloud import Request
    from simulation.world import World

#: An event source invokes the function a second time with what it has in its hands: once in so
#: many batches.
_INVOKED_TWICE = 12
_SOON_SECONDS = 0.05
_RETRY_SECONDS = 1.0
#: What SQS says of a FIFO message's receipt after its time.
_EXPIRED = "InvalidParameterValue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An event source mapping of a queue."""

    function: str
    flow: str
    batch_size: int


#: By the variable that names the queue.
SOURCES = {
    "USAGE_QUEUE_URL": Source(function="usage_worker", flow="usage report", batch_size=10),
    "TOP_UP_QUEUE_URL": Source(function="top_up_worker", flow="auto top-up", batch_size=10),
    "PAYMENT_EVENT_QUEUE_URL": Source(
        function="payment_event_worker", flow="payment event", batch_size=10
    ),
    "INVOICE_QUEUE_URL": Source(function="invoice_worker", flow="invoice", batch_size=5),
}


class Queues:
    """Polls each queue after something was sent to it, and when something becomes visible."""

    def __init__(self, world: World) -> None:
        self._world = world
        environment = world.cloud.environment
        self._sources = {environment[name]: source for name, source in SOURCES.items()}
        world.on_effect.append(self._notice)

    def _notice(self, request: Request, _: Mapping[str, Any]) -> None:
        if request.operation.startswith(("SendMessage", "ChangeMessageVisibility")):
            self.poll_soon(str(request.params["QueueUrl"]))

    def poll_soon(self, url: str, *, after: float | None = None) -> None:
        """Have the queue polled, by the event source, in a while."""
        source = self._sources.get(url)
        actor = current_or_none()
        if source is None or actor is None:
            return
        name = actor.child_name("poll")
        stream = self._world.chance.stream(f"{name} when")
        late = stream.seconds(_SOON_SECONDS) if after is None else after + stream.fraction()
        self._world.start(name, lambda: self._poll(url, source), flow=source.flow, after=late)

    def _poll(self, url: str, source: Source) -> None:
        actor, sqs = current(), self._world.cloud.sqs
        most = actor.stream.between(1, source.batch_size)
        params = {
            "QueueUrl": url,
            "MaxNumberOfMessages": most,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        messages = sqs.call("ReceiveMessage", params).get("Messages", [])
        if messages:
            self._hand_over(actor, url, source, messages)
        if sqs.visible(url):
            self.poll_soon(url)
        at = sqs.next_change_at(url)
        if at is not None:
            self.poll_soon(url, after=max(0.0, at.timestamp() - self._world.scheduler.now))

    def _hand_over(
        self, actor: Actor, url: str, source: Source, messages: list[dict[str, Any]]
    ) -> None:
        event = {"Records": [_record(message) for message in messages]}
        first = self._invoke(actor, source, event)
        again = self._world.faults.active and actor.stream.one_in(_INVOKED_TWICE)
        if again:
            self._world.faults.note(actor, "invoked twice", "sqs", self._world.scheduler.now)
            self._invoke(actor, source, event, after=actor.stream.seconds(0.1))
        self._world.scheduler.wait_for(first, at_most=900.0)
        failed = _failed(first.result, {message["MessageId"] for message in messages})
        for message in messages:
            if message["MessageId"] not in failed:
                self._delete(url, message["ReceiptHandle"])

    def _delete(self, url: str, receipt_handle: str) -> None:
        """What was worked on for longer than it was out of sight stays, and comes again."""
        receipt = {"QueueUrl": url, "ReceiptHandle": receipt_handle}
        try:
            self._world.cloud.sqs.call("DeleteMessage", receipt)
        except ClientError as error:
            if error.response["Error"]["Code"] != _EXPIRED:
                raise

    def _invoke(
        self, actor: Actor, source: Source, event: dict[str, Any], *, after: float = 0.0
    ) -> Actor:
        name = actor.child_name(source.function)
        return self._world.lambdas.invoke(
            source.function, event, flow=source.flow, name=name, after=after
        )


def _failed(result: Answered | None, known: set[str]) -> set[str]:
    """What is to come again: all, if the invocation died or gave a bad answer."""
    if result is None or result.error is not None:
        return known
    failed = {item["itemIdentifier"] for item in (result.value or {}).get("batchItemFailures", ())}
    return failed if failed <= known else known


def _record(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:simulated",
        "awsRegion": "us-east-1",
    }


@dataclass(slots=True)
class _Shard:
    """How far a shard was read; `busy` while a batch of it is being handled."""

    position: int = 0
    busy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSource:
    """An event source mapping of a table's stream."""

    function: str
    flow: str
    batch_size: int
    reports_failures: bool
    #: None for as long as it takes.
    most_retries: int | None


STREAM_SOURCES = {
    "ACCOUNTS_TABLE": StreamSource(
        function="rollup_worker",
        flow="roll-up",
        batch_size=500,
        reports_failures=True,
        most_retries=None,
    ),
    "NOTICES_TABLE": StreamSource(
        function="notice_worker",
        flow="notice",
        batch_size=10,
        reports_failures=False,
        most_retries=2,
    ),
}


@dataclass(slots=True)
class Streams:
    """Reads the tables' streams in order, shard by shard, again and again what failed."""

    world: World
    _shards: dict[tuple[str, int], _Shard] = field(default_factory=dict)

    def __post_init__(self) -> None:
        environment = self.world.cloud.environment
        self._tables = {environment[name]: source for name, source in STREAM_SOURCES.items()}
        self.world.on_effect.append(self._notice)

    _tables: dict[str, StreamSource] = field(init=False, default_factory=dict)

    def _notice(self, request: Request, _: Mapping[str, Any]) -> None:
        actor = current_or_none()
        if request.operation != "TransactWriteItems" or actor is None:
            return
        written = {
            each["TableName"] for item in request.params["TransactItems"] for each in item.values()
        }
        for table in sorted(written & self._tables.keys()):
            name = actor.child_name("stream")
            stream = self.world.chance.stream(f"{name} when")
            self.world.start(
                name,
                lambda table=table: self.read(table),  # type: ignore[misc]
                flow=self._tables[table].flow,
                after=stream.seconds(0.6),
            )

    def read_all(self) -> None:
        """Read whatever is unread, of all streams."""
        for table in sorted(self._tables):
            self.read(table)

    def read(self, table: str) -> None:
        """Read on where nobody is reading."""
        stream = self.world.cloud.dynamodb.stream(table)
        for number in range(stream.shards):
            shard = self._shards.setdefault((table, number), _Shard())
            if shard.busy:
                continue
            shard.busy = True
            try:
                self._read_on(table, number, shard)
            finally:
                shard.busy = False

    def _read_on(self, table: str, number: int, shard: _Shard) -> None:
        source, actor = self._tables[table], current()
        stream = self.world.cloud.dynamodb.stream(table)
        retries = 0
        limit = source.batch_size
        while records := stream.read(number, after=shard.position, limit=limit):
            if self.world.faults.active and len(records) > 1:
                records = records[: actor.stream.between(1, len(records))]
            name = actor.child_name(source.function)
            invocation = self.world.lambdas.invoke(
                source.function, {"Records": records}, flow=source.flow, name=name
            )
            self.world.scheduler.wait_for(invocation, at_most=900.0)
            done = self._done(invocation.result, records, source)
            shard.position += done
            if done:
                retries, limit = 0, source.batch_size
                continue
            retries += 1
            limit = max(1, len(records) // 2)
            if source.most_retries is not None and retries > source.most_retries:
                shard.position += len(records)
                retries = 0
                continue
            self.world.scheduler.wait(_RETRY_SECONDS)

    def _done(
        self, result: Answered | None, records: list[dict[str, Any]], source: StreamSource
    ) -> int:
        if result is None or result.error is not None:
            return 0
        if not source.reports_failures:
            return len(records)
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        failed = [each["itemIdentifier"] for each in (result.value or {})["batchItemFailures"]]
        return min((numbers.index(number) for number in failed), default=len(records))
