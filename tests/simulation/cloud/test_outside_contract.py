"""What SQS, S3 and EventBridge promise, asked of those in memory and of ministack alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devstack.emulator import Emulator
from simulation.cloud import MemoryCloud
from tests.support.stack import NOBODY

WrongOn = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The clients of one cloud with the template's resources, and letting its time pass."""

    name: str
    physical_ids: Mapping[str, str]
    client: Callable[[str], Any]
    pass_time: Callable[[float], None]

    def send(self, queue: str, body: str, **more: Any) -> dict[str, Any]:
        url = self.physical_ids[queue]
        answer: dict[str, Any] = self.client("sqs").send_message(
            QueueUrl=url, MessageBody=body, **more
        )
        return answer

    def receive(self, queue: str, most: int = 10, **more: Any) -> list[dict[str, Any]]:
        answer = self.client("sqs").receive_message(
            QueueUrl=self.physical_ids[queue],
            MaxNumberOfMessages=most,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
            **more,
        )
        assert answer.get("Messages", [None]), "without messages there is no list"
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def delete(self, queue: str, message: Mapping[str, Any]) -> None:
        self.client("sqs").delete_message(
            QueueUrl=self.physical_ids[queue], ReceiptHandle=message["ReceiptHandle"]
        )

    def show(self, queue: str, message: Mapping[str, Any], seconds: int = 0) -> None:
        self.client("sqs").change_message_visibility(
            QueueUrl=self.physical_ids[queue],
            ReceiptHandle=message["ReceiptHandle"],
            VisibilityTimeout=seconds,
        )


def _in_memory() -> Outside:
    at = [datetime(2026, 11, 23, 12, tzinfo=UTC)]
    cloud = MemoryCloud(now=lambda: at[0])

    def pass_time(seconds: float) -> None:
        at[0] += timedelta(seconds=seconds)

    return Outside(
        name="memory",
        physical_ids=cloud.physical_ids,
        client=cloud.client,
        pass_time=pass_time,
    )


@pytest.fixture(params=["memory", "ministack"])
def outside(request: pytest.FixtureRequest) -> Outside:
    if request.param == "memory":
        return _in_memory()
    emulator: Emulator = request.getfixturevalue("emulator")
    account = emulator.account(given=NOBODY)
    clients: dict[str, Any] = {}
    return Outside(
        name="ministack",
        physical_ids=account.physical_ids,
        client=lambda service: clients.setdefault(service, account.cloud.client(service)),
        pass_time=time.sleep,
    )


@pytest.fixture
def wrong_on(request: pytest.FixtureRequest, outside: Outside) -> WrongOn:
    """Say that ministack is known to fail the test, and why."""

    def mark(reason: str) -> None:
        if outside.name == "ministack":
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))

    return mark


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [message["Body"] for message in messages]


def code(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


def report(group: str, number: int, **more: Any) -> dict[str, Any]:
    return {"MessageGroupId": group, "MessageDeduplicationId": f"{group}-{number}", **more}


# Standard queues


def test_a_message_arrives_with_its_attributes(outside: Outside) -> None:
    reason = {"reason": {"DataType": "String", "StringValue": "ünknown"}}
    sent = outside.send("TopUpQueue", "hällo", MessageAttributes=reason)
    (message,) = outside.receive("TopUpQueue")
    assert message["Body"] == "hällo"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["MessageAttributes"] == reason
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_a_received_message_is_hidden_for_its_time(outside: Outside) -> None:
    outside.send("TopUpQueue", "one")
    outside.receive("TopUpQueue", VisibilityTimeout=1)
    assert outside.receive("TopUpQueue") == []
    outside.pass_time(1.2)
    (again,) = outside.receive("TopUpQueue")
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_hidden_message_can_be_shown_again_at_once(outside: Outside) -> None:
    outside.send("TopUpQueue", "one")
    (message,) = outside.receive("TopUpQueue")
    outside.show("TopUpQueue", message)
    assert bodies(outside.receive("TopUpQueue")) == ["one"]


def test_a_deleted_message_comes_no_more(outside: Outside) -> None:
    outside.send("TopUpQueue", "one")
    (message,) = outside.receive("TopUpQueue", VisibilityTimeout=1)
    outside.delete("TopUpQueue", message)
    outside.pass_time(1.2)
    assert outside.receive("TopUpQueue") == []


def test_a_message_can_be_deleted_twice(outside: Outside, wrong_on: WrongOn) -> None:
    wrong_on("no longer knows the receipt; AWS answers alike however often")
    outside.send("TopUpQueue", "one")
    (message,) = outside.receive("TopUpQueue")
    outside.delete("TopUpQueue", message)
    outside.delete("TopUpQueue", message)


def test_a_delayed_message_comes_later(outside: Outside) -> None:
    outside.send("TopUpQueue", "one", DelaySeconds=2)
    assert outside.receive("TopUpQueue") == []
    outside.pass_time(2.2)
    assert bodies(outside.receive("TopUpQueue")) == ["one"]


@pytest.mark.parametrize(
    ("queue", "dead_letters", "most", "more"),
    [
        ("TopUpQueue", "TopUpDeadLetterQueue", 5, {}),
        ("UsageQueue", "UsageDeadLetterQueue", 10, report("acme", 1)),
    ],
)
def test_what_is_received_too_often_moves_to_the_dead_letters(
    outside: Outside, queue: str, dead_letters: str, most: int, more: dict[str, str]
) -> None:
    outside.send(queue, "poison", **more)
    for attempt in range(1, most + 1):
        (message,) = outside.receive(queue)
        assert message["Attributes"]["ApproximateReceiveCount"] == str(attempt)
        outside.show(queue, message)
    assert outside.receive(queue) == []
    (dead,) = outside.receive(dead_letters)
    assert (dead["Body"], dead["MessageId"]) == ("poison", message["MessageId"])


def test_a_receive_gives_as_many_as_asked_for(outside: Outside) -> None:
    for number in range(12):
        outside.send("TopUpQueue", str(number))
    received = [bodies(outside.receive("TopUpQueue", most)) for most in (1, 10, 10)]
    assert [len(each) for each in received] == [1, 10, 1]
    assert {body for each in received for body in each} == set(map(str, range(12)))


def test_a_message_can_be_counted_where_it_is(outside: Outside) -> None:
    for number in range(3):
        outside.send("TopUpQueue", str(number))
    outside.receive("TopUpQueue", 1)
    answer = outside.client("sqs").get_queue_attributes(
        QueueUrl=outside.physical_ids["TopUpQueue"],
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )
    assert answer["Attributes"] == {
        "ApproximateNumberOfMessages": "2",
        "ApproximateNumberOfMessagesNotVisible": "1",
    }


# FIFO queues


def test_a_group_comes_in_order(outside: Outside) -> None:
    for number in range(5):
        outside.send("UsageQueue", str(number), **report("acme", number))
    assert bodies(outside.receive("UsageQueue")) == list("01234")


def test_a_group_waits_for_what_is_in_flight_and_others_do_not(outside: Outside) -> None:
    for number in range(3):
        outside.send("UsageQueue", f"acme {number}", **report("acme", number))
    (first,) = outside.receive("UsageQueue", 1)
    outside.send("UsageQueue", "other", **report("other", 0))
    assert bodies(outside.receive("UsageQueue")) == ["other"]
    outside.delete("UsageQueue", first)
    assert bodies(outside.receive("UsageQueue")) == ["acme 1", "acme 2"]


def test_a_group_goes_on_with_what_failed(outside: Outside) -> None:
    for number in range(3):
        outside.send("UsageQueue", str(number), **report("acme", number))
    first, second = outside.receive("UsageQueue", 2)
    outside.delete("UsageQueue", second)
    assert outside.receive("UsageQueue") == []
    outside.show("UsageQueue", first)
    assert bodies(outside.receive("UsageQueue")) == ["0", "2"]


def test_the_same_report_is_taken_once_in_five_minutes(outside: Outside) -> None:
    sent = outside.send("UsageQueue", "one", **report("acme", 1))
    again = outside.send("UsageQueue", "another body", **report("acme", 1))
    assert again["MessageId"] == sent["MessageId"]
    (message,) = outside.receive("UsageQueue")
    outside.delete("UsageQueue", message)
    outside.send("UsageQueue", "one", **report("acme", 1))
    assert outside.receive("UsageQueue") == []


def test_a_late_receipt_of_a_group_deletes_nothing(outside: Outside, wrong_on: WrongOn) -> None:
    wrong_on("deletes it all the same")
    outside.send("UsageQueue", "one", **report("acme", 1))
    (message,) = outside.receive("UsageQueue", VisibilityTimeout=1)
    outside.pass_time(1.2)
    assert code(lambda: outside.delete("UsageQueue", message)) == "InvalidParameterValue"
    assert bodies(outside.receive("UsageQueue")) == ["one"]


def test_a_batch_fails_by_its_entries(outside: Outside) -> None:
    url = outside.physical_ids["UsageQueue"]
    answer = outside.client("sqs").send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "good", "MessageBody": "1", **report("acme", 1)},
            {"Id": "bad", "MessageBody": "2", "MessageDeduplicationId": "2"},
        ],
    )
    assert [each["Id"] for each in answer["Successful"]] == ["good"]
    assert [(each["Id"], each["SenderFault"]) for each in answer["Failed"]] == [("bad", True)]
    (message,) = outside.receive("UsageQueue")
    deleted = outside.client("sqs").delete_message_batch(
        QueueUrl=url, Entries=[{"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}]
    )
    assert deleted["Successful"] == [{"Id": "0"}]
    assert not deleted.get("Failed")


# What SQS refuses


def test_what_sqs_refuses(outside: Outside) -> None:
    sqs, url = outside.client("sqs"), outside.physical_ids["UsageQueue"]
    nowhere = url.replace("usage", "nowhere")
    entry = {"Id": "1", "MessageBody": "1", **report("acme", 1)}
    many = [{**entry, "Id": str(number)} for number in range(11)]
    batch = sqs.send_message_batch
    expected: list[tuple[Callable[[], object], str]] = [
        (lambda: sqs.send_message(QueueUrl=nowhere, MessageBody="x"), "NonExistentQueue"),
        (lambda: outside.send("UsageQueue", "x"), "MissingParameter"),
        (
            lambda: outside.send("UsageQueue", "x", MessageGroupId="acme"),
            "InvalidParameterValue",
        ),
        (lambda: batch(QueueUrl=url, Entries=[]), "EmptyBatchRequest"),
        (lambda: batch(QueueUrl=url, Entries=many), "TooManyEntriesInBatchRequest"),
        (lambda: batch(QueueUrl=url, Entries=[entry, entry]), "BatchEntryIdsNotDistinct"),
    ]
    for call, refused in expected:
        assert code(call).rpartition(".")[2] == refused


# S3


def test_an_object_is_written_once(outside: Outside) -> None:
    s3, bucket = outside.client("s3"), outside.physical_ids["DocumentsBucket"]
    first = {"Bucket": bucket, "Key": "a/b.pdf", "ContentType": "application/pdf"}
    s3.put_object(Body=b"one", IfNoneMatch="*", **first)
    assert (
        code(lambda: s3.put_object(Body=b"two", IfNoneMatch="*", **first)) == "PreconditionFailed"
    )
    found = s3.get_object(Bucket=bucket, Key="a/b.pdf")
    assert found["Body"].read() == b"one"
    assert (found["ContentType"], found["ContentLength"]) == ("application/pdf", 3)
    assert s3.head_object(Bucket=bucket, Key="a/b.pdf")["ETag"] == found["ETag"]


def test_what_is_not_there_is_not_found(outside: Outside) -> None:
    s3, bucket = outside.client("s3"), outside.physical_ids["DocumentsBucket"]
    assert code(lambda: s3.get_object(Bucket=bucket, Key="none")) == "NoSuchKey"
    assert code(lambda: s3.head_object(Bucket=bucket, Key="none")) == "404"
    assert code(lambda: s3.get_object(Bucket="no-bucket", Key="none")) == "NoSuchBucket"


def test_a_bucket_keeps_every_version(outside: Outside) -> None:
    s3, bucket = outside.client("s3"), outside.physical_ids["DocumentsBucket"]
    where = {"Bucket": bucket, "Key": "a"}
    first = s3.put_object(Body=b"one", **where)
    s3.put_object(Body=b"two", **where)
    assert s3.get_object(**where)["Body"].read() == b"two"
    old = s3.get_object(VersionId=first["VersionId"], **where)
    assert old["Body"].read() == b"one"
    s3.delete_object(**where)
    assert code(lambda: s3.get_object(**where)) == "NoSuchKey"
    s3.put_object(Body=b"three", IfNoneMatch="*", **where)
    assert len(s3.list_object_versions(Bucket=bucket, Prefix="a")["Versions"]) == 3


def test_a_list_has_pages(outside: Outside) -> None:
    s3, bucket = outside.client("s3"), outside.physical_ids["DocumentsBucket"]
    for name in ("a/1", "a/2", "a/3", "b/1"):
        s3.put_object(Bucket=bucket, Key=name, Body=b"")
    page = s3.list_objects_v2(Bucket=bucket, Prefix="a/", MaxKeys=2)
    assert [each["Key"] for each in page["Contents"]] == ["a/1", "a/2"]
    rest = s3.list_objects_v2(
        Bucket=bucket, Prefix="a/", ContinuationToken=page["NextContinuationToken"]
    )
    assert [each["Key"] for each in rest["Contents"]] == ["a/3"]
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="none")


# EventBridge


def test_an_event_is_taken(outside: Outside) -> None:
    entry = {
        "EventBusName": outside.physical_ids["EventBus"],
        "Source": "gateway-credits",
        "DetailType": "credits_added",
        "Detail": "{}",
    }
    answer = outside.client("events").put_events(Entries=[entry, entry])
    assert answer["FailedEntryCount"] == 0
    assert len({each["EventId"] for each in answer["Entries"]}) == 2
