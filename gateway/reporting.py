"""Gathering usage into reports, and handing those over that are closed.

What enters a report is in the journal before anybody is told, and its id was made when it was
opened. So it is the same report whether this process closes it or, after a crash, the next one,
and is deducted once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from gateway.clock import Clock, Mark
from gateway.journal import Journal, JournalError, Journals, Record
from gateway.lines import TIER_THRESHOLDS
from gateway.metrics import Count, Metric
from gateway.outbox import ClosedReport
from gateway.report import OpenReport, Subject, closed_before, closing_record, use_record
from gateway.usage import Usage

logger = logging.getLogger(__name__)

#: Far below what one message may carry, even with the longest names.
MAX_LINES = 100


@dataclass(slots=True)
class _Gathering:
    """The open reports of one organization and hold, or of no hold, by project."""

    since: Mark
    reports: dict[str | None, OpenReport] = field(default_factory=dict)


class Reporting:
    """The open reports of this process. Safe to use from several threads."""

    def __init__(
        self,
        journals: Journals,
        *,
        send: Callable[[ClosedReport], None],
        clock: Clock,
        count: Count,
        tier_thresholds: Sequence[int] = TIER_THRESHOLDS,
    ) -> None:
        self._send = send
        self._clock = clock
        self._count = count
        self._thresholds = tier_thresholds
        self._gatherings: dict[tuple[str, str | None], _Gathering] = {}
        self._lock = threading.Lock()
        self._journal = journals.open()
        self._left_behind = tuple(journals.left_behind())

    def recover(self) -> None:
        """Close and hand over what processes that are gone had recorded.

        None of their leases serves any more, so the last report of each ends its hold.
        """
        for journal in self._left_behind:
            for report in self._recovered(journal):
                self._count(Metric.REPORTS_RECOVERED, 1)
                self._send(report)

    def record(self, subject: Subject, usage: Usage) -> None:
        """Add usage to the report about the subject; it is in the journal afterwards."""
        now = self._clock.now()
        key = subject.organization_id, subject.hold_id
        with self._lock:
            gathering = self._gatherings.get(key)
            if gathering is None:
                gathering = self._gatherings[key] = _Gathering(self._clock.mark())
            report = gathering.reports.get(subject.project_id)
            full = (
                report is not None
                and len(report.tally) >= MAX_LINES
                and not report.tally.has_line_for(usage)
            )
            if report is not None and (full or not report.spans(now)):
                self._close(report, final=False)
                report = None
            if report is None:
                report = OpenReport.new(subject, at=now, thresholds=self._thresholds)
                gathering.reports[subject.project_id] = report
            report.tally.add(usage)
            opening = () if report.in_journal else (report.opening,)
            if self._keep(report.report_id, *opening, use_record(usage)):
                report.in_journal = True

    def close_hold(self, organization_id: str, hold_id: str) -> bool:
        """Close the reports about a hold, the last of them as the final one.

        False if there is nothing to report: then the hold is to be released.
        """
        with self._lock:
            gathering = self._gatherings.pop((organization_id, hold_id), None)
            return gathering is not None and self._close_all(gathering)

    def close_due(self, *, gathered_seconds: float, held_seconds: float) -> None:
        """Close the reports that have been gathering for so long: about no hold, or about one.

        A lease ends before its hold's time is over, so what still gathers then is about calls
        that ended after it.
        """
        with self._lock:
            for key, gathering in list(self._gatherings.items()):
                _, hold_id = key
                longest = gathered_seconds if hold_id is None else held_seconds
                if self._clock.seconds_since(gathering.since) >= longest:
                    self._close_all(self._gatherings.pop(key))

    def close_journals(self) -> None:
        """Stop recording; what wasn't sent is left to the next process."""
        for journal in (self._journal, *self._left_behind):
            journal.close()

    def _close_all(self, gathering: _Gathering) -> bool:
        filled: list[OpenReport] = []
        for report in gathering.reports.values():
            if len(report.tally):
                filled.append(report)
            else:
                self._forget(report.report_id)
        for report in filled:
            ends_hold = report.subject.hold_id is not None and report is filled[-1]
            self._close(report, final=ends_hold)
        return bool(filled)

    def _close(self, report: OpenReport, *, final: bool) -> None:
        closed = report.closed(self._journal, final=final)
        # On the disk before it is sent: it must never be closed again with less in it.
        self._keep(report.report_id, closing_record(closed), durable=True)
        self._send(closed)

    def _keep(self, report_id: str, *records: Record, durable: bool = False) -> bool:
        try:
            self._journal.append(report_id, *records, durable=durable)
        except JournalError:
            # It is still sent from memory; only a crash on top of this would lose it.
            logger.exception("Usage is not in the journal")
            self._count(Metric.JOURNAL_FAILURES, 1)
            return False
        return True

    def _forget(self, report_id: str) -> None:
        try:
            self._journal.forget(report_id)
        except JournalError:
            logger.exception("An empty report is still in the journal")
            self._count(Metric.JOURNAL_FAILURES, 1)

    def _recovered(self, journal: Journal) -> Iterator[ClosedReport]:
        reopened: list[OpenReport] = []
        for report_id, records in journal.records().items():
            closed = closed_before(report_id, records, journal)
            if closed is not None:
                yield closed
                continue
            report = OpenReport.of(report_id, records, thresholds=self._thresholds)
            if report is None or not len(report.tally):
                journal.forget(report_id)
            else:
                reopened.append(report)
        last = {(r.subject.organization_id, r.subject.hold_id): r.report_id for r in reopened}
        for report in reopened:
            subject = report.subject
            ends_hold = (
                subject.hold_id is not None
                and last[subject.organization_id, subject.hold_id] == report.report_id
            )
            closed = report.closed(journal, final=ends_hold)
            journal.append(report.report_id, closing_record(closed), durable=True)
            yield closed
