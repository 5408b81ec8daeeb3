"""Auditing: an account held against its ledger and its holds, beside traffic; nothing is changed.

This proves law 1 of one account; `sampling` chooses accounts for the schedule, and `restoring` sets
right what isn't.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.domain.errors import BusyError
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
#: The index of the history is behind by milliseconds: what stays different so often, is. With the
#: pauses that is about a second.
_SAME_SIGHTS = 8
_LONGEST_PAUSE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditing:
    """Compares accounts with their ledger."""

    accounts: Accounts
    history: History
    holds: Holds
    top_ups: TopUps
    pause: Pause

    def organizations(self) -> Iterator[str]:
        """Every organization that has an account or a history, each once."""
        return self.accounts.organizations()

    def check(self, organization_id: str, *, attempts: int = _ATTEMPTS) -> Comparison:
        """Hold the account against its ledger, both after the same write, or it is done again.

        It reads the whole history, however long that is.

        Raises:
            BusyError: if the account never stood still between its history's end and a look.
        """
        return next(self.looks(organization_id, attempts=attempts))

    def looks(self, organization_id: str, *, attempts: int) -> Iterator[Comparison]:
        """What checking the account finds, time and again: a later look reads only what is young.

        Raises:
            BusyError: after so many attempts, whether they found anything or not.
        """
        reading = _Reading(history=self.history, organization_id=organization_id)
        seen: tuple[StoredAccount | None, HistorySums] | None = None
        sights = 0
        for attempt in range(attempts):
            order = self.top_ups.get(organization_id)
            sums = reading.sums()
            # What was listed is made: if the account counts no more, nothing was written since,
            # however long the listing took. Only the reads from here need it to stand still.
            stored = self.accounts.stored(organization_id)
            sights = sights + 1 if (stored, sums) == seen else 1
            seen = stored, sums
            counted = sums.writes == (stored.writes if stored else 0)
            if counted or (sights >= _SAME_SIGHTS and reading.whole):
                compared = self._compared(organization_id, stored, sums, order)
                if compared is not None:
                    yield compared
            elif sights >= _SAME_SIGHTS:
                # Nobody is accused by what was summed before: a run of minutes may have
                # written in the settled part meanwhile.
                reading = _Reading(history=self.history, organization_id=organization_id)
            self.pause(min(attempt, _LONGEST_PAUSE))
        raise BusyError(f"The account of {organization_id} moves too fast; suspend it, or wait.")

    def _compared(
        self, organization_id: str, stored: StoredAccount | None, sums: HistorySums, order: TopUp
    ) -> Comparison | None:
        """The account held against all that there is; None if it moved meanwhile.

        The holds are read only here, since an account may have thousands.
        """
        holds = self.holds.open(organization_id)
        moved = self.accounts.stored(organization_id) != stored
        if moved or self.top_ups.get(organization_id) != order:
            return None
        return comparison_of(stored, sums, order, holds)


@dataclass(slots=True, kw_only=True)
class _Reading:
    """The history as far as it was read: what is settled is summed once.

    `whole` says that the last sums are of one reading from the beginning.
    """

    history: History
    organization_id: str
    settled: HistorySums = field(default_factory=HistorySums)
    since: datetime | None = None
    whole: bool = True

    def sums(self) -> HistorySums:
        """The sums of the whole history, of which only the youngest part is read again."""
        self.whole = self.since is None
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
