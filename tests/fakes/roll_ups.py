"""The fake roll-ups: the history that they follow, and the days that they keep."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from chalicelib.adapters.ids import first_id_at
from chalicelib.domain.ledger import Entry
from chalicelib.domain.stored_account import ListedWrite
from chalicelib.domain.usage_day import HistoryWrite, UsageDay
from chalicelib.ports import Page
from tests.fakes.store import Store

_LISTED = 5


class FakeHistory:
    """The History port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def writes(
        self, organization_id: str, first_keys: Sequence[str]
    ) -> Sequence[tuple[Entry, ...]]:
        """See the port."""
        with self._store.lock:
            found = {
                (entries[0].organization_id, entries[0].key): tuple(entries)
                for entries in self._store.writes.values()
            }
        return [found[organization_id, key] for key in first_keys]

    def count(self, organization_id: str, *, since: datetime, until: datetime) -> int:
        """See the port."""
        first, last = first_id_at("ent", since), first_id_at("ent", until)
        with self._store.lock:
            return sum(
                first <= write_id < last and entries[0].organization_id == organization_id
                for write_id, entries in self._store.writes.items()
            )

    def listed(
        self, organization_id: str, *, since: datetime | None = None, after: str | None = None
    ) -> Page[ListedWrite]:
        """See the port. Pages are short, so that tests meet several."""
        lowest = first_id_at("ent", since) if since else ""
        with self._store.lock:
            listed = [
                (write_id, self._listed(entries))
                for write_id, entries in sorted(self._store.writes.items())
                if entries[0].organization_id == organization_id
                and write_id >= lowest
                and write_id > (after or "")
            ]
        page = listed[:_LISTED]
        more = page[-1][0] if len(listed) > _LISTED else None
        return Page(items=[write for _, write in page], after=more)

    def _listed(self, entries: Sequence[Entry]) -> ListedWrite:
        there = [e for e in entries if (e.organization_id, e.key) in self._store.entries]
        missing = [entry.key for entry in entries if entry not in there]
        return ListedWrite(entries=tuple(there), missing=tuple(missing))


class FakeUsageDays:
    """The UsageDays port."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._days: dict[tuple[str, date], UsageDay] = {}

    def add(self, organization_id: str, day: date, writes: Sequence[HistoryWrite]) -> UsageDay:
        """See the port."""
        with self._lock:
            before = self._days.get((organization_id, day)) or UsageDay(
                organization_id=organization_id, day=day
            )
            after = before.with_writes(writes)
            if after is not before:
                after = replace(after, version=before.version + 1)
                self._days[organization_id, day] = after
            return after

    def replace(self, day: UsageDay) -> bool:
        """See the port."""
        place = day.organization_id, day.day
        with self._lock:
            kept = self._days.get(place)
            if day.version != (0 if kept is None else kept.version) + 1:
                return False
            self._days[place] = day
            return True

    def days(self, organization_id: str, *, first: date, last: date) -> Sequence[UsageDay]:
        """See the port."""
        with self._lock:
            found = {
                day: kept
                for (organization, day), kept in self._days.items()
                if organization == organization_id and first <= day <= last
            }
        return [found[day] for day in sorted(found)]

    def before(self, organization_id: str, day: date) -> UsageDay | None:
        """See the port."""
        earlier = self.days(organization_id, first=date.min, last=day)
        return next((each for each in reversed(earlier) if each.day < day), None)
