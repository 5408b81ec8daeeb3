"""The rules that the local stack copies from AWS: routes, schedules, batches, the template."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devstack.invocation import Function, FunctionSettings
from devstack.queues import QueuePoller, QueueSource
from devstack.routes import RouteTable
from devstack.schedules import parse
from devstack.streams import FOR_EVER, StreamPoller, StreamSource
from devstack.template import Template
from tests.devstack.conftest import STUB

ROUTES = RouteTable(
    {
        "/": ("GET",),
        "/v1/{organization}/credits": ("GET",),
        "/v1/prices/{name}": ("GET",),
        "/v1/{organization}/{rest+}": ("GET",),
        "/{any+}": ("GET",),
    }
)


@pytest.mark.parametrize(
    ("path", "pattern", "parameters"),
    [
        ("/", "/", {}),
        ("/v1/acme/credits", "/v1/{organization}/credits", {"organization": "acme"}),
        ("/v1/acme/credits/", "/v1/{organization}/credits", {"organization": "acme"}),
        ("/v1/prices/credits", "/v1/prices/{name}", {"name": "credits"}),
        ("/v1/acme/a/b", "/v1/{organization}/{rest+}", {"organization": "acme", "rest": "a/b"}),
        ("/v1/a%2Fb/credits", "/v1/{organization}/credits", {"organization": "a%2Fb"}),
        ("/v1", "/{any+}", {"any": "v1"}),
    ],
)
def test_the_most_specific_route_is_taken(
    path: str, pattern: str, parameters: dict[str, str]
) -> None:
    match = ROUTES.match(path)
    assert match is not None
    assert (match.pattern, match.parameters) == (pattern, parameters)


def test_an_empty_parameter_fits_no_route() -> None:
    assert RouteTable({"/v1/{organization}/credits": ("GET",)}).match("/v1//credits") is None


NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("rate(1 minute)", NOON + timedelta(minutes=1)),
        ("rate(5 minutes)", NOON + timedelta(minutes=5)),
        ("rate(2 hours)", NOON + timedelta(hours=2)),
        ("rate(1 day)", NOON + timedelta(days=1)),
        ("cron(0/15 * * * ? *)", NOON + timedelta(minutes=15)),
        ("cron(5 3 * * ? *)", datetime(2026, 11, 24, 3, 5, tzinfo=UTC)),
        ("cron(0 8 1 * ? *)", datetime(2026, 12, 1, 8, 0, tzinfo=UTC)),
        ("cron(0 10 ? * SUN,TUE *)", datetime(2026, 11, 24, 10, 0, tzinfo=UTC)),
        ("cron(30 12 ? JAN-MAR 1 *)", datetime(2027, 1, 3, 12, 30, tzinfo=UTC)),
        ("cron(0 0 1 1 ? 2020)", None),
    ],
)
def test_a_schedule_is_due_when_eventbridge_says_so(expression: str, due: datetime | None) -> None:
    assert parse(expression).next_after(NOON) == due


@pytest.mark.parametrize(
    "expression",
    ["every minute", "rate(1)", "cron(* * *)", "cron(61 * * * ? *)", "cron(0 0 L * ? *)"],
)
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"EventBridge|between|invalid literal"):
        parse(expression)


class FakeQueue:
    """Hands out one batch and remembers what was deleted."""

    def __init__(self, *ids: str) -> None:
        self.messages = [
            {"MessageId": i, "ReceiptHandle": f"handle-{i}", "Body": "", "MD5OfBody": ""}
            for i in ids
        ]
        self.deleted: list[str] = []

    def receive_message(self, **_: object) -> dict[str, Any]:
        given, self.messages = self.messages, []
        return {"Messages": given}

    def delete_message_batch(self, *, Entries: list[dict[str, str]], **_: object) -> None:  # noqa: N803
        self.deleted += [entry["ReceiptHandle"].removeprefix("handle-") for entry in Entries]


def polled(answer: Any, *, reports: bool = True) -> list[str]:
    """Which of the messages a, b and c are deleted when the function answers so."""
    queue = FakeQueue("a", "b", "c")
    function = Function(
        name="f", handler=lambda event, context: answer, timeout_seconds=1, memory_mb=128
    )
    source = QueueSource(
        queue_url="",
        queue_arn="",
        batch_size=10,
        window_seconds=0,
        reports_item_failures=reports,
    )
    QueuePoller(sqs=queue, source=source, function=function, stopping=threading.Event()).poll()
    return queue.deleted


@pytest.mark.parametrize(
    ("answer", "deleted"),
    [
        (None, ["a", "b", "c"]),
        ({}, ["a", "b", "c"]),
        ({"batchItemFailures": []}, ["a", "b", "c"]),
        ({"batchItemFailures": None}, ["a", "b", "c"]),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, ["a", "c"]),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, []),
        ({"batchItemFailures": [{"itemIdentifier": "unknown"}]}, []),
        ({"batchItemFailures": [{"wrong": "b"}]}, []),
        ("no object", []),
        (object(), []),
    ],
)
def test_what_the_function_did_not_fail_is_deleted(answer: Any, deleted: list[str]) -> None:
    assert polled(answer) == deleted


def test_failures_count_only_where_the_mapping_asks_for_them() -> None:
    failures = {"batchItemFailures": [{"itemIdentifier": "b"}]}
    assert polled(failures, reports=False) == ["a", "b", "c"]


class FakeStream:
    """One shard with records 1 to n."""

    def __init__(self, count: int) -> None:
        self.records = [
            {
                "eventID": str(n),
                "eventName": "INSERT",
                "awsRegion": "r",
                "dynamodb": {"SequenceNumber": str(n), "ApproximateCreationDateTime": NOON},
            }
            for n in range(1, count + 1)
        ]

    def describe_stream(self, **_: object) -> dict[str, Any]:
        return {"StreamDescription": {"Shards": [{"ShardId": "one"}]}}

    def get_shard_iterator(self, **arguments: str) -> dict[str, str]:
        assert arguments["ShardIteratorType"] == "TRIM_HORIZON"
        return {"ShardIterator": "start"}

    def get_records(self, **_: object) -> dict[str, Any]:
        given, self.records = self.records, []
        return {"Records": given, "NextShardIterator": "next"}


def followed(
    refused: set[str],
    *,
    reports: bool = False,
    bisects: bool = False,
    retries: int = FOR_EVER,
    mended_after: int = 1_000,
) -> list[list[str]]:
    """The batches that a function gets which fails on the refused records."""
    batches: list[list[str]] = []

    def handler(event: Any, context: object) -> dict[str, Any] | None:
        numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
        batches.append(numbers)
        failed = [number for number in numbers if number in refused]
        if len(batches) > mended_after or not failed:
            return None
        if reports:
            return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
        raise RuntimeError("refused")

    stopping = threading.Event()
    stopping.wait = lambda timeout=None: False  # type: ignore[method-assign]
    StreamPoller(
        streams=FakeStream(5),
        source=StreamSource(
            stream_arn="arn",
            batch_size=4,
            reports_item_failures=reports,
            bisects_on_error=bisects,
            retry_attempts=retries,
        ),
        function=Function(name="f", handler=handler, timeout_seconds=1, memory_mb=128),
        stopping=stopping,
    ).poll()
    return batches


def test_a_stream_is_handed_over_in_order_and_in_batches() -> None:
    assert followed(set()) == [["1", "2", "3", "4"], ["5"]]


def test_a_failed_batch_of_a_stream_comes_again_and_holds_the_rest() -> None:
    first = ["1", "2", "3", "4"]
    assert followed({"3"}, mended_after=2) == [first, first, first, ["5"]]


def test_a_stream_goes_on_from_the_first_reported_failure() -> None:
    assert followed({"3"}, reports=True, mended_after=1) == [
        ["1", "2", "3", "4"], ["3", "4"], ["5"],
    ]  # fmt: skip


def test_a_bisected_stream_gives_up_the_refused_record_alone() -> None:
    batches = followed({"3"}, bisects=True, retries=0)
    assert [n for batch in batches if "3" not in batch for n in batch] == ["1", "2", "4", "5"]
    assert ["3"] in batches


def test_short_forms_of_the_template_become_long_ones(tmp_path: Path) -> None:
    path = tmp_path / "resources.yaml"
    path.write_text(
        "a: !Ref X\nb: !GetAtt X.Arn\nc: !Sub '${X}'\nd: !If [C, !Ref A, {e: !Ref B}]\n"
    )
    assert Template.read(path).content == {
        "a": {"Ref": "X"},
        "b": {"Fn::GetAtt": ["X", "Arn"]},
        "c": {"Fn::Sub": "${X}"},
        "d": {"Fn::If": ["C", {"Ref": "A"}, {"e": {"Ref": "B"}}]},
    }


def test_only_what_holds_data_is_created() -> None:
    template = Template.read(STUB / ".chalice" / "resources.yaml")
    kept = template.data_resources(visibility_timeout_seconds=3)
    assert "Alarm" not in kept
    assert "Jobs" not in kept
    assert kept["JobsQueue"]["Properties"]["VisibilityTimeout"] == 3
    assert "RedrivePolicy" in kept["JobsQueue"]["Properties"]
    unchanged = template.data_resources()["JobsQueue"]["Properties"]
    assert unchanged["VisibilityTimeout"] == 120


def test_a_functions_own_limits_come_before_general_ones() -> None:
    settings = FunctionSettings.read(STUB)
    assert settings.timeout_seconds("jobs") == 7
    assert settings.timeout_seconds("usage") == 20
    assert settings.memory_mb("usage") == 128
