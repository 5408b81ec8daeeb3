"""The workers serve queues, streams and schedules as Lambda does."""

from __future__ import annotations

import json
from collections.abc import Callable

from devstack.stack import Stack
from tests.devstack.conftest import send, wait_until

Seen = Callable[[str], list[str]]


def left_in(stack: Stack, queue: str) -> int:
    """How many messages a queue holds, visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = stack.cloud.client("sqs").get_queue_attributes(
        QueueUrl=stack.cloud.physical_ids()[queue], AttributeNames=names
    )
    return sum(int(answer["Attributes"][name]) for name in names)


def dead_letters(stack: Stack) -> list[str]:
    answer = stack.cloud.client("sqs").receive_message(
        QueueUrl=stack.cloud.physical_ids()["JobsDeadLetters"],
        MaxNumberOfMessages=10,
        VisibilityTimeout=0,
    )
    return [message["Body"] for message in answer.get("Messages", [])]


def test_messages_are_handled_and_deleted(stub: Stack, seen: Seen) -> None:
    send(stub, "JobsQueue", "one", "two", "three")
    wait_until(lambda: {"one 1", "two 1", "three 1"} <= set(seen("job")), "three messages")
    wait_until(lambda: left_in(stub, "JobsQueue") == 0, "an empty queue")


def test_only_the_reported_message_of_a_batch_comes_again(stub: Stack, seen: Seen) -> None:
    send(stub, "JobsQueue", "before", "fail once", "after")
    wait_until(lambda: "fail once 2" in seen("job"), "a second receipt")
    wait_until(lambda: left_in(stub, "JobsQueue") == 0, "an empty queue")
    assert not {"before 2", "after 2"} & set(seen("job"))


def test_a_message_that_keeps_failing_ends_in_the_dead_letter_queue(
    stub: Stack, seen: Seen
) -> None:
    send(stub, "JobsQueue", "never")
    wait_until(lambda: "never" in dead_letters(stub), "a dead letter")
    assert [note for note in seen("job") if note.startswith("never ")] == ["never 1", "never 2"]


def test_an_exception_deletes_nothing_of_the_batch(stub: Stack, seen: Seen) -> None:
    send(stub, "JobsQueue", "bystander", "raise")
    wait_until(lambda: "raise" in dead_letters(stub), "a dead letter")
    assert all("raise" in json.loads(batch) for batch in seen("raised"))
    # The bystander was not lost with the batch that failed: it was handled, or is dead too.
    wait_until(
        lambda: (
            any(note.startswith("bystander ") for note in seen("job"))
            or "bystander" in dead_letters(stub)
        ),
        "the bystander",
    )


def test_a_failed_message_holds_the_later_ones_of_its_group_only(stub: Stack, seen: Seen) -> None:
    send(stub, "UsageQueue", "a1", "fail once a2", "a3", group="a")
    send(stub, "UsageQueue", "b1", "b2", group="b")
    wait_until(lambda: left_in(stub, "UsageQueue") == 0, "an empty queue")
    of_a = [note for note in seen("usage") if note.startswith("a ")]
    of_b = [note for note in seen("usage") if note.startswith("b ")]
    assert of_b == ["b b1 1", "b b2 1"]
    assert [note.rsplit(" ", 1)[0] for note in of_a] == [
        "a a1", "a fail once a2", "a fail once a2", "a a3",
    ]  # fmt: skip


def test_a_schedule_sends_its_event_again_and_again(stub: Stack, seen: Seen) -> None:
    events = wait_until(lambda: len(seen("sweep")) > 1 and seen("sweep"), "two schedules")
    first, second = (json.loads(event) for event in events[:2])
    assert first["source"] == "aws.events"
    assert first["detail-type"] == "Scheduled Event"
    assert first["resources"][0].endswith(":rule/sweep")
    assert first["id"] != second["id"]


def test_a_stream_is_followed_from_its_oldest_record(stub: Stack, seen: Seen) -> None:
    table = stub.cloud.physical_ids()["FollowedTable"]
    for name in ("first", "second"):
        stub.cloud.client("dynamodb").put_item(TableName=table, Item={"name": {"S": name}})
    wait_until(lambda: len(seen("followed")) > 1, "two records")
    assert seen("followed")[:2] == ["INSERT first", "INSERT second"]


def test_a_killed_worker_loses_no_message(stub: Stack, seen: Seen) -> None:
    stub.kill("worker-1")
    send(stub, "JobsQueue", "kept")
    stub.restart("worker-1")
    wait_until(lambda: any(note.startswith("kept ") for note in seen("job")), "the message")
