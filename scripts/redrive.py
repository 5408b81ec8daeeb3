"""Moves dead letters back to their queue, once what failed them is mended: `make redrive`.

Everything that reads these queues may be told a thing twice, so a message is deleted from the
dead letters only after it was sent; a run that is broken off moves some of them twice.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import boto3

#: The variable that names a queue, or for usage its dead letters.
QUEUES = {
    "usage": "REJECTED_USAGE_QUEUE_URL",
    "top-up": "TOP_UP_QUEUE_URL",
    "payment-event": "PAYMENT_EVENT_QUEUE_URL",
    "invoice": "INVOICE_QUEUE_URL",
}
_DEAD_USAGE, _USAGE = "-usage-dead-letters.fifo", "-usage.fifo"
_HIDDEN_SECONDS = 60


def main(arguments: list[str] | None = None) -> int:
    """Move or list the dead letters of a queue; 2 when nothing says where the queue is."""
    parser = argparse.ArgumentParser(prog="redrive", description=__doc__)
    parser.add_argument("queue", choices=sorted(QUEUES))
    parser.add_argument("--list", action="store_true", help="only show them")
    parser.add_argument("--most", type=int, default=1000, help="how many at the most")
    given = parser.parse_args(arguments)
    url = os.environ.get(QUEUES[given.queue])
    if url is None:
        print(
            f"Start the local stack, or set {QUEUES[given.queue]} and AWS credentials.",
            file=sys.stderr,
        )
        return 2
    client = boto3.client("sqs")
    source, dead = _pair(client, url)
    count = 0
    for message in _dead_letters(client, dead, most=given.most):
        count += 1
        print(_line(message))
        if not given.list:
            _send(client, source, message)
            client.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
    print(f"{count} {'listed' if given.list else 'moved back'}.")
    return 0


def _pair(client: Any, url: str) -> tuple[str, str]:
    """The queue and its dead letters."""
    if url.endswith(_DEAD_USAGE):
        return url.removesuffix(_DEAD_USAGE) + _USAGE, url
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    arn = json.loads(answer["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"]
    name = arn.rpartition(":")[2]
    return url, client.get_queue_url(QueueName=name)["QueueUrl"]


def _dead_letters(client: Any, url: str, *, most: int) -> Iterator[dict[str, Any]]:
    seen = 0
    while seen < most:
        answer = client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(10, most - seen),
            VisibilityTimeout=_HIDDEN_SECONDS,
            MessageAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        if not messages:
            return
        seen += len(messages)
        yield from messages


def _send(client: Any, url: str, message: dict[str, Any]) -> None:
    fifo: dict[str, str] = {}
    if url.endswith(".fifo"):
        # A new deduplication id: the queue may still remember the old one.
        fifo = {
            "MessageGroupId": _group_of(message["Body"]),
            "MessageDeduplicationId": hashlib.sha256(message["ReceiptHandle"].encode()).hexdigest(),
        }
    client.send_message(QueueUrl=url, MessageBody=message["Body"], **fifo)


def _group_of(body: str) -> str:
    """The organization, whose reports keep their order; what can't be read has none."""
    try:
        organization = json.loads(body)["organization_id"]
    except (ValueError, KeyError, TypeError):
        return "unreadable"
    return organization if isinstance(organization, str) else "unreadable"


def _line(message: dict[str, Any]) -> str:
    reason = message.get("MessageAttributes", {}).get("reason", {}).get("StringValue")
    body = message["Body"].replace("\n", " ")
    shown = body if len(body) <= 200 else f"{body[:200]}…"  # noqa: PLR2004 - a line's worth
    return f"{shown}\n  {reason}" if reason else shown


if __name__ == "__main__":
    sys.exit(main())
