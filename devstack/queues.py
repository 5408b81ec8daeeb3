"""Feeds an SQS queue to a function as Lambda's event source mapping does."""

from __future__ import annotations

import base64
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from devstack.aws import REGION
from devstack.invocation import Event, Function

logger = logging.getLogger("devstack.queues")

RECEIVE_MAX = 10
"""The most messages that one ReceiveMessage returns."""
WAIT_SECONDS = 2
"""How long one poll waits. AWS allows 20, but a poll left behind by a killed worker could
still take a message with it, which then stays invisible for its whole time-out."""
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSource:
    """An event source mapping: which queue, how many messages at once, how failures are told."""

    queue_url: str
    queue_arn: str
    batch_size: int
    window_seconds: float
    reports_item_failures: bool


class QueuePoller:
    """Receives batches, invokes the function, and deletes what it did not fail.

    What is not deleted comes back after the queue's visibility time-out, and moves to the
    dead-letter queue after as many receipts as the queue's redrive policy says; both are the
    queue's doing. So is the order within a FIFO group: while a message of a group is in
    flight, SQS hands out no later one.
    """

    def __init__(
        self,
        *,
        sqs: Any,
        source: QueueSource,
        function: Function,
        stopping: threading.Event,
    ) -> None:
        self._sqs = sqs
        self._source = source
        self._function = function
        self._stopping = stopping

    def run(self) -> None:
        """Poll until asked to stop."""
        while not self._stopping.is_set():
            try:
                self.poll()
            except (BotoCoreError, ClientError) as error:
                logger.warning("%s: the queue did not answer: %s", self._function.name, error)
                self._stopping.wait(RETRY_SECONDS)

    def poll(self) -> int:
        """Receive one batch and have it handled; return the number of messages deleted."""
        messages = self._receive()
        if not messages:
            return 0
        done = self._handle(messages)
        for start in range(0, len(done), RECEIVE_MAX):
            self._sqs.delete_message_batch(
                QueueUrl=self._source.queue_url,
                Entries=[
                    {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                    for index, message in enumerate(done[start : start + RECEIVE_MAX])
                ],
            )
        return len(done)

    def _receive(self) -> list[Event]:
        """Gather up to a batch, for no longer than the batching window after the first message."""
        gathered: list[Event] = []
        deadline = time.monotonic() + self._source.window_seconds
        while len(gathered) < self._source.batch_size and not self._stopping.is_set():
            left = deadline - time.monotonic()
            if gathered and left <= 0:
                break
            answer = self._sqs.receive_message(
                QueueUrl=self._source.queue_url,
                MaxNumberOfMessages=min(RECEIVE_MAX, self._source.batch_size - len(gathered)),
                WaitTimeSeconds=min(WAIT_SECONDS, int(left) + 1) if gathered else WAIT_SECONDS,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            received = answer.get("Messages", [])
            if not gathered:
                if not received:
                    break
                deadline = time.monotonic() + self._source.window_seconds
            gathered += received
        return gathered

    def _handle(self, messages: list[Event]) -> list[Event]:
        """Invoke the function and return the messages that it is done with."""
        name = self._function.name
        records = [_record(message, queue_arn=self._source.queue_arn) for message in messages]
        try:
            answer = self._function({"Records": records})
            failed = self._failed(answer, known={message["MessageId"] for message in messages})
        except Exception:
            logger.exception("%s failed a batch of %d", name, len(messages))
            return []
        if failed:
            logger.warning("%s failed %d of %d messages", name, len(failed), len(messages))
        return [message for message in messages if message["MessageId"] not in failed]

    def _failed(self, answer: Any, *, known: set[str]) -> set[str]:
        """Read the ids that the function reports as failed.

        Source: "Reporting batch item failures" in the Lambda guide: no answer and an empty list
        are success, an empty or unknown id fails the whole batch.
        """
        if not self._source.reports_item_failures or not answer:
            return set()
        failed = {item["itemIdentifier"] for item in answer.get("batchItemFailures") or []}
        return failed if failed <= known else known


def _record(message: Event, *, queue_arn: str) -> Event:
    """Return a message in the shape of Lambda's SQS event."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: _attribute(attribute)
            for name, attribute in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }


def _attribute(attribute: Event) -> Event:
    """Return a message attribute in the shape of Lambda's SQS event."""
    shaped: Event = {
        "dataType": attribute["DataType"],
        "stringListValues": [],
        "binaryListValues": [],
    }
    if "StringValue" in attribute:
        shaped["stringValue"] = attribute["StringValue"]
    if "BinaryValue" in attribute:
        shaped["binaryValue"] = base64.b64encode(attribute["BinaryValue"]).decode("ascii")
    return shaped
