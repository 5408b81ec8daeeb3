"""Dead letters on SQS: looked at, and moved back to their queue.

Everything that reads these queues may be told a thing twice, so a message is deleted from the
dead letters only after it was sent; a run that is broken off moves some of them twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_DEAD_USAGE, _USAGE = "-usage-dead-letters.fifo", "-usage.fifo"
#: Nobody else sees a dead letter for so long while it is moved.
_HIDDEN_SECONDS = 60
_BATCH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that was given up, with the reason where one was told, and its other attributes."""

    body: str
    reason: str | None
    receipt: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class SqsDeadLetters:
    """The dead letters of one queue, which is named by its address, or by theirs for usage."""

    def __init__(self, client: Any, *, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url
        self._addresses: tuple[str, str] | None = None

    def count(self) -> int:
        """About how many there are."""
        name = "ApproximateNumberOfMessages"
        answer = self._client.get_queue_attributes(QueueUrl=self._pair()[1], AttributeNames=[name])
        return int(answer["Attributes"][name])

    def letters(self, *, most: int) -> Iterator[DeadLetter]:
        """So many of them at the most; the same aren't seen again while they are hidden."""
        seen = 0
        while seen < most:
            answer = self._client.receive_message(
                QueueUrl=self._pair()[1],
                MaxNumberOfMessages=min(_BATCH, most - seen),
                VisibilityTimeout=_HIDDEN_SECONDS,
                MessageAttributeNames=["All"],
            )
            messages = answer.get("Messages", [])
            if not messages:
                return
            seen += len(messages)
            for message in messages:
                attributes = dict(message.get("MessageAttributes", {}))
                reason = attributes.pop("reason", {}).get("StringValue")
                yield DeadLetter(
                    body=message["Body"],
                    reason=reason,
                    receipt=message["ReceiptHandle"],
                    attributes=attributes,
                )

    def move_back(self, letter: DeadLetter) -> None:
        """Send it to its queue again, and take it away from here."""
        queue_url, dead_url = self._pair()
        fifo: dict[str, str] = {}
        if queue_url.endswith(".fifo"):
            # A new deduplication id: the queue may still remember the old one.
            fifo = {
                "MessageGroupId": _group_of(letter.body),
                "MessageDeduplicationId": hashlib.sha256(letter.receipt.encode()).hexdigest(),
            }
        self._client.send_message(
            QueueUrl=queue_url,
            MessageBody=letter.body,
            MessageAttributes=letter.attributes,
            **fifo,
        )
        self._client.delete_message(QueueUrl=dead_url, ReceiptHandle=letter.receipt)

    def leave(self, letter: DeadLetter) -> None:
        """Let it be seen again at once, after it was only looked at."""
        self._client.change_message_visibility(
            QueueUrl=self._pair()[1], ReceiptHandle=letter.receipt, VisibilityTimeout=0
        )

    def _pair(self) -> tuple[str, str]:
        """The queue and its dead letters."""
        if self._addresses is None:
            self._addresses = self._found_pair()
        return self._addresses

    def _found_pair(self) -> tuple[str, str]:
        url = self._queue_url
        if url.endswith(_DEAD_USAGE):
            return url.removesuffix(_DEAD_USAGE) + _USAGE, url
        answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
        arn = json.loads(answer["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"]
        name = arn.rpartition(":")[2]
        return url, self._client.get_queue_url(QueueName=name)["QueueUrl"]


def _group_of(body: str) -> str:
    """The organization, whose reports keep their order; what can't be read has none."""
    try:
        organization = json.loads(body)["organization_id"]
    except (ValueError, KeyError, TypeError):
        return "unreadable"
    return organization if isinstance(organization, str) else "unreadable"
