"""Telling what was spent, on what, and how the balance went, from the roll-ups by day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from chalicelib.domain.usage_day import Groups, UsageDay, joined_groups
from chalicelib.domain.usage_sums import UsageSums
from chalicelib.ports import UsageDays

_DAY = timedelta(days=1)


class GroupBy(StrEnum):
    """By what usage is summed."""

    PROJECT = "project"
    MODEL = "model"
    DAY = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSummary:
    """What usage took: all of it, and its groups by their names.

    The amounts and the calls of the groups add up to the total's. An entry that is about several
    models counts in each of their groups.
    """

    groups: Sequence[tuple[str, UsageSums]]
    total: UsageSums


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBalance:
    """How a day (UTC) ended, and what had changed `available + held` by then, in nano-dollars."""

    day: date
    available_nanos: int
    held_nanos: int
    spent_nanos: int = 0
    topped_up_nanos: int = 0
    other_nanos: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReporting:
    """Reads the roll-ups, which follow the ledger within a moment."""

    usage_days: UsageDays

    def usage(
        self, organization_id: str, *, group_by: GroupBy, first: date, last: date
    ) -> UsageSummary:
        """What was taken for usage from the first day to the last, both included.

        Days come in their order, other groups from the most expensive on.
        """
        days = self.usage_days.days(organization_id, first=first, last=last)
        total = sum((day.spent for day in days), start=UsageSums())
        if group_by is GroupBy.DAY:
            spending = [(day.day.isoformat(), day.spent) for day in days if day.spent.entries]
            return UsageSummary(groups=spending, total=total)
        groups = joined_groups(*(_groups(day, group_by) for day in days))
        costly = sorted(groups.items(), key=lambda item: (-item[1].amount_nanos, item[0]))
        return UsageSummary(groups=costly, total=total)

    def balances(self, organization_id: str, *, first: date, last: date) -> Sequence[DayBalance]:
        """How each of the days ended, to the last, which is today.

        What isn't rolled up yet is in none of them, so that the days always fit together.
        """
        # A write of this midnight may be recorded as tomorrow's by a clock that is ahead.
        days = self.usage_days.days(organization_id, first=first, last=last + _DAY)
        return sorted(
            self._balances(organization_id, days, first=first, last=last), key=lambda b: b.day
        )

    def _balances(
        self, organization_id: str, days: Sequence[UsageDay], *, first: date, last: date
    ) -> Iterator[DayBalance]:
        """The days backwards, from the balance that the latest write left."""
        by_day = {day.day: day for day in days}
        empty = UsageDay(organization_id=organization_id, day=first)
        earlier = None if days else self.usage_days.before(organization_id, first)
        latest = max(days, key=lambda day: day.last_number, default=earlier or empty)
        available, held = latest.available_after_nanos, latest.held_after_nanos
        date_ = last + _DAY
        while date_ >= first:
            day = by_day.get(date_, empty)
            if date_ <= last:
                yield DayBalance(
                    day=date_,
                    available_nanos=available,
                    held_nanos=held,
                    spent_nanos=day.spent.amount_nanos,
                    topped_up_nanos=day.topped_up_nanos,
                    other_nanos=day.other_nanos,
                )
            available -= day.available_change_nanos
            held -= day.held_nanos
            date_ -= _DAY


def _groups(day: UsageDay, group_by: GroupBy) -> Groups:
    return day.projects if group_by is GroupBy.PROJECT else day.models
