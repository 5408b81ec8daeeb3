"""The gateway's side of the credits service: may a call be made, and what did it use.

Calls are paid from leases, holds that this process spends by itself. So a call waits for nobody
while its organization has credits, and none is made that nothing would pay for: when the service
can't be reached, open leases serve until their time is over, and then calls are refused. What was
used is in the journal before `record` returns, and is reported once, whatever dies in between.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from gateway.access import AccessCache
from gateway.call import Call, Estimate
from gateway.clock import Clock
from gateway.errors import CallRefusedError, CreditsUnavailableError
from gateway.journal import Journals
from gateway.leases import LeasePolicy
from gateway.lessor import HoldLessor
from gateway.metrics import Count, Metric, count_nothing
from gateway.outbox import Outbox
from gateway.purses import Purses
from gateway.report import Subject
from gateway.reporting import Reporting
from gateway.sending import Queue, Sender
from gateway.service import Access, Service, ServiceRefusalError, ServiceUnavailableError
from gateway.usage import Usage, check_id

logger = logging.getLogger(__name__)

_TEND_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """What a gateway may decide.

    `fresh_seconds` is how long an answer about access is taken as it is, and `stale_seconds` how
    old it may get while the service can't be reached. `report_seconds` is how long usage without
    a lease is gathered before it is reported.
    """

    leases: LeasePolicy = field(default_factory=LeasePolicy)
    fresh_seconds: float = 5.0
    stale_seconds: float = 30.0
    report_seconds: float = 30.0


class CreditsClient:
    """One for each process, after it was forked. Safe to use from several threads.

    Making one opens its journal. As a context manager it starts and closes itself.
    """

    def __init__(
        self,
        *,
        service: Service,
        queue: Queue,
        queue_url: str,
        journals: Journals,
        settings: ClientSettings | None = None,
        estimate: Estimate | None = None,
        count: Count = count_nothing,
        clock: Clock | None = None,
    ) -> None:
        self._service = service
        self._settings = settings or ClientSettings()
        self._estimate = estimate
        self._count = count
        self._clock = clock or Clock()
        self._outbox = Outbox(self._clock)
        self._sender = Sender(self._outbox, queue, queue_url=queue_url, count=count)
        self._reporting = Reporting(journals, send=self._outbox.put, clock=self._clock, count=count)
        self._access = AccessCache(
            service,
            clock=self._clock,
            fresh_seconds=self._settings.fresh_seconds,
            stale_seconds=self._settings.stale_seconds,
        )
        lessor = HoldLessor(
            service,
            self._access,
            policy=self._settings.leases,
            clock=self._clock,
            count=count,
            close_hold=self._reporting.close_hold,
        )
        self._purses = Purses(lessor, policy=self._settings.leases, clock=self._clock)
        self._threads = (
            threading.Thread(target=self._sender.run, name="credits-sender", daemon=True),
            threading.Thread(target=self._tend_until_stopped, name="credits-tender", daemon=True),
        )
        self._stopping = threading.Event()

    def __enter__(self) -> CreditsClient:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Send what earlier processes left behind, and begin to serve."""
        self._reporting.recover()
        for thread in self._threads:
            thread.start()

    def reserve(
        self,
        organization_id: str,
        *,
        amount_nanos: int | None = None,
        expected: Usage | None = None,
        project_id: str | None = None,
    ) -> Call:
        """Reserve what a call may cost: an amount, or what is expected of it by the estimate.

        Raises:
            CreditsBlockedError: the organization may not spend so much.
            CreditsUnavailableError: no lease has room, and none could be had.
            ValueError: an id is malformed, or it isn't said what the call may cost.
        """
        check_id("organization_id", organization_id)
        if project_id is not None:
            check_id("project_id", project_id)
        if amount_nanos is None and expected is not None and self._estimate is not None:
            amount_nanos = self._estimate(expected)
        if amount_nanos is None or amount_nanos < 0:
            raise ValueError("say what the call may cost: amount_nanos, or expected usage")
        try:
            purse, lease = self._purses.reserve(organization_id, amount_nanos)
        except CallRefusedError:
            self._count(Metric.CALLS_REFUSED, 1)
            raise
        return Call(
            subject=Subject(
                organization_id=organization_id, project_id=project_id, hold_id=lease.hold_id
            ),
            reserved_nanos=amount_nanos,
            lease=lease,
            purse=purse,
            reporting=self._reporting,
            estimate=self._estimate,
        )

    def record(self, organization_id: str, usage: Usage, *, project_id: str | None = None) -> None:
        """Record usage that no lease pays for; the account is charged, below zero if need be."""
        check_id("organization_id", organization_id)
        if project_id is not None:
            check_id("project_id", project_id)
        subject = Subject(organization_id=organization_id, project_id=project_id)
        self._reporting.record(subject, usage)

    def check(self, organization_id: str) -> Access:
        """Whether the organization's calls may be served, by an answer of bounded age.

        Raises:
            CreditsUnavailableError: nobody knows; refuse the call.
        """
        check_id("organization_id", organization_id)
        try:
            return self._access.check(organization_id)
        except (ServiceUnavailableError, ServiceRefusalError) as error:
            self._count(Metric.SERVICE_UNAVAILABLE, 1)
            raise CreditsUnavailableError(str(error)) from error

    def apply_event(self, event: Mapping[str, Any]) -> bool:
        """Take note of an event from the service's bus, such as `credits.exhausted`."""
        return self._access.apply_event(event)

    @property
    def unsent(self) -> int:
        """How many reports are closed and not yet taken by the queue."""
        return len(self._outbox)

    def tend(self) -> None:
        """What is to be done now and then: end leases whose time is over, report what is due."""
        self._purses.tend()
        self._reporting.close_due(
            gathered_seconds=self._settings.report_seconds,
            held_seconds=self._settings.leases.seconds,
        )

    def flush(self, *, timeout_seconds: float = 30.0) -> bool:
        """Report what was used without a lease, and wait until the queue has every report."""
        self._reporting.close_due(gathered_seconds=0, held_seconds=self._settings.leases.seconds)
        return self._outbox.wait_until_empty(timeout_seconds=timeout_seconds)

    def close(self, *, timeout_seconds: float = 30.0) -> bool:
        """End every lease, send every report, and stop; whether the queue has taken them all.

        Calls that are being made have half of the time to end. What isn't sent in time is in the
        journal, for the next process. A second time changes nothing.
        """
        if self._stopping.is_set():
            return not self.unsent
        deadline = time.monotonic() + timeout_seconds
        self._stopping.set()
        self._purses.close(calls_end_by=time.monotonic() + timeout_seconds / 2)
        self._reporting.close_due(gathered_seconds=0, held_seconds=0)
        left_seconds = max(0.0, deadline - time.monotonic())
        all_sent = self._outbox.wait_until_empty(timeout_seconds=left_seconds)
        self._sender.stop()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._reporting.close_journals()
        self._service.close()
        return all_sent

    def _tend_until_stopped(self) -> None:
        while not self._stopping.wait(_TEND_SECONDS):
            try:
                self.tend()
            except Exception:
                logger.exception("Leases were not seen to")
