"""One queue: what is in it, and what it is set to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from devstack.aws import DEFAULT_ACCOUNT, REGION
from simulation.cloud.choices import Choices
from simulation.cloud.sqs.message import Message

_DEDUPLICATED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """A queue's attributes; `max_receive_count` receipts lead to the dead letters."""

    url: str
    fifo: bool = False
    content_based_deduplication: bool = False
    visibility_timeout_seconds: int = 30
    delay_seconds: int = 0
    retention_seconds: int = 345_600
    dead_letters_url: str | None = None
    max_receive_count: int | None = None

    @classmethod
    def of(
        cls, *, url: str, properties: Mapping[str, Any], dead_letters_url: str | None = None
    ) -> QueueSettings:
        """Read CloudFormation's properties."""
        redrive = properties.get("RedrivePolicy", {})
        return cls(
            url=url,
            fifo=bool(properties.get("FifoQueue", False)),
            content_based_deduplication=bool(properties.get("ContentBasedDeduplication", False)),
            visibility_timeout_seconds=int(properties.get("VisibilityTimeout", 30)),
            delay_seconds=int(properties.get("DelaySeconds", 0)),
            retention_seconds=int(properties.get("MessageRetentionPeriod", 345_600)),
            dead_letters_url=dead_letters_url,
            max_receive_count=redrive.get("maxReceiveCount"),
        )

    @property
    def name(self) -> str:
        """The last part of its address."""
        return self.url.rpartition("/")[2]

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:sqs:{REGION}:{DEFAULT_ACCOUNT}:{self.name}"


class Queue:
    """The messages of a queue, oldest first."""

    def __init__(
        self, settings: QueueSettings, *, choices: Choices, now: Callable[[], datetime]
    ) -> None:
        self.settings = settings
        self._choices = choices
        self._now = now
        self._messages: dict[str, Message] = {}
        # What was accepted in the last five minutes, by deduplication id.
        self._accepted: dict[str, Message] = {}
        self._order: deque[Message] = deque()
        self._receipts = 0

    def messages(self) -> list[Message]:
        """All that were not deleted and are not too old."""
        oldest = self._now() - timedelta(seconds=self.settings.retention_seconds)
        messages = list(self._messages.values())
        kept = [message for message in messages if message.sent_at > oldest]
        if len(kept) < len(messages):
            self._messages = {message.id: message for message in kept}
        return kept

    def accepted_before(self, deduplication_id: str) -> Message | None:
        """The message that was accepted with that id in the last five minutes."""
        forgotten = self._now() - _DEDUPLICATED
        while self._order and self._order[0].sent_at <= forgotten:
            oldest = self._order.popleft()
            if self._accepted.get(oldest.deduplication_id or "") is oldest:
                del self._accepted[oldest.deduplication_id or ""]
        return self._accepted.get(deduplication_id)

    def put(self, message: Message) -> None:
        """Take a message in."""
        self._messages[message.id] = message
        if self.settings.fifo and message.deduplication_id is not None:
            self._accepted[message.deduplication_id] = message
            self._order.append(message)

    def available(self) -> list[Message]:
        """What a receive could give now; of a FIFO group nothing behind what is in flight."""
        now = self._now()
        messages = self.messages()
        if not self.settings.fifo:
            return [message for message in messages if message.visible_at <= now]
        blocked = {message.group for message in messages if message.visible_at > now}
        return [message for message in messages if message.group not in blocked]

    def receive(
        self, most: int, *, hidden_seconds: int, bury: Callable[[Message], None]
    ) -> list[Message]:
        """Hand out up to so many messages, and bury those that were received too often."""
        received: list[Message] = []
        candidates = self.available()
        most = min(most, len(candidates))
        if candidates:
            most -= max(0, min(self._choices.received_fewer(self.settings.name, most), most))
        while candidates and len(received) < most:
            message = self._next(candidates)
            candidates.remove(message)
            limit = self.settings.max_receive_count
            if limit is not None and message.receive_count >= limit:
                del self._messages[message.id]
                bury(message)
                continue
            self._hand_out(message, hidden_seconds)
            received.append(message)
        return received

    def in_flight(self, receipt: str) -> Message | None:
        """The message whose latest receipt this is, if it is there and hidden."""
        message = self.find(receipt)
        if message is None or message.receipt != receipt or message.visible_at <= self._now():
            return None
        return message

    def find(self, receipt: str) -> Message | None:
        """The message that a receipt was for, if it is there."""
        return self._messages.get(receipt.partition("#")[0])

    def delete(self, message: Message) -> None:
        """Remove a message for good."""
        del self._messages[message.id]

    def purge(self) -> None:
        """Remove all messages."""
        self._messages.clear()

    def _next(self, candidates: list[Message]) -> Message:
        if not self.settings.fifo:
            return _chosen(candidates, lambda n: self._choices.next_message(self.settings.name, n))
        firsts: dict[str | None, Message] = {}
        for message in candidates:
            firsts.setdefault(message.group, message)
        return _chosen(firsts.values(), lambda n: self._choices.next_message(self.settings.name, n))

    def _hand_out(self, message: Message, hidden_seconds: int) -> None:
        now = self._now()
        self._receipts += 1
        message.receipt = f"{message.id}#{self._receipts}"
        message.receive_count += 1
        message.first_received_at = message.first_received_at or now
        again = not self.settings.fifo and self._choices.delivered_twice(
            self.settings.name, message.id
        )
        if not again:
            message.visible_at = now + timedelta(seconds=hidden_seconds)


def _chosen(messages: Iterable[Message], choose: Callable[[int], int]) -> Message:
    waiting = list(messages)
    if len(waiting) == 1:
        return waiting[0]
    return waiting[max(0, min(choose(len(waiting)), len(waiting) - 1))]
