"""Accounts held against their ledger, and rebuilt from it, also beside traffic."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.errors import BusyError, ConflictError
from chalicelib.domain.write import Committed, Write
from chalicelib.usecases.restoring import Restoring
from tests.fakes.accounts import FakeAccounts
from tests.fakes.laws import assert_laws
from tests.fakes.repositories import FakeLedger
from tests.fakes.roll_ups import FakeHistory
from tests.fakes.store import AccountRow
from tests.fakes.values import NOW, ORG, entry, report, usd
from tests.fakes.world import World
from tests.support.metering import Gateway


def lived(*, hours: float = 1) -> Gateway:
    """An account with purchases, top-ups, holds and usage of some hours."""
    gateway = Gateway()
    world = gateway.world
    world.buy(card=world.customer())
    world.order_top_ups(threshold="20.00")
    world.deliver()
    for number in range(12):
        world.use(report(f"a{number}", "1.25"), report(f"b{number}", "0.50"))
        world.advance(hours=hours / 12)
    gateway.place("3.00")
    world.deliver()
    return gateway


def damage(world: World, **changed: Any) -> None:
    """Somebody changed the account by hand."""
    row = world.store.accounts[ORG]
    headroom = changed.pop("headroom_nanos", row.headroom_nanos)
    writes = changed.pop("writes", row.writes)
    account = replace(row.account, **changed)
    world.store.accounts[ORG] = AccountRow(
        account, headroom_nanos=headroom, writes=writes, last_write=row.last_write
    )


@pytest.mark.parametrize("hours", [0, 1, 30])
def test_an_account_that_nobody_touched_is_in_line(hours: float) -> None:
    world = lived(hours=hours).world
    compared = world.app.auditing.check(ORG)
    assert compared.in_line
    assert compared.differences == []
    assert compared.entries == len(world.store.entries)


def test_an_organization_never_heard_of_is_in_line() -> None:
    assert World().app.auditing.check("nobody").in_line


DAMAGES: dict[str, dict[str, object]] = {
    "available": {"available_nanos": usd("1.00")},
    "held": {"held_nanos": 0},
    "headroom": {"headroom_nanos": 5},
    "floor": {"floor_nanos": 5},
    "tops_up": {"tops_up": False},
    "suspended": {"suspended": True},
    "writes": {"writes": 2},
}


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_named_and_repaired_from_the_ledger(name: str) -> None:
    world = lived().world
    before = world.store.accounts[ORG]
    damage(world, **dict(DAMAGES[name]))
    compared = world.app.auditing.check(ORG)
    assert [difference.partition(" ")[0] for difference in compared.differences] == [name]
    assert not compared.in_line
    assert world.app.restoring.repair(ORG, now=world.now).stored is not None
    assert world.store.accounts[ORG] == before
    assert_laws(world)
    assert world.app.restoring.repair(ORG, now=world.now).stored is None


def test_a_lost_account_is_rebuilt_and_goes_on_where_it_was() -> None:
    gateway = lived()
    world = gateway.world
    before = world.store.accounts.pop(ORG)
    assert ORG in world.app.auditing.organizations()
    assert not world.app.auditing.check(ORG).in_line
    world.app.restoring.repair(ORG, now=world.now)
    after = world.store.accounts[ORG]
    assert replace(after.account, low_since=None) == replace(before.account, low_since=None)
    assert (after.headroom_nanos, after.writes) == (before.headroom_nanos, before.writes)
    world.deduct(amount="1.00", key="next")
    world.run(hours=1)
    assert_laws(world)


def test_a_lost_account_below_its_threshold_is_looked_after() -> None:
    world = lived().world
    world.payments.fail_next("charge")
    world.use(report("drain", "30.00"))
    world.queue.take()
    del world.store.accounts[ORG]
    world.app.restoring.repair(ORG, now=world.now)
    assert world.account().low_since == world.now
    world.run(minutes=30)
    assert world.account().available_nanos >= usd("20.00")


def test_holds_that_do_not_fit_are_told_and_not_invented() -> None:
    world = lived().world
    (place,) = [place for place in world.store.saved if place[0] == "Hold"]
    del world.store.saved[place]
    compared = world.app.auditing.check(ORG)
    assert (compared.account_in_line, compared.holds_in_line) == (True, False)
    assert "open holds have 0.00 left, and 3.00 is held" in compared.differences[0]
    assert world.app.restoring.repair(ORG, now=world.now).stored is None


@pytest.mark.parametrize("whole", [True, False], ids=["a write", "a follower"])
def test_a_ledger_that_lost_entries_rebuilds_no_account(*, whole: bool) -> None:
    world = lived().world
    before = world.store.accounts[ORG]
    write_id, entries = next((i, w) for i, w in world.store.writes.items() if len(w) > 1)
    if whole:
        del world.store.writes[write_id]
    else:
        del world.store.entries[ORG, entries[1].key]
    compared = world.app.auditing.check(ORG)
    assert (compared.ledger_whole, compared.in_line) == (False, False)
    assert any("must be restored before" in told for told in compared.differences)
    with pytest.raises(ConflictError, match="must be restored first"):
        world.app.restoring.repair(ORG, now=world.now)
    assert world.store.accounts[ORG] == before


class Busy(FakeAccounts):
    """Accounts that move between any two looks, as often as is said."""

    def __init__(self, world: World, moves: int) -> None:
        super().__init__(world.store)
        self._world = world
        self._moves = moves

    def stored(self, organization_id: str):  # type: ignore[no-untyped-def]
        found = super().stored(organization_id)
        if self._moves > 0:
            self._moves -= 1
            self._world.advance(seconds=1)
            self._world.use(report(f"traffic-{self._moves}", "0.01"))
        return found


def beside_traffic(world: World, moves: int) -> Restoring:
    accounts = Busy(world, moves)
    auditing = replace(world.app.auditing, accounts=accounts)
    return Restoring(accounts=accounts, auditing=auditing)


@pytest.mark.parametrize("moves", [1, 2, 3, 40])
def test_traffic_beside_the_check_and_the_repair_does_no_harm(moves: int) -> None:
    world = lived().world
    damage(world, available_nanos=usd("9000.00"), headroom_nanos=usd("8980.00"))
    beside_traffic(world, moves).repair(ORG, now=NOW)
    assert_laws(world)


def test_an_account_that_never_stands_still_is_refused_rather_than_guessed() -> None:
    world = lived().world
    damage(world, available_nanos=usd("9000.00"), headroom_nanos=usd("8980.00"))
    with pytest.raises(BusyError, match="moves too fast"):
        beside_traffic(world, 10_000).repair(ORG, now=NOW)
    assert world.store.accounts[ORG].account.available_nanos > usd("8000.00")


def test_a_write_that_shows_late_is_waited_for() -> None:
    world = lived().world

    class Late(FakeHistory):
        looks = 0

        def listed(self, organization_id, *, since=None, after=None):  # type: ignore[no-untyped-def]
            page = super().listed(organization_id, since=since, after=after)
            self.looks += page.after is None
            if page.after is None and self.looks < 3:
                return replace(page, items=page.items[:-1])
            return page

    assert replace(world.app.auditing, history=Late(world.store)).check(ORG).in_line


class Counting(FakeHistory):
    """A history that knows what was read of it; the last write shows after so many looks."""

    def __init__(self, world: World, *, late: int = 0) -> None:
        super().__init__(world.store)
        self.looked: list[object] = []
        self._late = late

    def listed(self, organization_id, *, since=None, after=None):  # type: ignore[no-untyped-def]
        page = super().listed(organization_id, since=since, after=after)
        self.looked.extend(page.items)
        if page.after is None and self._late:
            self._late -= 1
            return replace(page, items=page.items[:-1])
        return page


def test_only_the_young_part_of_a_long_history_is_read_again() -> None:
    world = lived(hours=20).world
    history = Counting(world, late=4)
    assert replace(world.app.auditing, history=history).check(ORG).in_line
    writes = len(world.store.writes)
    assert writes < len(history.looked) < 2 * writes
    assert world.now - NOW > timedelta(hours=5)


def test_nobody_is_accused_by_what_was_summed_before() -> None:
    """A run of minutes writes under the time it began with: behind what is summed already."""
    world = lived(hours=20).world
    left = [1]

    class Behind(FakeHistory):
        def listed(self, organization_id, *, since=None, after=None):  # type: ignore[no-untyped-def]
            page = super().listed(organization_id, since=since, after=after)
            if page.after is None and left:
                left.clear()
                at = NOW + timedelta(hours=1)
                late = Write(organization_id=ORG, at=at, entries=(entry("late", "1.00", at=at),))
                assert FakeLedger(world.store).commit(late) == Committed()
            return page

    before = world.account().available_nanos
    compared = replace(world.app.auditing, history=Behind(world.store)).check(ORG)
    assert compared.in_line
    assert compared.expected.available_nanos == before + usd("1.00")


def test_an_account_is_accused_only_after_its_whole_history_was_read_anew() -> None:
    world = lived(hours=20).world
    damage(world, available_nanos=usd("9000.00"), writes=1)
    history = Counting(world)
    compared = replace(world.app.auditing, history=history).check(ORG)
    assert compared.faults == ("available", "writes")
    assert len(history.looked) >= 2 * len(world.store.writes)
