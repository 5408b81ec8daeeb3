"""Making a day's roll-up anew from the ledger, when the stream forgot some of its writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from chalicelib.domain.errors import BusyError, ConflictError
from chalicelib.domain.ledger import Entry
from chalicelib.domain.number_ranges import NumberRanges
from chalicelib.domain.usage_day import UsageDay, day_of
from chalicelib.ports import History, Ledger, UsageDays, Window

_DAY = timedelta(days=1)
#: Longer than any process takes from its time to its last try of a write.
_SETTLED_AFTER = timedelta(hours=1)
_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilding:
    """Rebuilds days; when several are wrong, the earliest first."""

    ledger: Ledger
    history: History
    usage_days: UsageDays

    def rebuild(self, organization_id: str, day: date, *, now: datetime) -> UsageDay:
        """The day as the ledger has it, which is kept instead of what was rolled up.

        Changes that the stream brings after all change nothing in it any more.

        Raises:
            ConflictError: if the day isn't over for an hour; it may still get entries.
            BusyError: if the day was changed meanwhile.
        """
        begin = datetime.combine(day, time(), tzinfo=UTC)
        if now < begin + _DAY + _SETTLED_AFTER:
            raise ConflictError("A day can be rebuilt when it has been over for an hour.")
        empty = UsageDay(organization_id=organization_id, day=day)
        found = self.usage_days.days(organization_id, first=day, last=day)
        present = found[0] if found else empty
        before = self.usage_days.before(organization_id, day) or empty
        count = self.history.count(organization_id, since=begin, until=begin + _DAY)
        numbers = NumberRanges(((before.last_number + 1, before.last_number + count),))
        summed = empty.with_entries(list(self._entries(organization_id, begin)))
        rebuilt = replace(
            summed,
            applied=present.applied.joined(numbers) if count else present.applied,
            closed=True,
            available_after_nanos=before.available_after_nanos + summed.available_change_nanos,
            held_after_nanos=before.held_after_nanos + summed.held_nanos,
            version=present.version + 1,
        )
        if not self.usage_days.replace(rebuilt):
            raise BusyError("The day was changed meanwhile; please try again.")
        return rebuilt

    def _entries(self, organization_id: str, begin: datetime) -> Iterator[Entry]:
        """The ledger's entries of the day."""
        window = Window(limit=_PAGE, since=begin, until=begin + _DAY)
        while True:
            page = self.ledger.entries(organization_id, window)
            yield from (each for each in page.items if day_of(each.recorded_at) == begin.date())
            if page.after is None:
                return
            window = replace(window, after=page.after)
