"""Taking what has been used, each once for ever: from its hold, else from what is available.

Usage has happened, so it is never refused: what nothing covers takes `available` below zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.account import Account
from chalicelib.domain.charge import Charge
from chalicelib.domain.errors import BusyError, NotFoundError
from chalicelib.domain.hold_entries import said_of_changed
from chalicelib.domain.holds import Hold
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.traces import TraceCount
from chalicelib.domain.write import Committed, Cover, NotCovered, Repeated, Saved, Stale, Write
from chalicelib.ports import Holds, Ids, Ledger, Pause, TraceCounts

#: Each failed try brings news: the account as it then was, an entry that was there, or a rival
#: that changed the same hold or the same month's count. With jittered pauses, dozens of rivals
#: get through.
_ATTEMPTS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Usage that has happened, and the key and kind of the entry that records it.

    It is taken from the hold as far as that reaches; `final` gives back the hold's rest. Without
    `must_exist`, usage of a hold that nobody knows is taken from what is available.
    """

    key: str
    kind: EntryKind
    charge: Charge
    hold_id: str | None = None
    final: bool = False
    must_exist: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a use: its entry, which may have been there before."""

    entry: Entry
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Takings:
    """What became of all, in order, and the account afterwards unless the fast path sufficed."""

    taken: Sequence[Taken]
    account: Account | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """Takes usage from the holds and the accounts of organizations."""

    ledger: Ledger
    holds: Holds
    trace_counts: TraceCounts
    ids: Ids
    pause: Pause

    def take(self, organization_id: str, uses: Sequence[Use], *, now: datetime) -> Takings:
        """Take all uses, each with a key of its own, in one write.

        Raises:
            BusyError: if the account stays contended; none or all was taken, so ask again.
            NotFoundError: if a hold doesn't exist that must.
        """
        done: dict[str, Taken] = {}
        account: Account | None = None
        after: Account | None = None
        seen = _Seen(holds={}, counts={})
        for attempt in range(_ATTEMPTS):
            pending = [use for use in uses if use.key not in done]
            if not pending:
                return Takings(taken=[done[use.key] for use in uses], account=after)
            self._look(seen, organization_id, pending)
            batch = _Batch(seen=seen, account=account, now=now)
            for use in pending:
                batch.add(use, entry_id=self.ids.new("ent", now))
            write = batch.write(organization_id)
            outcome = self.ledger.commit(write)
            if isinstance(outcome, Committed):
                done |= {e.key: Taken(entry=e, replayed=False) for e in batch.entries}
                after = account and account.plus(write.available_nanos)
            elif isinstance(outcome, Repeated):
                done |= {
                    key: Taken(entry=entry, replayed=True) for key, entry in outcome.entries.items()
                }
            elif isinstance(outcome, NotCovered):
                account = outcome.account
            elif isinstance(outcome, Stale):
                seen = _Seen(holds={}, counts={})
                self.pause(attempt)
        raise BusyError("The account is very busy; please try again.")

    def _look(self, seen: _Seen, organization_id: str, uses: Sequence[Use]) -> None:
        """Read what the uses depend on and isn't seen yet; most depend on nothing."""
        for use in uses:
            if use.hold_id is not None and use.hold_id not in seen.holds:
                hold = self.holds.get(organization_id, use.hold_id)
                if hold is None and use.must_exist:
                    raise NotFoundError("There is no such hold.")
                seen.holds[use.hold_id] = hold
            month = use.charge.month
            if use.charge.traces and month not in seen.counts:
                seen.counts[month] = self.trace_counts.get(organization_id, month)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """Holds, None for those that don't exist, and the counts of months, as they were read."""

    holds: dict[str, Hold | None]
    counts: dict[str, TraceCount]


class _Batch:
    """The uses of one write, each decided after the ones before it."""

    def __init__(self, *, seen: _Seen, account: Account | None, now: datetime) -> None:
        self.entries: list[Entry] = []
        self._seen = seen
        self._account = account
        self._now = now
        self._holds: dict[str, Hold] = {}
        self._traces: dict[str, int] = {}

    def add(self, use: Use, *, entry_id: str) -> None:
        """Add the entry of a use, and change the hold and the count that it takes from."""
        charge = self._counted(use.charge)
        held_nanos, about_hold = self._from_hold(use, charge.amount_nanos)
        entry = Entry(
            id=entry_id,
            organization_id=charge.organization_id,
            key=use.key,
            kind=use.kind,
            amount_nanos=-charge.amount_nanos,
            held_nanos=held_nanos,
            recorded_at=self._now,
            digest=charge.digest,
            project_id=charge.project_id,
            details={**charge.details, **about_hold},
        )
        self.entries.append(entry)

    def write(self, organization_id: str) -> Write:
        """All of it, under the condition that is true of the account as it was last seen."""
        account = self._account
        spent_nanos = -sum(entry.available_nanos for entry in self.entries)
        takes = any(entry.available_nanos < 0 for entry in self.entries)
        if account is not None and account.available_nanos < spent_nanos:
            self._say_what_is_overdrawn(account)
        saves: list[Saved] = [
            hold.saved() for id_, hold in self._holds.items() if hold != self._seen.holds[id_]
        ]
        saves += [self._seen.counts[month].plus(n) for month, n in self._traces.items() if n]
        return Write(
            organization_id=organization_id,
            at=self._now,
            entries=tuple(self.entries),
            cover=_cover(spent_nanos, account) if takes else Cover.NONE,
            mark_low=account is not None and account.plus(-spent_nanos).needs_top_up,
            saves=tuple(saves),
        )

    def _say_what_is_overdrawn(self, account: Account) -> None:
        """What is given back by one use of the write serves the others."""
        left_nanos = account.available_nanos
        left_nanos += sum(max(0, entry.available_nanos) for entry in self.entries)
        for index, entry in enumerate(self.entries):
            if entry.available_nanos < 0:
                left_nanos += entry.available_nanos
                self.entries[index] = replace(entry, overdrawn=left_nanos < 0)

    def _counted(self, charge: Charge) -> Charge:
        if not charge.traces:
            return charge
        before = self._traces.get(charge.month, 0)
        self._traces[charge.month] = before + charge.traces
        return charge.after_traces(self._seen.counts[charge.month].used + before)

    def _from_hold(self, use: Use, spent_nanos: int) -> tuple[int, Mapping[str, object]]:
        """What changes in `held`, and what the entry says about the hold."""
        if use.hold_id is None:
            return 0, {}
        before = self._holds.get(use.hold_id) or self._seen.holds[use.hold_id]
        if before is None:
            return 0, {"hold": {"id": use.hold_id}}
        after = before.settled(spent_nanos, final=use.final, at=self._now)
        self._holds[use.hold_id] = after
        return after.remaining_nanos - before.remaining_nanos, said_of_changed(after)


def _cover(spent_nanos: int, account: Account | None) -> Cover:
    """The condition that is true of the account as it was last seen, and matters for the entries.

    If the account has changed in between, another one is true. Usage is never refused.
    """
    if account is None:
        return Cover.AMPLE
    if account.available_nanos < spent_nanos:
        return Cover.OVERDRAWS
    if account.suspended or account.headroom_nanos < spent_nanos:
        return Cover.FUNDED
    return Cover.AMPLE
