"""Reports on their way to the queue: in order for each organization, each until it is taken."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from gateway.backoff import delay_seconds
from gateway.clock import Clock
from gateway.journal import Journal

#: SQS takes ten messages, and 256 KB of them, in one request.
BATCH_REPORTS = 10
BATCH_BYTES = 250_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedReport:
    """A report that will never change, and the journal that keeps it until it is sent."""

    report_id: str
    organization_id: str
    body: str
    journal: Journal


@dataclass(slots=True)
class _Line:
    """The reports of one organization, in order, and when the first may be sent (again)."""

    reports: deque[ClosedReport] = field(default_factory=deque)
    attempts: int = 0
    not_before: float = 0.0


class Outbox:
    """The lines of reports. One sender takes batches; any thread may put reports."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        self._changed = threading.Condition()
        self._stirred = False

    def __len__(self) -> int:
        with self._changed:
            return sum(len(line.reports) for line in self._lines.values())

    def put(self, report: ClosedReport) -> None:
        """Add a report behind the others of its organization."""
        with self._changed:
            line = self._lines.setdefault(report.organization_id, _Line())
            line.reports.append(report)
            self._changed.notify_all()

    def batch(self) -> list[ClosedReport]:
        """The next reports to send: the first of each organization whose turn has come.

        Not two of one organization: if the queue took the second without the first, their order
        would be lost.
        """
        batch: list[ClosedReport] = []
        size = 0
        with self._changed:
            now = self._clock.steady()
            for line in self._lines.values():
                report = line.reports[0]
                size += len(report.body.encode())
                if line.not_before > now or (batch and size > BATCH_BYTES):
                    continue
                batch.append(report)
                if len(batch) == BATCH_REPORTS:
                    break
        return batch

    def done(self, report: ClosedReport) -> None:
        """The first report of its organization was taken, or will never be: the next one's turn."""
        with self._changed:
            line = self._lines.pop(report.organization_id)
            line.reports.popleft()
            if line.reports:
                # To the end of the lines, so that one busy organization lets others through.
                self._lines[report.organization_id] = _Line(line.reports)
            self._changed.notify_all()

    def later(self, report: ClosedReport) -> None:
        """The first report of its organization was not taken: again after a pause."""
        with self._changed:
            line = self._lines[report.organization_id]
            line.not_before = self._clock.steady() + delay_seconds(line.attempts)
            line.attempts += 1

    def stir(self) -> None:
        """End the present `wait_for_work`, or the next."""
        with self._changed:
            self._stirred = True
            self._changed.notify_all()

    def wait_for_work(self, *, longest_seconds: float) -> None:
        """Return when a report's turn has come, or somebody stirs, or after so long."""
        with self._changed:
            now = self._clock.steady()
            turns = [line.not_before - now for line in self._lines.values()]
            pause = min(longest_seconds, min(turns, default=longest_seconds))
            if pause > 0 and not self._stirred:
                self._changed.wait(pause)
            self._stirred = False

    def wait_until_empty(self, *, timeout_seconds: float) -> bool:
        """Whether everything was taken within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._lines, timeout_seconds)
