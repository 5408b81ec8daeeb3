"""Taking messages in: what is refused, and what was sent before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from simulation.cloud.sqs.message import Message, attributes_digest, digest, size_of
from simulation.cloud.sqs.queue import Queue
from simulation.cloud.sqs.refusals import invalid, missing
from simulation.cloud.wire import Answer, Params

#: The limit since August 2025.
MAX_BYTES = 1024 * 1024
_MAX_DELAY_SECONDS = 900
_MAX_ID = 128
_FIRST_SEQUENCE = 10**19


class Sender:
    """Puts messages into queues, each with a number of its own."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._count = 0

    def send(self, queue: Queue, params: Params) -> Answer:
        """Take a message in, unless it was in the last five minutes.

        Raises:
            SqsError: it can't be taken.
        """
        body = params["MessageBody"]
        attributes = params.get("MessageAttributes", {})
        _check_size(body, params)
        deduplication_id = _deduplication_id(queue, params)
        known = queue.accepted_before(deduplication_id) if deduplication_id else None
        if known is None:
            known = self._taken(queue, params, deduplication_id)
        answer: Answer = {"MD5OfMessageBody": digest(body.encode()), "MessageId": known.id}
        if attributes:
            answer["MD5OfMessageAttributes"] = attributes_digest(attributes)
        if known.sequence is not None:
            answer["SequenceNumber"] = known.sequence
        return answer

    def _taken(self, queue: Queue, params: Params, deduplication_id: str | None) -> Message:
        delay = params.get("DelaySeconds", queue.settings.delay_seconds)
        if not 0 <= delay <= _MAX_DELAY_SECONDS:
            raise invalid(
                f"Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must "
                "be >= 0 and <= 900."
            )
        self._count += 1
        now = self._now()
        message = Message(
            id=str(UUID(int=self._count)),
            body=params["MessageBody"],
            attributes=params.get("MessageAttributes", {}),
            sent_at=now,
            visible_at=now + timedelta(seconds=delay),
            group=params.get("MessageGroupId"),
            deduplication_id=deduplication_id,
            sequence=str(_FIRST_SEQUENCE + self._count) if queue.settings.fifo else None,
        )
        queue.put(message)
        return message


def _check_size(body: str, params: Params) -> None:
    if not body:
        raise missing("MessageBody")
    if size_of(body, params.get("MessageAttributes", {})) > MAX_BYTES:
        raise invalid(
            "One or more parameters are invalid. Reason: Message must be shorter than "
            f"{MAX_BYTES} bytes."
        )


def _deduplication_id(queue: Queue, params: Params) -> str | None:
    given: str | None = params.get("MessageDeduplicationId")
    if not queue.settings.fifo:
        if given is not None:
            raise invalid(
                f"Value {given} for parameter MessageDeduplicationId is invalid. Reason: The "
                "request includes a parameter that is not valid for this queue type."
            )
        return None
    if not params.get("MessageGroupId"):
        raise missing("MessageGroupId")
    if "DelaySeconds" in params:
        raise invalid(
            f"Value {params['DelaySeconds']} for parameter DelaySeconds is invalid. Reason: The "
            "request include parameter that is not valid for this queue type."
        )
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        if len(params.get(name) or "x") > _MAX_ID:
            raise invalid(
                f"Value {params[name]} for parameter {name} is invalid. Reason: {name} can only "
                "include alphanumeric and punctuation characters. 1 to 128 in length."
            )
    if given is not None:
        return given
    if not queue.settings.content_based_deduplication:
        raise invalid(
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )
    return sha256(params["MessageBody"].encode()).hexdigest()
