"""Following the accounts: each write once whatever the stream does, and nobody held up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import BusyError
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.usage_day import AccountChange, HistoryWrite, UsageDay
from chalicelib.domain.write import Committed, Write
from chalicelib.ports import History
from chalicelib.usecases.rolling_up import RolledUp, RollingUp
from tests.fakes.repositories import FakeLedger
from tests.fakes.roll_ups import FakeHistory, FakeUsageDays
from tests.fakes.store import Store
from tests.fakes.values import NOW, entry

DAY = timedelta(days=1)
TODAY = NOW.date()


class Followed:
    """A ledger, and the roll-ups that follow it."""

    def __init__(self) -> None:
        self.store = Store()
        self.ledger = FakeLedger(self.store)
        self.days = FakeUsageDays()
        self.history: History = FakeHistory(self.store)
        self.rolling_up = RollingUp(history=self.history, usage_days=self.days)

    @property
    def changes(self) -> list[AccountChange]:
        return self.store.changes

    def use(self, key: str, *more: str, org: str = "acme", at: datetime = NOW) -> None:
        """Take a dollar for each key, all in one write."""
        entries = [
            entry(each, "-1.00", organization_id=org, at=at, kind=EntryKind.USAGE)
            for each in (key, *more)
        ]
        write = Write(organization_id=org, at=at, entries=tuple(entries))
        assert self.ledger.commit(write) == Committed()

    def roll_up(self, *changes: AccountChange) -> RolledUp:
        return self.rolling_up.roll_up(changes)

    def spent(self, org: str = "acme", day: date = TODAY) -> int:
        """Whole dollars of a day."""
        found = self.days.days(org, first=day, last=day)
        return sum(each.spent.amount_nanos for each in found) // 10**9


def test_each_write_is_added_to_its_day_with_all_its_entries() -> None:
    followed = Followed()
    followed.use("a", "b", "c")
    followed.use("d", at=NOW + DAY)
    result = followed.roll_up(*followed.changes)
    assert (result.writes, result.failures, result.missing) == (2, {}, {})
    assert (followed.spent(), followed.spent(day=TODAY + DAY)) == (3, 1)


def test_changes_that_come_again_change_nothing() -> None:
    followed = Followed()
    followed.use("a", "b")
    followed.use("c")
    followed.roll_up(*followed.changes, followed.changes[0])
    followed.roll_up(*followed.changes)
    assert followed.spent() == 3


def test_refusals_and_what_moves_no_history_are_not_followed() -> None:
    followed = Followed()
    refusal = entry("refused", "0.00", kind=EntryKind.REFUSAL)
    followed.ledger.commit(Write(organization_id="acme", at=NOW, entries=(refusal,)))
    assert followed.changes == []


def test_usage_that_costs_nothing_is_followed() -> None:
    followed = Followed()
    free = entry("free", "0.00", kind=EntryKind.USAGE)
    followed.ledger.commit(Write(organization_id="acme", at=NOW, entries=(free,)))
    followed.roll_up(*followed.changes)
    (day,) = followed.days.days("acme", first=TODAY, last=TODAY)
    assert day.spent.entries == 1


class Troubled(FakeHistory):
    """A history that can't be read for one organization, as often as is said."""

    def __init__(self, store: Store, organization_id: str) -> None:
        super().__init__(store)
        self.organization_id = organization_id
        self.troubles = 1

    def writes(
        self, organization_id: str, first_keys: Sequence[str]
    ) -> Sequence[tuple[Entry, ...]]:
        if organization_id == self.organization_id and self.troubles:
            self.troubles -= 1
            raise BusyError("not now")
        return super().writes(organization_id, first_keys)


def test_one_organizations_trouble_keeps_nobody_else_waiting() -> None:
    followed = Followed()
    followed.use("a", org="acme")
    followed.use("b", org="other")
    followed.rolling_up = RollingUp(
        history=Troubled(followed.store, "acme"), usage_days=followed.days
    )
    first = followed.roll_up(*followed.changes)
    assert (list(first.failures), first.writes) == (["acme"], 1)
    assert (followed.spent("acme"), followed.spent("other")) == (0, 1)
    again = followed.roll_up(*followed.changes)
    assert again.failures == {}
    assert (followed.spent("acme"), followed.spent("other")) == (1, 1)


class Dying(FakeUsageDays):
    """Roll-ups whose process dies before or after its n-th change of a day."""

    def __init__(self, *, at: int, after: bool) -> None:
        super().__init__()
        self._at = at
        self._after = after
        self._calls = 0

    def add(self, organization_id: str, day: date, writes: Sequence[HistoryWrite]) -> UsageDay:
        self._calls += 1
        if self._calls != self._at:
            return super().add(organization_id, day, writes)
        if self._after:
            super().add(organization_id, day, writes)
        raise KeyboardInterrupt  # as the end of a process, it is no Exception


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_crash_between_any_two_days_is_made_good_by_redelivery(*, at: int, after: bool) -> None:
    followed = Followed()
    followed.use("a", "b")
    followed.use("c", at=NOW + DAY)
    followed.use("d", org="other")
    followed.use("e", "f", org="other", at=NOW + DAY)
    followed.days = Dying(at=at, after=after)
    followed.rolling_up = RollingUp(history=followed.history, usage_days=followed.days)
    with pytest.raises(KeyboardInterrupt):
        followed.roll_up(*followed.changes)
    followed.roll_up(*followed.changes)
    tomorrow = TODAY + DAY
    assert (followed.spent(), followed.spent(day=tomorrow)) == (2, 1)
    assert (followed.spent("other"), followed.spent("other", tomorrow)) == (1, 2)


def test_writes_that_the_stream_forgot_are_told() -> None:
    followed = Followed()
    for key in "abcde":
        followed.use(key)
    assert followed.roll_up(followed.changes[0]).missing == {}
    assert followed.roll_up(followed.changes[3]).missing == {"acme": ((2, 3),)}
    assert followed.roll_up(followed.changes[4]).missing == {"acme": ((2, 3),)}
    assert followed.roll_up(*followed.changes[1:3]).missing == {}


def test_writes_that_were_forgotten_before_a_new_day_are_told() -> None:
    followed = Followed()
    followed.use("a")
    followed.use("b")
    followed.use("c", at=NOW + 5 * DAY)
    followed.roll_up(followed.changes[0])
    assert followed.roll_up(followed.changes[2]).missing == {"acme": ((2, 2),)}


def test_writes_before_the_first_that_is_known_are_told() -> None:
    followed = Followed()
    followed.use("a")
    followed.use("b")
    assert followed.roll_up(followed.changes[1]).missing == {"acme": ((1, 1),)}


def test_writes_that_are_numbered_across_midnight_are_not_missing() -> None:
    followed = Followed()
    midnight = NOW.replace(hour=0) + DAY
    before = midnight - timedelta(seconds=1)
    for key, at in (("a", before), ("b", midnight), ("c", before), ("d", midnight)):
        followed.use(key, at=at)
    assert followed.roll_up(*followed.changes).missing == {}


@given(st.data())
def test_whatever_the_delivery_the_days_are_the_ledgers(data: st.DataObject) -> None:
    followed = Followed()
    numbers = range(data.draw(st.integers(1, 12), label="writes"))
    for number in numbers:
        at = NOW + data.draw(st.sampled_from([0, 1]), label="day") * DAY
        keys = [f"{number}-{n}" for n in range(data.draw(st.integers(1, 3), label="entries"))]
        followed.use(*keys, org=data.draw(st.sampled_from(["acme", "other"])), at=at)
    batches = data.draw(st.lists(st.lists(st.sampled_from(followed.changes)), max_size=5))
    for batch in (*batches, data.draw(st.permutations(followed.changes), label="the rest")):
        followed.roll_up(*batch)
    for org in ("acme", "other"):
        for day in (TODAY, TODAY + DAY):
            wanted = [
                each
                for (organization, _), each in followed.store.entries.items()
                if organization == org and each.recorded_at.date() == day
            ]
            assert followed.spent(org, day) == len(wanted)


def test_the_writes_of_all_organizations_are_counted() -> None:
    followed = Followed()
    for org in ("acme", "acme", "bolt"):
        followed.use(f"{len(followed.changes)}", org=org)
    assert followed.roll_up(*followed.changes).writes == 3
