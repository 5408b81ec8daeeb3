"""Sending reports to the usage queue until it has taken them."""

from __future__ import annotations

import logging
import threading
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from gateway.backoff import delay_seconds
from gateway.journal import JournalError
from gateway.metrics import Count, Metric
from gateway.outbox import ClosedReport, Outbox

logger = logging.getLogger(__name__)

#: An idle sender looks up this often, though it is told when there is work.
_IDLE_SECONDS = 5.0


class Queue(Protocol):
    """What is used of boto3's SQS client."""

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - its names
        """Send up to ten messages."""


def sqs_client(*, region: str, endpoint_url: str | None = None) -> Queue:
    """A client of SQS that gives up soon; what it couldn't send is tried again from here."""
    config = Config(
        connect_timeout=3,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    client: Queue = boto3.client(
        "sqs", region_name=region, endpoint_url=endpoint_url, config=config
    )
    return client


class Sender:
    """Takes reports from the outbox to the queue, from one thread, in batches."""

    def __init__(self, outbox: Outbox, queue: Queue, *, queue_url: str, count: Count) -> None:
        self._outbox = outbox
        self._queue = queue
        self._queue_url = queue_url
        self._count = count
        self._stopping = threading.Event()
        self._failures = 0

    def run(self) -> None:
        """Send until stopped."""
        while not self._stopping.is_set():
            if not self.send_batch():
                self._outbox.wait_for_work(longest_seconds=_IDLE_SECONDS)

    def stop(self) -> None:
        """Let `run` return once the request that it waits for is answered."""
        self._stopping.set()
        self._outbox.stir()

    def send_batch(self) -> bool:
        """Send what may be sent now, at most ten reports; whether there was anything."""
        batch = self._outbox.batch()
        if not batch:
            return False
        try:
            answer = self._queue.send_message_batch(
                QueueUrl=self._queue_url,
                Entries=[_entry(index, report) for index, report in enumerate(batch)],
            )
        except (BotoCoreError, ClientError) as error:
            logger.warning("The usage queue took nothing: %s", error)
            for report in batch:
                self._retry(report)
            # The next batch would fare no better.
            self._stopping.wait(delay_seconds(self._failures))
            self._failures += 1
            return True
        self._failures = 0
        failed = {int(entry["Id"]): entry for entry in answer.get("Failed", ())}
        for index, report in enumerate(batch):
            if index not in failed:
                self._sent(report)
            elif failed[index].get("SenderFault"):
                self._park(report, failed[index])
            else:
                self._retry(report)
        return True

    def _sent(self, report: ClosedReport) -> None:
        self._count(Metric.REPORTS_SENT, 1)
        try:
            report.journal.forget(report.report_id)
        except JournalError:
            # It will be sent again at the next start, which changes nothing.
            logger.exception("A report that was sent is still in the journal")
            self._count(Metric.JOURNAL_FAILURES, 1)
        self._outbox.done(report)

    def _park(self, report: ClosedReport, failure: dict[str, Any]) -> None:
        logger.error(
            "The usage queue refused report %s of %s, which stays in the journal: %s",
            report.report_id,
            report.organization_id,
            failure.get("Message") or failure.get("Code"),
        )
        self._outbox.done(report)
        self._count(Metric.REPORTS_PARKED, 1)

    def _retry(self, report: ClosedReport) -> None:
        self._outbox.later(report)
        self._count(Metric.SENDS_RETRIED, 1)


def _entry(index: int, report: ClosedReport) -> dict[str, str]:
    return {
        "Id": str(index),
        "MessageGroupId": report.organization_id,
        "MessageDeduplicationId": report.report_id,
        "MessageBody": report.body,
    }
