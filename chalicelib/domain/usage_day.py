"""The roll-up of a day: what an organization's entries of that day (UTC) came to.

A day takes each write of the account's history once, by its number, in whatever order and however
often they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.number_ranges import NumberRanges
from chalicelib.domain.usage_sums import SPENDING, UsageSums, sums_by_model, sums_of

TOPPING_UP = frozenset({EntryKind.PURCHASE, EntryKind.AUTO_TOP_UP})

#: The group of what came without a project.
NO_PROJECT = "(none)"

Groups = Mapping[str, UsageSums]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    """What the accounts' stream tells: the history got its `number`-th write.

    `first_key` is the key of the write's first entry; the balances are those after it.
    """

    organization_id: str
    number: int
    first_key: str
    available_nanos: int
    held_nanos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryWrite:
    """A write of the history with its entries."""

    change: AccountChange
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageDay:
    """A day's sums, in nano-dollars, of the writes whose numbers are `applied`.

    `spent` is what usage took, and is the sum of `projects` as well as of `models`. With the
    credits bought and all other changes it is what `available + held` changed by; `held_nanos` is
    what `held` changed by. The balances are those after `last_number`, the latest write applied.
    One that is `closed` was made from the whole ledger of a day that is over, and takes no more.
    """

    organization_id: str
    day: date
    applied: NumberRanges = field(default_factory=NumberRanges)
    spent: UsageSums = field(default_factory=UsageSums)
    topped_up_nanos: int = 0
    other_nanos: int = 0
    held_nanos: int = 0
    available_after_nanos: int = 0
    held_after_nanos: int = 0
    projects: Groups = field(default_factory=dict)
    models: Groups = field(default_factory=dict)
    closed: bool = False
    version: int = 0

    @property
    def last_number(self) -> int:
        """The number of the latest write applied; 0 before the first."""
        return self.applied.highest or 0

    @property
    def available_change_nanos(self) -> int:
        """What `available` changed by."""
        return self.topped_up_nanos + self.other_nanos - self.spent.amount_nanos - self.held_nanos

    def with_writes(self, writes: Sequence[HistoryWrite]) -> UsageDay:
        """The day with its entries of these writes; itself if it has all of them already."""
        if self.closed:
            return self
        fresh = {
            write.change.number: write
            for write in writes
            if write.change.number not in self.applied
        }
        if not fresh:
            return self
        entries = [
            entry
            for write in fresh.values()
            for entry in write.entries
            if day_of(entry.recorded_at) == self.day
        ]
        latest = fresh[max(fresh)].change
        newest = latest.number > self.last_number
        return replace(
            self.with_entries(entries),
            applied=self.applied.with_numbers(fresh),
            available_after_nanos=latest.available_nanos if newest else self.available_after_nanos,
            held_after_nanos=latest.held_nanos if newest else self.held_after_nanos,
        )

    def with_entries(self, entries: Sequence[Entry]) -> UsageDay:
        """The day with these entries of it in its sums, whichever writes they are of."""
        return replace(
            self,
            spent=sum(map(sums_of, entries), start=self.spent),
            topped_up_nanos=self.topped_up_nanos + _amount(entries, TOPPING_UP),
            other_nanos=self.other_nanos + _amount(entries, _OTHER_KINDS),
            held_nanos=self.held_nanos + sum(entry.held_nanos for entry in entries),
            projects=joined_groups(self.projects, *map(_by_project, entries)),
            models=joined_groups(self.models, *map(sums_by_model, entries)),
        )


_OTHER_KINDS = frozenset(EntryKind) - SPENDING - TOPPING_UP


def day_of(at: datetime) -> date:
    """The day that a time counts to, in UTC."""
    if at.tzinfo is None:
        raise ValueError("a naive time has no day")
    return at.astimezone(UTC).date()


def days_of(write: HistoryWrite) -> frozenset[date]:
    """The days that a write's entries count to."""
    return frozenset(day_of(entry.recorded_at) for entry in write.entries)


def joined_groups(*several: Groups) -> dict[str, UsageSums]:
    """Groups added up by their names."""
    joined: dict[str, UsageSums] = {}
    for groups in several:
        for name, sums in groups.items():
            joined[name] = joined[name] + sums if name in joined else sums
    return joined


def _by_project(entry: Entry) -> dict[str, UsageSums]:
    if entry.kind not in SPENDING:
        return {}
    return {entry.project_id or NO_PROJECT: sums_of(entry)}


def _amount(entries: Iterable[Entry], kinds: frozenset[EntryKind]) -> int:
    return sum(entry.amount_nanos for entry in entries if entry.kind in kinds)
