"""The usage worker in this process, fed from an emulated queue as Lambda feeds it."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app import app
from chalicelib.domain.ledger import Entry, EntryKind, adjustment_key
from chalicelib.domain.money import parse_usd
from chalicelib.domain.write import Committed, Write
from chalicelib.wiring import Services, graph, services
from devstack.emulator import Account
from devstack.invocation import Function
from devstack.queues import QueuePoller, QueueSource
from tests.contract.databases import in_environment

#: A poll waits for two seconds.
_MOST_POLLS = 30

#: One time for all reports, so that a repeated one is equal to the first.
OCCURRED_AT = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def report(
    organization_id: str, report_id: str, *lines: Mapping[str, object], **fields: object
) -> dict[str, object]:
    """A report as gateways send it."""
    return {
        "version": 1,
        "report_id": report_id,
        "organization_id": organization_id,
        "project_id": "search",
        "occurred_at": OCCURRED_AT,
        "hold_id": None,
        "final": False,
        "lines": list(lines),
        **fields,
    }


def amount(text: str) -> dict[str, object]:
    """A line of usage that has its price."""
    return {"kind": "amount", "amount": text, "description": "web search"}


def fund(ledger: Any, organization_id: str, text: str) -> None:
    """Give credits to an organization."""
    at = datetime.now(UTC)
    entry = Entry(
        id=f"ent_{int(at.timestamp() * 1000):012x}{uuid.uuid4().hex[:16]}",
        organization_id=organization_id,
        key=adjustment_key(uuid.uuid4().hex),
        kind=EntryKind.ADJUSTMENT,
        amount_nanos=parse_usd(text),
        recorded_at=at,
        digest="a gift",
    )
    write = Write(organization_id=organization_id, at=at, entries=(entry,))
    assert isinstance(ledger.commit(write), Committed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """The worker, its queue, and the dead-letter queue behind it."""

    services: Services
    sqs: Any
    poller: QueuePoller
    url: str
    dead_letters_url: str

    def send(self, *bodies: object, group: str = "acme") -> None:
        """Send messages of one group; text goes as it is, reports as JSON."""
        for body in bodies:
            self.sqs.send_message(
                QueueUrl=self.url,
                MessageGroupId=group,
                MessageDeduplicationId=uuid.uuid4().hex,
                MessageBody=body if isinstance(body, str) else json.dumps(body),
            )

    def run(self, *, messages: int = 1) -> None:
        """Take batches, in vain at times, until at least so many messages are done with."""
        done = 0
        for _ in range(_MOST_POLLS):
            done += self.poller.poll()
            if done >= messages:
                return
        raise AssertionError(f"only {done} messages were done")

    def dead_letters(self) -> dict[str, str]:
        """The reasons by body of what was set aside."""
        found: dict[str, str] = {}
        while True:
            answer = self.sqs.receive_message(
                QueueUrl=self.dead_letters_url,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
            )
            messages = answer.get("Messages", [])
            if not messages:
                return found
            for message in messages:
                found[message["Body"]] = message["MessageAttributes"]["reason"]["StringValue"]

    def available(self, organization_id: str = "acme") -> int:
        """In nano-dollars."""
        return self.services.ledger.account(organization_id).available_nanos


@contextmanager
def running_worker(aws: Account) -> Iterator[Worker]:
    """The worker on an emulated account; only one at a time in a process."""
    with in_environment(aws.environment):
        graph.cache_clear()
        try:
            yield _worker(aws)
        finally:
            graph.cache_clear()


def usage_poller(sqs: Any, url: str) -> QueuePoller:
    """What feeds the usage worker's function, as the template says."""
    function = Function(
        name="usage_worker",
        handler=app.handler_map["usage_worker"],
        timeout_seconds=60,
        memory_mb=512,
    )
    source = QueueSource(
        queue_url=url,
        queue_arn="arn:aws:sqs:us-east-1:100000000001:usage.fifo",
        batch_size=10,
        window_seconds=0.0,
        reports_item_failures=True,
    )
    return QueuePoller(sqs=sqs, source=source, function=function, stopping=threading.Event())


def _worker(aws: Account) -> Worker:
    sqs, url = aws.cloud.client("sqs"), aws.physical_ids["UsageQueue"]
    return Worker(
        services=services(),
        sqs=sqs,
        poller=usage_poller(sqs, url),
        url=url,
        dead_letters_url=aws.physical_ids["UsageDeadLetterQueue"],
    )
