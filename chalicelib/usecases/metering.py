"""Usage: refused when the credits don't suffice, or taken since it has happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.charge import Charge
from chalicelib.domain.ledger import Entry, EntryKind, deduction_key, report_key
from chalicelib.domain.write import Saved
from chalicelib.ports import Ids, Ledger, Queue, TraceCounts
from chalicelib.usecases.permitting import Permitting, Wish
from chalicelib.usecases.taking import Taken, Taking, Use


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedReport:
    """A usage report with its price."""

    report_id: str
    charge: Charge
    hold_id: str | None = None
    final: bool = False


class ReportResult(StrEnum):
    """What became of a report."""

    APPLIED = "applied"
    REPEATED = "repeated"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metering:
    """Deducts usage from accounts and holds."""

    ledger: Ledger
    trace_counts: TraceCounts
    permitting: Permitting
    taking: Taking
    queue: Queue
    ids: Ids

    def deduct(self, charge: Charge, *, key: str, now: datetime) -> tuple[Entry, bool]:
        """Take the credits, never below zero; gives the entry, and whether it is an old one.

        Raises:
            InsufficientCreditsError: if they don't suffice; the key then refuses for ever.
            ForbiddenError: if the account is suspended; the key then refuses for ever.
            IdempotencyConflictError: if the key was used for another request.
            BusyError: if the account stays contended; nothing was taken by this request.
        """

        def deduction() -> Wish:
            counted, saves = self._counted(charge)
            entry = Entry(
                id=self.ids.new("ent", now),
                organization_id=counted.organization_id,
                key=deduction_key(key),
                kind=EntryKind.DEDUCTION,
                amount_nanos=-counted.amount_nanos,
                recorded_at=now,
                digest=counted.digest,
                project_id=counted.project_id,
                details=counted.details,
            )
            return Wish(entry=entry, saves=saves)

        account = self.ledger.account(charge.organization_id)
        return self.permitting.ask(deduction, account=account, now=now)

    def deducted(self, organization_id: str, *, key: str, digest: str) -> Entry | None:
        """What the key was answered before, should its usage have no price any more.

        Raises:
            CreditsError: if it was refused, or was another request.
        """
        return self.permitting.first(organization_id, deduction_key(key), digest)

    def apply(
        self, organization_id: str, reports: Sequence[PricedReport], *, now: datetime
    ) -> Sequence[ReportResult]:
        """Take what was used, each report once for ever; gives what became of each, in order.

        Raises:
            BusyError: if the account stays contended; deliver the reports again.
        """
        firsts: dict[str, int] = {}
        for index, report in enumerate(reports):
            firsts.setdefault(report.report_id, index)
        uses = [_use_of(reports[index]) for index in firsts.values()]
        takings = self.taking.take(organization_id, uses, now=now)
        entries = {taken.entry.key: taken for taken in takings.taken}
        results = [
            _result(
                report,
                entries[report_key(report.report_id)],
                came_before=firsts[report.report_id] < index,
            )
            for index, report in enumerate(reports)
        ]
        account = takings.account
        if account is None and ReportResult.APPLIED not in results:
            # All were replays: whoever applied them may have died before asking for a top-up.
            account = self.ledger.account(organization_id)
        if account is not None and account.needs_top_up:
            self.queue.top_up_hint(organization_id)
        return results

    def _counted(self, charge: Charge) -> tuple[Charge, tuple[Saved, ...]]:
        """The charge after the month's traces so far, and their new count."""
        if not charge.traces:
            return charge, ()
        count = self.trace_counts.get(charge.organization_id, charge.month)
        return charge.after_traces(count.used), (count.plus(charge.traces),)


def _use_of(report: PricedReport) -> Use:
    return Use(
        key=report_key(report.report_id),
        kind=EntryKind.USAGE,
        charge=report.charge,
        hold_id=report.hold_id,
        final=report.final,
    )


def _result(report: PricedReport, taken: Taken, *, came_before: bool) -> ReportResult:
    """What became of a report, which may have come twice in one batch."""
    if taken.entry.digest != report.charge.digest:
        return ReportResult.CONFLICT
    repeated = came_before or taken.replayed
    return ReportResult.REPEATED if repeated else ReportResult.APPLIED
