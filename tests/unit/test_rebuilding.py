"""A day made anew from the ledger is the day that a faithful stream would have made."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import BusyError, ConflictError
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.number_ranges import NumberRanges
from chalicelib.domain.usage_day import UsageDay
from chalicelib.domain.write import Committed, Write
from chalicelib.ports import Page, Window
from chalicelib.usecases.rebuilding import Rebuilding
from chalicelib.usecases.rolling_up import RollingUp
from tests.fakes.repositories import FakeLedger
from tests.fakes.roll_ups import FakeHistory, FakeUsageDays
from tests.fakes.store import Store
from tests.fakes.values import NOW, entry

DAY = timedelta(days=1)
TODAY = NOW.date()
LATER = NOW + 9 * DAY


class Ledger:
    """A ledger, of which the roll-ups have seen a part."""

    def __init__(self) -> None:
        self.store = Store()
        self.ledger = FakeLedger(self.store)
        self.history = FakeHistory(self.store)
        self.days = FakeUsageDays()
        self.rolling_up = RollingUp(history=self.history, usage_days=self.days)
        self.rebuilding = Rebuilding(ledger=self.ledger, history=self.history, usage_days=self.days)

    def use(self, day: int, entries: int = 1) -> None:
        at = NOW + day * DAY
        serial = len(self.store.changes)
        made = Write(
            organization_id="acme",
            at=at,
            entries=tuple(
                entry(f"{serial}-{n}", "-1.00", at=at, kind=EntryKind.USAGE) for n in range(entries)
            ),
        )
        assert self.ledger.commit(made) == Committed()

    def kept(self) -> list[UsageDay]:
        """All days, however they were made."""
        found = self.days.days("acme", first=TODAY - 9 * DAY, last=TODAY + 9 * DAY)
        return [replace(day, version=1, closed=False) for day in found]


@given(st.data())
def test_rebuilding_every_day_makes_good_whatever_was_forgotten(data: st.DataObject) -> None:
    ledger = Ledger()
    for day in sorted(data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=9))):
        ledger.use(day, data.draw(st.integers(1, 3)))
    ledger.rolling_up.roll_up(ledger.store.changes)
    faithful = ledger.kept()
    ledger.days = FakeUsageDays()
    ledger.rolling_up = RollingUp(history=ledger.history, usage_days=ledger.days)
    seen = data.draw(st.lists(st.sampled_from(ledger.store.changes), unique=True))
    ledger.rolling_up.roll_up(seen)
    rebuilding = replace(ledger.rebuilding, usage_days=ledger.days)
    for day in range(4):
        if any(each.day == TODAY + day * DAY for each in faithful):
            rebuilding.rebuild("acme", TODAY + day * DAY, now=LATER)
    assert ledger.kept() == faithful
    assert ledger.rolling_up.roll_up(ledger.store.changes).missing == {}
    assert ledger.kept() == faithful, "what comes late changes nothing"


def test_a_forgotten_write_is_no_longer_missing() -> None:
    ledger = Ledger()
    for _ in range(3):
        ledger.use(0)
    ledger.use(1)
    first, _, third, tomorrows = ledger.store.changes
    assert ledger.rolling_up.roll_up([first, third]).missing == {"acme": ((2, 2),)}
    rebuilt = ledger.rebuilding.rebuild("acme", TODAY, now=LATER)
    assert rebuilt.applied == NumberRanges(((1, 3),))
    assert rebuilt.spent.entries == 3
    assert ledger.rolling_up.roll_up([tomorrows]).missing == {}


def test_a_day_that_is_not_over_is_not_rebuilt() -> None:
    ledger = Ledger()
    ledger.use(0)
    midnight = NOW.replace(hour=0) + DAY
    with pytest.raises(ConflictError):
        ledger.rebuilding.rebuild("acme", TODAY, now=midnight + timedelta(minutes=59))
    ledger.rebuilding.rebuild("acme", TODAY, now=midnight + timedelta(hours=1))


class Changing(FakeUsageDays):
    """Roll-ups of which a day is changed whenever somebody would replace it."""

    def replace(self, day: UsageDay) -> bool:
        super().replace(day)
        return super().replace(day)


def test_a_day_that_changes_meanwhile_is_left_alone() -> None:
    ledger = Ledger()
    ledger.use(0)
    with pytest.raises(BusyError):
        replace(ledger.rebuilding, usage_days=Changing()).rebuild("acme", TODAY, now=LATER)


def test_a_rebuilt_day_takes_nothing_more_and_has_the_balance_of_its_end() -> None:
    ledger = Ledger()
    for day, held in ((0, "2.00"), (1, "0.50")):
        at = NOW + day * DAY
        hold = entry(f"hold#{day}", "0.00", held=held, at=at, kind=EntryKind.HOLD)
        assert ledger.ledger.commit(Write(organization_id="acme", at=at, entries=(hold,)))
    ledger.rolling_up.roll_up(ledger.store.changes)
    for day, nanos in ((0, 2_000_000_000), (1, 2_500_000_000)):
        rebuilt = ledger.rebuilding.rebuild("acme", TODAY + day * DAY, now=LATER)
        assert rebuilt.closed
        assert (rebuilt.held_after_nanos, rebuilt.available_after_nanos) == (nanos, -nanos)


def test_a_day_without_entries_is_rebuilt_as_an_empty_one() -> None:
    ledger = Ledger()
    ledger.use(0)
    ledger.rolling_up.roll_up(ledger.store.changes)
    rebuilt = ledger.rebuilding.rebuild("acme", TODAY + DAY, now=LATER)
    assert rebuilt.applied == NumberRanges()
    assert (rebuilt.spent.entries, rebuilt.available_after_nanos) == (0, -1_000_000_000)


def test_a_day_is_read_to_its_end_and_no_other_is() -> None:
    ledger = Ledger()
    asked: list[Window] = []

    class _Recording(FakeLedger):
        def entries(self, organization_id: str, window: Window) -> Page[Entry]:
            asked.append(window)
            return super().entries(organization_id, window)

    for day in (0, 1, 1, 1, 2):
        ledger.use(day, 90)
    rebuilding = replace(ledger.rebuilding, ledger=_Recording(ledger.store))
    assert rebuilding.rebuild("acme", TODAY + DAY, now=LATER).spent.entries == 270
    begin = NOW.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    assert {(window.since, window.until) for window in asked} == {(begin, begin + DAY)}
    assert len(asked) == 3
