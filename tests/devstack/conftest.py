"""Stacks around the tiny application in `stub`, for the tests of the local stack itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack.settings import StackSettings
from devstack.stack import Stack

STUB = Path(__file__).parent / "stub"
PATIENCE_SECONDS = 120.0
"""How long a test waits for what must come; reaching it is a failure, never a measurement."""


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack around the tiny application, without Stripe."""
    settings = StackSettings(
        root=STUB,
        home=tmp_path_factory.mktemp("stub"),
        port=0,
        stripe=None,
        visibility_timeout_seconds=1,
        schedule_speed=60.0,
        environment={"OF_THE_TEST": "yes"},
    )
    with Stack(settings) as running:
        yield running


@pytest.fixture
def seen(stub: Stack) -> Callable[[str], list[str]]:
    """Return what the tiny application noted, of one kind, in the order of time."""
    return lambda kind: notes(stub, kind)


def notes(stack: Stack, kind: str) -> list[str]:
    """Return what the tiny application noted, of one kind, in the order of time."""
    answer = stack.cloud.client("dynamodb").query(
        TableName=stack.environment["SEEN_TABLE"],
        KeyConditionExpression="kind = :kind",
        ExpressionAttributeValues={":kind": {"S": kind}},
        ConsistentRead=True,
    )
    return [item["text"]["S"] for item in answer["Items"]]


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """Return the first truthy answer of `condition`; fail when it never comes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"This never came: {what}")


def send(stack: Stack, queue: str, *bodies: str, group: str = "") -> None:
    """Send messages to a queue of the stack in one batch."""
    sqs = stack.cloud.client("sqs")
    fifo = {"MessageGroupId": group} if group else {}
    sqs.send_message_batch(
        QueueUrl=stack.cloud.physical_ids()[queue],
        Entries=[
            {
                "Id": str(index),
                "MessageBody": body,
                **fifo,
                **({"MessageDeduplicationId": json.dumps([group, body])} if group else {}),
            }
            for index, body in enumerate(bodies)
        ],
    )
