"""The fake repositories of holds and of the months' traces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import cast

from chalicelib.domain.holds import Hold
from chalicelib.domain.traces import TraceCount
from tests.fakes.store import Place, Store, place_of


@place_of.register
def _(value: TraceCount) -> Place:
    return ("TraceCount", value.organization_id, value.month)


class FakeHolds:
    """The Holds port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, organization_id: str, hold_id: str) -> Hold | None:
        """See the port."""
        return cast("Hold | None", self._store.saved.get(("Hold", organization_id, hold_id)))

    def all(self) -> list[Hold]:
        """Every hold, the oldest first; for tests."""
        found = cast("Iterable[Hold]", self._store.values("Hold"))
        return sorted(found, key=lambda hold: hold.id)

    def due(self, now: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """See the port."""
        due = [
            (hold.check_at, hold.organization_id, hold.id)
            for hold in self.all()
            if hold.check_at is not None and hold.check_at <= now
        ]
        return [(organization_id, hold_id) for _, organization_id, hold_id in sorted(due)][:limit]

    def open(self, organization_id: str) -> Sequence[Hold]:
        """See the port."""
        own = [hold for hold in self.all() if hold.organization_id == organization_id]
        return [hold for hold in own if hold.is_open]


class FakeTraceCounts:
    """The TraceCounts port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, organization_id: str, month: str) -> TraceCount:
        """See the port."""
        found = self._store.saved.get(("TraceCount", organization_id, month))
        return cast("TraceCount | None", found) or TraceCount(
            organization_id=organization_id, month=month
        )
