"""SQS's calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from simulation.cloud.choices import STRONGEST, Choices
from simulation.cloud.errors import refusal
from simulation.cloud.sqs.attributes import queue_attributes
from simulation.cloud.sqs.message import Message
from simulation.cloud.sqs.queue import Queue, QueueSettings
from simulation.cloud.sqs.refusals import (
    SqsError,
    bad_batch,
    bad_receipt,
    expired_receipt,
    invalid,
    no_queue,
    not_in_flight,
)
from simulation.cloud.sqs.sending import Sender
from simulation.cloud.wire import Answer, Params

_MAX_BATCH = 10
_MAX_HIDDEN_SECONDS = 43_200


class MemorySqs:
    """Queues in memory, by the given clock; no receive waits."""

    name = "sqs"

    def __init__(
        self,
        queues: Iterable[QueueSettings],
        *,
        choices: Choices = STRONGEST,
        now: Callable[[], datetime],
    ) -> None:
        self._queues = {each.url: Queue(each, choices=choices, now=now) for each in queues}
        self._choices = choices
        self._now = now
        self._sender = Sender(now)
        self._calls: dict[str, Callable[[Queue, Params], Answer]] = {
            "ChangeMessageVisibility": self._change_visibility,
            "ChangeMessageVisibilityBatch": lambda queue, params: _each(
                params, lambda entry: self._change_visibility(queue, entry)
            ),
            "DeleteMessage": self._delete,
            "DeleteMessageBatch": lambda queue, params: _each(
                params, lambda entry: self._delete(queue, entry)
            ),
            "GetQueueAttributes": lambda queue, params: queue_attributes(
                queue, params, self._queues, now=self._now()
            ),
            "GetQueueUrl": lambda queue, _: {"QueueUrl": queue.settings.url},
            "PurgeQueue": self._purge,
            "ReceiveMessage": self._receive,
            "SendMessage": self._sender.send,
            "SendMessageBatch": lambda queue, params: _each(
                params, lambda entry: self._sender.send(queue, entry)
            ),
        }

    def operations(self) -> Iterable[str]:
        """See `Service`."""
        return self._calls

    def completed(self, operation: str, params: Params) -> Params:
        """See `Service`."""
        del operation
        return params

    def call(self, operation: str, params: Params) -> Answer:
        """See `Service`."""
        try:
            answer = self._calls[operation](self._queue(params), params)
        except SqsError as error:
            raise refusal(error.code, str(error), operation=operation) from error
        answer["ResponseMetadata"] = {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}
        return answer

    def next_change_at(self, url: str) -> datetime | None:
        """When the next message will become visible by time alone; None if none will."""
        now = self._now()
        hidden = [each.visible_at for each in self._queues[url].messages() if each.visible_at > now]
        return min(hidden, default=None)

    def visible(self, url: str) -> int:
        """How many messages a receive could give now."""
        return len(self._queues[url].available())

    def messages(self, url: str) -> list[dict[str, Any]]:
        """All messages that are in a queue, visible or not, oldest first, as receives show them."""
        everything = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"]}
        return [message.shown(everything) for message in self._queues[url].messages()]

    def _queue(self, params: Params) -> Queue:
        if "QueueName" in params:
            for queue in self._queues.values():
                if queue.settings.name == params["QueueName"]:
                    return queue
        queue = self._queues.get(params.get("QueueUrl", ""))  # type: ignore[assignment]
        if queue is None:
            raise no_queue()
        return queue

    def _receive(self, queue: Queue, params: Params) -> Answer:
        most = params.get("MaxNumberOfMessages", 1)
        if not 1 <= most <= _MAX_BATCH:
            raise invalid(
                f"Value {most} for parameter MaxNumberOfMessages is invalid. Reason: Must be "
                "between 1 and 10, if provided."
            )
        hidden = params.get("VisibilityTimeout", queue.settings.visibility_timeout_seconds)
        received = queue.receive(
            most, hidden_seconds=hidden, bury=lambda message: self._bury(queue, message)
        )
        if not received:
            return {}
        return {"Messages": [message.shown(params) for message in received]}

    def _bury(self, queue: Queue, message: Message) -> None:
        """Move a message to the dead letters; it keeps its id, and when it was sent."""
        url = queue.settings.dead_letters_url
        if url is None or url not in self._queues:
            return
        message.visible_at = self._now()
        message.source_arn = queue.settings.arn
        message.receipt = None
        self._queues[url].put(message)

    def _delete(self, queue: Queue, params: Params) -> Answer:
        receipt = params["ReceiptHandle"]
        _check_receipt(receipt)
        message = queue.find(receipt)
        if message is None:
            return {}
        if queue.settings.fifo:
            if queue.in_flight(receipt) is None:
                raise expired_receipt(receipt)
            queue.delete(message)
        elif message.receipt == receipt and not self._choices.survives_deletion(
            queue.settings.name, message.id
        ):
            # With an older receipt it is answered, and nothing happens.
            queue.delete(message)
        return {}

    def _change_visibility(self, queue: Queue, params: Params) -> Answer:
        receipt, seconds = params["ReceiptHandle"], params["VisibilityTimeout"]
        if not 0 <= seconds <= _MAX_HIDDEN_SECONDS:
            raise invalid(
                f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Must be "
                "between 0 and 43200, if provided."
            )
        _check_receipt(receipt)
        message = queue.in_flight(receipt)
        if message is None:
            raise not_in_flight(receipt)
        message.visible_at = self._now() + timedelta(seconds=seconds)
        return {}

    def _purge(self, queue: Queue, params: Params) -> Answer:
        del params
        queue.purge()
        return {}


def _check_receipt(receipt: str) -> None:
    message_id, mark, number = receipt.partition("#")
    try:
        UUID(message_id)
    except ValueError:
        raise bad_receipt(receipt) from None
    if not mark or not number.isdigit():
        raise bad_receipt(receipt)


def _each(params: Params, act: Callable[[Params], Answer]) -> Answer:
    """Do each of a batch by itself: one's refusal is not the others'."""
    entries = params["Entries"]
    if not entries:
        raise bad_batch("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > _MAX_BATCH:
        raise bad_batch(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {_MAX_BATCH}. You have sent "
            f"{len(entries)}.",
        )
    ids = [entry["Id"] for entry in entries]
    if len(set(ids)) != len(ids):
        raise bad_batch("BatchEntryIdsNotDistinct", f"Id {ids[-1]} repeated.")
    done, failed = [], []
    for entry in entries:
        try:
            done.append({"Id": entry["Id"], **act(entry)})
        except SqsError as error:
            code = error.code.rpartition(".")[2]
            failed.append(
                {"Id": entry["Id"], "SenderFault": True, "Code": code, "Message": str(error)}
            )
    return {
        **({"Successful": done} if done else {}),
        **({"Failed": failed} if failed else {}),
    }
