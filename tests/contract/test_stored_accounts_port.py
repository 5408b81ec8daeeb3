"""What restoring accounts asks of the database: stored accounts, whole histories, what is open."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.account import Standing
from chalicelib.domain.holds import Hold, HoldStatus
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.stored_account import HistorySums, StoredAccount
from chalicelib.domain.write import Committed, FloorChange, Stale, StandingChange, Write
from tests.contract.databases import Database
from tests.fakes.values import NOW, entry, purchase, usd


def put(database: Database, org: str, *entries: Entry) -> None:
    write = Write(organization_id=org, at=entries[0].recorded_at, entries=entries)
    assert database.ledger.commit(write) == Committed()


def stored(database: Database, org: str) -> StoredAccount:
    found = database.accounts.stored(org)
    assert found is not None
    return found


def stand(database: Database, org: str, before: Standing, after: Standing) -> object:
    change = StandingChange(before=before, after=after)
    return database.ledger.commit(Write(organization_id=org, at=NOW, standing=change))


def test_an_account_is_read_as_it_is_stored(database: Database, org: str) -> None:
    assert database.accounts.stored(org) is None
    put(database, org, entry("a", "5.00", organization_id=org))
    put(database, org, entry("b", "0.00", held="2.00", organization_id=org))
    floor = FloorChange(from_nanos=0, to_nanos=usd("4.00"), tops_up=True)
    database.ledger.commit(Write(organization_id=org, at=NOW, floor=floor, mark_low=True))
    assert stored(database, org) == StoredAccount(
        organization_id=org,
        available_nanos=usd("3.00"),
        held_nanos=usd("2.00"),
        headroom_nanos=usd("-1.00"),
        floor_nanos=usd("4.00"),
        tops_up=True,
        low_since=NOW,
        writes=2,
        last_write="b",
    )


def test_a_stored_account_is_replaced_only_as_it_was_read(database: Database, org: str) -> None:
    put(database, org, entry("a", "5.00", organization_id=org))
    before = stored(database, org)
    right = replace(before, available_nanos=usd("7.00"), headroom_nanos=usd("7.00"), writes=9)
    put(database, org, entry("b", "1.00", organization_id=org))
    assert not database.accounts.replace(before, right)
    assert not database.accounts.replace(None, right)
    assert stored(database, org).available_nanos == usd("6.00")
    assert database.accounts.replace(stored(database, org), right)
    assert stored(database, org) == right
    assert database.ledger.account(org).available_nanos == usd("7.00")


def test_an_account_that_is_missing_is_stored_once(database: Database, org: str) -> None:
    right = StoredAccount(
        organization_id=org,
        available_nanos=usd("1.00"),
        headroom_nanos=usd("-2.00"),
        floor_nanos=usd("3.00"),
        tops_up=True,
        suspended=True,
        low_since=NOW,
        writes=3,
        last_write="c",
    )
    assert database.accounts.replace(None, right)
    assert stored(database, org) == right
    assert not database.accounts.replace(None, right)
    assert org in database.ledger.low_accounts(100)


def test_the_history_lists_whole_writes_the_oldest_first(database: Database, org: str) -> None:
    for number in range(12):
        at = NOW + timedelta(seconds=number)
        pair = [entry(f"{number}{x}", "1.00", organization_id=org, at=at) for x in "ab"]
        put(database, org, *pair[: 1 + number % 2])
    keys, after = list[list[str]](), None
    while True:
        page = database.history.listed(org, after=after)
        keys += [[each.key for each in write.entries] for write in page.items]
        after = page.after
        if after is None:
            break
    assert keys == [[f"{n}a", f"{n}b"][: 1 + n % 2] for n in range(12)]
    late = database.history.listed(org, since=NOW + timedelta(seconds=10)).items
    assert [write.entries[0].key for write in late] == ["10a", "11a"]


def test_a_refusal_is_no_part_of_the_history(database: Database, org: str) -> None:
    put(database, org, entry("no", "0.00", organization_id=org, kind=EntryKind.REFUSAL))
    assert database.history.listed(org).items == []
    assert HistorySums().plus(database.history.listed(org).items).writes == 0


def test_every_organization_is_named_once_whether_it_has_an_account_or_not(
    database: Database, org: str
) -> None:
    put(database, org, entry("a", "5.00", organization_id=org))
    put(database, org, entry("b", "5.00", organization_id=org))
    lone = f"{org}-lone"
    database.accounts.replace(None, StoredAccount(organization_id=lone))
    named = list(database.accounts.organizations())
    assert (named.count(org), named.count(lone)) == (1, 1)


def test_open_holds_and_purchases_are_those_that_have_not_ended(
    database: Database, org: str
) -> None:
    held, ended = (
        Hold.new(id=f"hold_{n}", organization_id=org, amount_nanos=5, at=NOW, seconds=60)
        for n in "12"
    )
    ended = ended.ended(HoldStatus.RELEASED, at=NOW)
    waiting, paid = purchase("pur_1", organization_id=org), purchase("pur_2", organization_id=org)
    payment = Payment(id="pi_1", status=PaymentStatus.SUCCEEDED, amount_cents=5000)
    saves = (held, ended, waiting, paid)
    assert database.ledger.commit(Write(organization_id=org, at=NOW, saves=saves)) == Committed()
    settled = paid.succeeded(payment, invoice_number="1", now=NOW)
    assert database.ledger.commit(Write(organization_id=org, at=NOW, saves=(settled,)))
    assert database.holds.open(org) == [held]
    assert database.purchases.open(org) == [waiting]
    assert database.holds.open(f"{org}-other") == []
    assert database.purchases.open(f"{org}-other") == []


@pytest.mark.parametrize("before", list(Standing))
@pytest.mark.parametrize("after", list(Standing))
def test_a_standing_changes_only_from_what_it_was_read_as(
    database: Database, org: str, before: Standing, after: Standing
) -> None:
    if before is not Standing.OPEN:
        assert stand(database, org, Standing.OPEN, before) == Committed()
    for other in Standing:
        if other is not before:
            assert stand(database, org, other, after) == Stale()
    assert database.ledger.account(org).standing is before
    assert stand(database, org, before, after) == Committed()
    assert database.ledger.account(org).standing is after


def test_no_auto_top_up_is_turned_on_for_a_closed_account(database: Database, org: str) -> None:
    on = FloorChange(from_nanos=0, to_nanos=5, tops_up=True)
    off = FloorChange(from_nanos=0, to_nanos=0, tops_up=False)
    stand(database, org, Standing.OPEN, Standing.CLOSED)
    assert database.ledger.commit(Write(organization_id=org, at=NOW, floor=on)) == Stale()
    assert database.ledger.commit(Write(organization_id=org, at=NOW, floor=off)) == Committed()
