"""Restoring: an account held against its ledger, beside traffic, and set right by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.domain.errors import BusyError, ConflictError
from chalicelib.domain.stored_account import (
    Comparison,
    HistorySums,
    ListedWrite,
    StoredAccount,
    comparison_of,
)
from chalicelib.domain.topup import TopUp
from chalicelib.ports import Accounts, History, Holds, Pause, TopUps

#: A write's place in the history is from when it was begun: whatever is older than this, beside
#: the newest, has been made or never will be, so only what is younger is read again.
_SETTLED_AFTER = timedelta(minutes=5)
#: So often the youngest writes are read again until the account stands still around them.
_ATTEMPTS = 60
#: The index of the history is behind by milliseconds: what stays different so often, is.
_SAME_SIGHTS = 4
#: Only an account that moves between its check and its repair makes another necessary.
_REPAIR_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What was done to an account: how it was met, and what was stored instead, if anything."""

    comparison: Comparison
    stored: StoredAccount | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """Compares accounts with their ledger, and rebuilds them from it."""

    accounts: Accounts
    history: History
    holds: Holds
    top_ups: TopUps
    pause: Pause

    def organizations(self) -> Iterator[str]:
        """Every organization that has an account or a history, each once."""
        return self.accounts.organizations()

    def check(self, organization_id: str) -> Comparison:
        """Hold the account against its ledger; neither changes meanwhile, or it is done again.

        Raises:
            BusyError: if the account never stood still for the time of a look.
        """
        reading = _Reading(history=self.history, organization_id=organization_id)
        last: tuple[StoredAccount | None, HistorySums] | None = None
        sights = 0
        for attempt in range(_ATTEMPTS):
            before = self._sight(organization_id)
            sums = reading.sums()
            holds = self.holds.open(organization_id)
            stored, top_up = self._sight(organization_id)
            if (stored, top_up) == before:
                sights = sights + 1 if (stored, sums) == last else 1
                last = stored, sums
                counted = stored is not None and stored.writes == sums.writes
                if counted or (stored is None and not sums.writes) or sights == _SAME_SIGHTS:
                    return comparison_of(stored, sums, top_up, holds)
            self.pause(min(attempt, 4))
        raise BusyError(f"The account of {organization_id} moves too fast; suspend it, or wait.")

    def repair(self, organization_id: str, *, now: datetime) -> Repair:
        """Store what the ledger says, under the condition that the account is as it was checked.

        No entry and no hold is touched. Done twice, or beside traffic, it does no harm.

        Raises:
            ConflictError: if the ledger lost entries, and so can't tell what the account should be.
            BusyError: if the account moved every time.
        """
        for attempt in range(_REPAIR_ATTEMPTS):
            compared = self.check(organization_id)
            if compared.account_in_line:
                return Repair(comparison=compared, stored=None)
            if not compared.ledger_whole:
                raise ConflictError(f"The ledger of {organization_id} must be restored first.")
            right = compared.repaired(now=now)
            if self.accounts.replace(compared.stored, right):
                return Repair(comparison=compared, stored=right)
            self.pause(attempt)
        raise BusyError(f"The account of {organization_id} moves too fast; suspend it, or wait.")

    def _sight(self, organization_id: str) -> tuple[StoredAccount | None, TopUp]:
        return self.accounts.stored(organization_id), self.top_ups.get(organization_id)


@dataclass(slots=True, kw_only=True)
class _Reading:
    """The history as far as it was read: what is settled is summed once."""

    history: History
    organization_id: str
    settled: HistorySums = field(default_factory=HistorySums)
    since: datetime | None = None

    def sums(self) -> HistorySums:
        """The sums of the whole history, of which only the youngest part is read again."""
        young: list[ListedWrite] = []
        for page in self._pages():
            young += page
            newest = max((write.entries[0].recorded_at for write in page), default=None)
            if newest is not None:
                self._settle(young, before=newest - _SETTLED_AFTER)
        return self.settled.plus(young)

    def _settle(self, young: list[ListedWrite], *, before: datetime) -> None:
        # Whole seconds, since places in the history are not as fine as times.
        before = before.replace(microsecond=0)
        if self.since is not None and before <= self.since:
            return
        old = [write for write in young if write.entries[0].recorded_at < before]
        young[:] = [write for write in young if write.entries[0].recorded_at >= before]
        self.settled = self.settled.plus(old)
        self.since = before

    def _pages(self) -> Iterator[Sequence[ListedWrite]]:
        after: str | None = None
        since = self.since
        while True:
            page = self.history.listed(self.organization_id, since=since, after=after)
            yield page.items
            after = page.after
            if after is None:
                return
