"""Rolling usage up as it arrives: each write of an account's history into its day, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from chalicelib.domain.number_ranges import NumberRanges
from chalicelib.domain.usage_day import AccountChange, HistoryWrite, UsageDay, days_of
from chalicelib.ports import History, UsageDays

_DAY = timedelta(days=1)


@dataclass(slots=True)
class RolledUp:
    """What became of a batch of changes.

    `failures` are the organizations whose changes are to be delivered again. `missing` are the
    numbers, from the first to the last of each run, of writes that were never delivered: the
    stream forgot them, and the day has to be rebuilt.
    """

    writes: int = 0
    failures: dict[str, Exception] = field(default_factory=dict)
    missing: dict[str, Sequence[tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingUp:
    """Follows the accounts' changes."""

    history: History
    usage_days: UsageDays

    def roll_up(self, changes: Sequence[AccountChange]) -> RolledUp:
        """Add what was written to its days; changes that were added before change nothing.

        One organization's trouble keeps nobody else's changes waiting.
        """
        result = RolledUp()
        by_organization: dict[str, dict[int, AccountChange]] = {}
        for change in changes:
            by_organization.setdefault(change.organization_id, {})[change.number] = change
        for organization_id, numbered in by_organization.items():
            try:
                days = self._add(organization_id, list(numbered.values()))
                missing = self._missing(organization_id, days)
            except Exception as error:
                # Told to the caller, which has these changes delivered again.
                result.failures[organization_id] = error
                continue
            result.writes += len(numbered)
            if missing:
                result.missing[organization_id] = missing
        return result

    def _add(self, organization_id: str, changes: Sequence[AccountChange]) -> Sequence[UsageDay]:
        found = self.history.writes(organization_id, [change.first_key for change in changes])
        writes = [
            HistoryWrite(change=change, entries=entries)
            for change, entries in zip(changes, found, strict=True)
        ]
        by_day: dict[date, list[HistoryWrite]] = {}
        for write in writes:
            for day in days_of(write):
                by_day.setdefault(day, []).append(write)
        return [self.usage_days.add(organization_id, day, by_day[day]) for day in sorted(by_day)]

    def _missing(self, organization_id: str, days: Sequence[UsageDay]) -> Sequence[tuple[int, int]]:
        """The writes that should have come before those of these days, and didn't.

        Writes of one midnight may be numbered across it, so the days beside have a say.
        """
        suspects = [day for day in days if day.applied.gaps() or day.version == 1]
        if not suspects:
            return ()
        first, last = suspects[0].day - _DAY, suspects[-1].day + _DAY
        earlier = self.usage_days.before(organization_id, first)
        start = earlier.last_number if earlier else 0
        applied = NumberRanges(((start, start),))
        for day in self.usage_days.days(organization_id, first=first, last=last):
            applied = applied.joined(day.applied)
        return applied.gaps()
