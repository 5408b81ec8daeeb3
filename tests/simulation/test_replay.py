"""Whole histories end alike in memory and on ministack, and what differs is found and told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bench.engines import FOLDER, NoEngineError
from devstack.emulator import Emulator
from simulation.cloud import Choices, MemoryCloud
from simulation.cloud.dynamodb.writes import PlannedWrite
from simulation.replay.__main__ import main
from simulation.replay.account import Second, second_aws
from simulation.replay.comparing import LAW, Comparing
from simulation.replay.dynamodb import TwiceDynamoDb
from simulation.replay.engines import DYNAMODB_LOCAL, of_emulator, started
from simulation.replay.forms import canonical, codes_of, form_of_answer
from simulation.replay.history import Replayed, replay
from simulation.replay.s3 import TwiceS3
from simulation.replay.streams import compare_streams
from simulation.run import Plan

FIXED = (2, 7, 40_002)
STEPS = 300
NOW = datetime(2026, 11, 23, tzinfo=UTC)
ACCOUNTS = "gateway-credits-AccountsTable"


class Worst(Choices):
    """Every read is one change behind, and of every batch one is left out."""

    remembers = True

    def read_behind(self, table: str, key: str, changes: int) -> int:
        return 1

    def unprocessed(self, operation: str, count: int) -> int:
        return 1


class Twice:
    """Both services over an account, and what was told of differences."""

    def __init__(self, second: Second, choices: Choices) -> None:
        self.told: list[str] = []
        self.comparing = Comparing(tell=self.told.append)
        self.second = second
        like = MemoryCloud(now=lambda: NOW)
        (self.bucket,) = like.s3.buckets
        self.dynamodb = TwiceDynamoDb(
            like.dynamodb.schemas.values(),
            choices=choices,
            now=lambda: NOW,
            client=second.dynamodb,
            comparing=self.comparing,
        )
        self.s3 = TwiceS3(
            like.s3.buckets, now=lambda: NOW, client=second.s3, comparing=self.comparing
        )

    def compare_end(self) -> None:
        self.dynamodb.compare_state()
        self.s3.compare_state()
        compare_streams(self.dynamodb, self.second.streams, self.comparing)

    def put(self, organization_id: str, available: int, **more: Any) -> None:
        item = account(organization_id, available)
        self.dynamodb.call("PutItem", {"TableName": ACCOUNTS, "Item": item, **more})


def account(organization_id: str, available: int) -> dict[str, Any]:
    return {"organization_id": {"S": organization_id}, "available": {"N": str(available)}}


def key(organization_id: str) -> dict[str, Any]:
    return {"organization_id": {"S": organization_id}}


@pytest.fixture
def make_twice(emulator: Emulator) -> Iterator[Callable[[Choices], Twice]]:
    with second_aws(emulator.empty_account(), MemoryCloud(now=lambda: NOW)) as second:
        yield lambda choices: Twice(second, choices)


@pytest.fixture
def twice(make_twice: Callable[[Choices], Twice]) -> Twice:
    return make_twice(Choices())


@pytest.mark.slow
@pytest.mark.parametrize("seed", FIXED)
def test_a_history_ends_in_the_same_state_on_ministack(seed: int, emulator: Emulator) -> None:
    replayed = replay(Plan(seed=seed, steps=STEPS), of_emulator(emulator))
    check(replayed)
    assert replayed.comparing.things["objects"]


@pytest.mark.slow
def test_a_history_ends_in_the_same_state_on_dynamodb_local(tmp_path: Path) -> None:
    if not (FOLDER / "package" / "emulator" / "DynamoDBLocal.jar").exists():
        pytest.skip("DynamoDB Local isn't here; make bench fetches it")
    try:
        with started(DYNAMODB_LOCAL, home=tmp_path) as engine:
            check(replay(Plan(seed=FIXED[0], steps=STEPS), engine))
    except NoEngineError as error:
        pytest.skip(str(error))


def check(replayed: Replayed) -> None:
    assert replayed.history.crash is None, replayed.history.crash
    assert not replayed.history.violations, replayed.history.violations[0].detail
    assert replayed.history.steps > STEPS
    calls, things = replayed.comparing.calls, replayed.comparing.things
    assert calls["TransactWriteItems"] > 20
    assert calls["GetItem"] > 50
    assert all(things[what] for what in ("items", "changes"))


@pytest.mark.slow
def test_a_history_in_which_memory_forgets_conditions_differs_and_says_how_to_replay_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never_refused(self: PlannedWrite) -> Any:
        unconditional = object.__new__(PlannedWrite)
        for name in PlannedWrite.__slots__:
            object.__setattr__(unconditional, name, getattr(self, name))
        object.__setattr__(unconditional, "condition", None)
        return outcome(unconditional)

    outcome = PlannedWrite.outcome
    monkeypatch.setattr(PlannedWrite, "outcome", never_refused)
    options = ["--first", "40002", "--histories", "5", "--steps", "300"]
    monkeypatch.setattr(sys, "argv", ["replay", *options])
    assert main() == 1
    said = capsys.readouterr().out
    assert f"BROKEN: {LAW}: TransactWriteItems" in said
    assert "ministack: {" in said
    assert "ConditionalCheckFailed" in said
    assert "Replay: make replay-histories FIRST=40002 HISTORIES=1 STEPS=300" in said


def test_the_same_answers_and_the_same_refusals_are_no_difference(twice: Twice) -> None:
    twice.put("acme", 5)
    refused = {"ConditionExpression": "attribute_not_exists(organization_id)"}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        twice.put("acme", 6, **refused)
    put = {"Bucket": twice.bucket, "Key": "a", "ContentType": "text/html"}
    twice.s3.call("PutObject", {**put, "Body": b"1"})
    with pytest.raises(ClientError, match="PreconditionFailed"):
        twice.s3.call("PutObject", {**put, "Body": b"2", "IfNoneMatch": "*"})
    read = twice.s3.call("GetObject", {"Bucket": twice.bucket, "Key": "a"})
    assert read["Body"].read() == b"1"
    twice.compare_end()
    assert twice.told == []
    assert twice.comparing.refusals == {
        "PutItem: ConditionalCheckFailedException": 1,
        "PutObject: PreconditionFailed": 1,
    }
    assert twice.comparing.things == {"items": 1, "objects": 1, "changes": 1}


def test_an_answer_that_differs_is_told(twice: Twice) -> None:
    twice.put("acme", 5)
    twice.second.dynamodb.put_item(TableName=ACCOUNTS, Item=account("acme", 4))
    asked = {"TableName": ACCOUNTS, "Key": key("acme"), "ConsistentRead": True}
    given = twice.dynamodb.call("GetItem", asked)
    assert given["Item"]["available"] == {"N": "4"}, "what ministack says is what the product gets"
    (story,) = twice.told
    assert story.startswith("GetItem")
    assert story.index("{'N': '5'}") < story.index("{'N': '4'}")


def test_what_one_has_stored_and_the_other_hasn_t_is_told(twice: Twice) -> None:
    twice.put("acme", 5)
    twice.second.dynamodb.put_item(TableName=ACCOUNTS, Item=account("other", 1))
    assert twice.second.s3 is not None
    twice.second.s3.put_object(Bucket=twice.bucket, Key="a", Body=b"1")
    twice.compare_end()
    assert [story.partition("\n")[0] for story in twice.told] == [
        f"items of {ACCOUNTS} {{'S': 'other'}} in the end",
        f"objects of {twice.bucket} a in the end",
        f"changes of {ACCOUNTS} {{'organization_id': {{'S': 'other'}}}} in the end",
    ]


def test_changes_of_an_item_in_another_order_are_told(
    twice: Twice, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice.put("acme", 5)
    for available in (6, 7):
        twice.put("acme", available)
    stream = twice.dynamodb.stream(ACCOUNTS)
    for shard in range(stream.shards):
        stream._shards[shard].reverse()
    twice.compare_end()
    (story,) = twice.told
    assert story.startswith(f"changes of {ACCOUNTS}")


def test_a_read_that_is_behind_is_compared_as_it_is_and_answered_as_it_was(
    make_twice: Callable[[Choices], Twice],
) -> None:
    twice = make_twice(Worst())
    twice.put("acme", 5)
    twice.put("acme", 6)
    asked = {"TableName": ACCOUNTS, "Key": key("acme")}
    assert twice.dynamodb.call("GetItem", asked)["Item"]["available"] == {"N": "5"}
    consistent = twice.dynamodb.call("GetItem", {**asked, "ConsistentRead": True})
    assert consistent["Item"]["available"] == {"N": "6"}
    twice.compare_end()
    assert twice.told == []
    assert twice.comparing.behind == {"GetItem": 1}


def test_a_scan_is_compared_as_a_whole_whatever_its_parts(twice: Twice) -> None:
    for number in range(9):
        twice.put(f"org{number}", number)
    asked = {"TableName": ACCOUNTS, "TotalSegments": 2, "Limit": 3}
    found = [twice.dynamodb.call("Scan", {**asked, "Segment": segment}) for segment in (0, 1)]
    assert all(page["Count"] <= 3 for page in found), "the caller gets the part"
    assert twice.told == []
    twice.second.dynamodb.put_item(TableName=ACCOUNTS, Item=account("org4", -1))
    twice.dynamodb.call("Scan", {**asked, "Segment": 0})
    (story,) = twice.told
    assert story.startswith("Scan")


def test_what_is_left_out_of_a_batch_is_left_out_of_both(
    make_twice: Callable[[Choices], Twice],
) -> None:
    twice = make_twice(Worst())
    names = ["a", "b", "c"]
    puts = [{"PutRequest": {"Item": account(name, 1)}} for name in names]
    answer = twice.dynamodb.call("BatchWriteItem", {"RequestItems": {ACCOUNTS: puts}})
    assert answer["UnprocessedItems"] == {ACCOUNTS: puts[2:]}
    found = twice.dynamodb.call(
        "BatchGetItem",
        {
            "RequestItems": {
                ACCOUNTS: {"Keys": [key(name) for name in names], "ConsistentRead": True}
            }
        },
    )
    assert canonical(sorted(found["Responses"][ACCOUNTS], key=repr)) == [
        canonical(account(name, 1)) for name in names[:2]
    ]
    assert found["UnprocessedKeys"] == {ACCOUNTS: {"Keys": [key("c")], "ConsistentRead": True}}
    twice.compare_end()
    assert twice.told == []


def test_the_account_is_empty_for_the_next_history(emulator: Emulator) -> None:
    cloud, like = emulator.empty_account(), MemoryCloud(now=lambda: NOW)
    for _ in range(2):
        with second_aws(cloud, like) as second:
            twice = Twice(second, Choices())
            twice.put("acme", 5)
            twice.s3.call("PutObject", {"Bucket": twice.bucket, "Key": "a", "Body": b"1"})
            twice.compare_end()
            assert twice.told == []
    assert cloud.client("dynamodb").list_tables()["TableNames"] == []


def test_only_order_that_means_nothing_is_left_out() -> None:
    items = [account("a", 1), account("b", 2)]
    assert form_of_answer("Scan", {"Items": items}) == form_of_answer(
        "Scan", {"Items": items[::-1]}
    )
    assert form_of_answer("Query", {"Items": items}) != form_of_answer(
        "Query", {"Items": items[::-1]}
    )
    equal = [{**item, "low": {"S": "1"}} for item in items]
    for sorted_by, alike in (
        ("low", True),
        ("available", False),
        ("missing", False),
        (None, False),
    ):
        forms = [
            form_of_answer("Query", {"Items": each}, sorted_by=sorted_by)
            for each in (equal, equal[::-1])
        ]
        assert (forms[0] == forms[1]) is alike
    assert canonical({"SS": ["b", "a"]}) == canonical({"SS": ["a", "b"]})
    assert canonical({"L": [{"S": "b"}, {"S": "a"}]}) != canonical({"L": [{"S": "a"}, {"S": "b"}]})
    assert codes_of(form_of_answer("GetItem", {})) == ""


def test_ministack_s_state_is_given_in_the_order_and_form_of_memory_s(twice: Twice) -> None:
    assert twice.dynamodb.state() == {name: [] for name in sorted(twice.dynamodb.schemas)}
    twice.put("b", 1)
    twice.put("a", 1)
    memory: dict[str, Any] = {name: [] for name in twice.dynamodb.schemas} | {
        ACCOUNTS: [dict(sorted(account(name, 1).items())) for name in ("a", "b")]
    }
    assert twice.dynamodb.state() == dict(sorted(memory.items()))
