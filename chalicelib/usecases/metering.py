"""Taking credits for usage: refused when they don't suffice, or taken since it has happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.account import Account
from chalicelib.domain.errors import BusyError, ForbiddenError, InsufficientCreditsError
from chalicelib.domain.ledger import Entry, EntryKind, deduction_key, report_key
from chalicelib.domain.money import format_usd
from chalicelib.domain.write import Committed, Cover, NotCovered, Repeated, Write
from chalicelib.ports import Ids, Ledger, Queue
from chalicelib.usecases.idempotency import refuse_other_content

#: Each failed try brings the account as it then was, and the next is made for that account. Only
#: a balance that crosses zero or the threshold in between, every time, makes another necessary.
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What is to be taken for usage; `details` says what for."""

    organization_id: str
    amount_nanos: int
    digest: str
    project_id: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedReport:
    """A usage report with its price."""

    report_id: str
    charge: Charge


class ReportResult(StrEnum):
    """What became of a report."""

    APPLIED = "applied"
    REPEATED = "repeated"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metering:
    """Deducts usage from accounts."""

    ledger: Ledger
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
        account = self.ledger.account(charge.organization_id)
        for _ in range(_ATTEMPTS):
            entry = self._deduction(charge, account, key=key, now=now)
            ample = account.headroom_nanos >= charge.amount_nanos
            refused = entry.kind is EntryKind.REFUSAL
            low = account.tops_up and not ample and not refused
            write = Write(
                organization_id=charge.organization_id,
                at=now,
                entries=(entry,),
                cover=Cover.NONE if refused else Cover.AMPLE if ample else Cover.COVERED,
                mark_low=low,
            )
            outcome = self.ledger.commit(write)
            if isinstance(outcome, Committed):
                if low:
                    self.queue.top_up_hint(charge.organization_id)
                return _answer(entry, replayed=False), False
            if isinstance(outcome, Repeated):
                first = outcome.entries[entry.key]
                refuse_other_content(first.digest, charge.digest)
                return _answer(first, replayed=True), True
            if isinstance(outcome, NotCovered):
                account = outcome.account
        raise BusyError("The account is very busy; please try again.")

    def apply(
        self, organization_id: str, reports: Sequence[PricedReport], *, now: datetime
    ) -> Sequence[ReportResult]:
        """Take what was used, each report once for ever; gives what became of each, in order.

        Raises:
            BusyError: if the account stays contended; deliver the reports again.
        """
        results = [ReportResult.REPEATED] * len(reports)
        pending: dict[str, int] = {}
        for index, report in enumerate(reports):
            first = pending.setdefault(report.report_id, index)
            if reports[first].charge.digest != report.charge.digest:
                results[index] = ReportResult.CONFLICT
        account = self._apply_pending(organization_id, reports, pending, results, now=now)
        if account is None and ReportResult.APPLIED not in results:
            # All were replays: whoever applied them may have died before asking for a top-up.
            account = self.ledger.account(organization_id)
        if account is not None and account.needs_top_up:
            self.queue.top_up_hint(organization_id)
        return results

    def _apply_pending(
        self,
        organization_id: str,
        reports: Sequence[PricedReport],
        pending: dict[str, int],
        results: list[ReportResult],
        *,
        now: datetime,
    ) -> Account | None:
        """Apply what is pending; gives the account afterwards unless the fast path sufficed."""
        account: Account | None = None
        for _ in range(_ATTEMPTS):
            if not pending:
                return None
            entries = self._entries([reports[i] for i in pending.values()], account, now=now)
            spent_nanos = -sum(entry.amount_nanos for entry in entries)
            write = Write(
                organization_id=organization_id,
                at=now,
                entries=entries,
                cover=_cover_of_usage(spent_nanos, account),
                mark_low=account is not None and _after(account, spent_nanos).needs_top_up,
            )
            outcome = self.ledger.commit(write)
            if isinstance(outcome, Committed):
                for index in pending.values():
                    results[index] = ReportResult.APPLIED
                return None if account is None else _after(account, spent_nanos)
            if isinstance(outcome, Repeated):
                _set_repeated_aside(outcome.entries, reports, pending, results)
            if isinstance(outcome, NotCovered):
                account = outcome.account
        raise BusyError("The account is very busy.")

    def _entries(
        self, reports: Sequence[PricedReport], account: Account | None, *, now: datetime
    ) -> tuple[Entry, ...]:
        """An entry per report; those that `available` can't cover say so."""
        left_nanos = None if account is None else account.available_nanos
        entries: list[Entry] = []
        for report in reports:
            charge = report.charge
            if left_nanos is not None:
                left_nanos -= charge.amount_nanos
            entries.append(
                Entry(
                    id=self.ids.new("ent", now),
                    organization_id=charge.organization_id,
                    key=report_key(report.report_id),
                    kind=EntryKind.USAGE,
                    amount_nanos=-charge.amount_nanos,
                    recorded_at=now,
                    digest=charge.digest,
                    project_id=charge.project_id,
                    overdrawn=left_nanos is not None and left_nanos < 0 < charge.amount_nanos,
                    details=charge.details,
                )
            )
        return tuple(entries)

    def _deduction(self, charge: Charge, account: Account, *, key: str, now: datetime) -> Entry:
        entry = Entry(
            id=self.ids.new("ent", now),
            organization_id=charge.organization_id,
            key=deduction_key(key),
            kind=EntryKind.DEDUCTION,
            amount_nanos=-charge.amount_nanos,
            available_after_nanos=account.available_nanos - charge.amount_nanos,
            recorded_at=now,
            digest=charge.digest,
            project_id=charge.project_id,
            details=charge.details,
        )
        if account.suspended or account.available_nanos < charge.amount_nanos:
            return replace(
                entry,
                kind=EntryKind.REFUSAL,
                amount_nanos=0,
                available_after_nanos=account.available_nanos,
                details={"suspended": account.suspended},
            )
        return entry


def _cover_of_usage(spent_nanos: int, account: Account | None) -> Cover:
    """The condition that is true of the account as it was last seen, and matters for the entries.

    Usage is never refused: if the account has changed in between, another condition is true.
    """
    if spent_nanos == 0:
        return Cover.NONE
    if account is None:
        return Cover.AMPLE
    if account.available_nanos < spent_nanos:
        return Cover.OVERDRAWS
    if account.suspended or account.headroom_nanos < spent_nanos:
        return Cover.FUNDED
    return Cover.AMPLE


def _after(account: Account, spent_nanos: int) -> Account:
    return replace(account, available_nanos=account.available_nanos - spent_nanos)


def _set_repeated_aside(
    present: Mapping[str, Entry],
    reports: Sequence[PricedReport],
    pending: dict[str, int],
    results: list[ReportResult],
) -> None:
    for report_id, index in list(pending.items()):
        entry = present.get(report_key(report_id))
        if entry is None:
            continue
        same = entry.digest == reports[index].charge.digest
        results[index] = ReportResult.REPEATED if same else ReportResult.CONFLICT
        del pending[report_id]


def _answer(entry: Entry, *, replayed: bool) -> Entry:
    """The entry, or the refusal that it keeps."""
    if entry.kind is not EntryKind.REFUSAL:
        return entry
    if entry.details.get("suspended"):
        raise ForbiddenError("The account is suspended.", replayed=replayed)
    available = format_usd(entry.available_after_nanos or 0)
    raise InsufficientCreditsError(
        f"Only {available} USD are available. Requests are blocked until credits are added.",
        replayed=replayed,
    )
