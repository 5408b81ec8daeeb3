"""The Ledger port: writes are whole or nothing, and tell why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from chalicelib.domain.account import Account
from chalicelib.domain.customer import Customer
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.money import MAX_NANOS
from chalicelib.domain.numbering import InvoiceSequence
from chalicelib.domain.topup import TopUp
from chalicelib.domain.write import (
    Committed,
    Cover,
    FloorChange,
    NotCovered,
    Repeated,
    Stale,
    Write,
)
from chalicelib.ports import Window
from tests.contract.databases import Database, fake_database
from tests.fakes.values import NOW, entry, purchase, usd


def credit(database: Database, org: str, amount: str, *, floor: str = "0.00") -> None:
    """Give the account a balance and a floor."""
    floor_nanos = usd(floor)
    change = FloorChange(from_nanos=0, to_nanos=floor_nanos, tops_up=True) if floor_nanos else None
    write = Write(
        organization_id=org,
        at=NOW,
        entries=(entry("credit", amount, organization_id=org),),
        floor=change,
    )
    assert database.ledger.commit(write) == Committed()


def spend(org: str, amount: str, cover: Cover, *, key: str = "spend") -> Write:
    """Take an amount under a condition."""
    taken = entry(key, f"-{amount}", organization_id=org)
    return Write(organization_id=org, at=NOW, entries=(taken,), cover=cover)


def test_an_organization_never_heard_of_has_an_empty_account(database: Database, org: str) -> None:
    assert database.ledger.account(org) == Account(organization_id=org)
    assert database.ledger.entry(org, "anything") is None
    assert database.ledger.entries(org, Window(limit=5)).items == []


def test_a_write_adds_its_entries_and_their_sum_at_once(database: Database, org: str) -> None:
    entries = (
        entry("a", "10.00", organization_id=org),
        entry("b", "-0.000000001", organization_id=org),
        entry("c", "0.00", held="4.00", organization_id=org),
    )
    assert (
        database.ledger.commit(Write(organization_id=org, at=NOW, entries=entries)) == Committed()
    )
    account = database.ledger.account(org)
    assert (account.available_nanos, account.held_nanos) == (usd("5.999999999"), usd("4.00"))
    assert [database.ledger.entry(org, key) for key in "abc"] == list(entries)


def test_an_entry_comes_back_as_it_was(database: Database, org: str) -> None:
    written = Entry(
        id="ent_000000000001",
        organization_id=org,
        key="report#with # and / and ü",
        kind=EntryKind.USAGE,
        amount_nanos=-MAX_NANOS,
        held_nanos=-1,
        available_after_nanos=0,
        recorded_at=NOW.replace(microsecond=123456),
        digest="d",
        project_id="p",
        overdrawn=True,
        details={"lines": [{"kind": "amount", "amount": "1.00"}], "ü": None},
    )
    database.ledger.commit(Write(organization_id=org, at=NOW, entries=(written,)))
    assert database.ledger.entry(org, written.key) == written


def test_amounts_are_exact_however_large(database: Database, org: str) -> None:
    for number in range(3):
        large = replace(
            entry(f"large-{number}", "0.00", organization_id=org), amount_nanos=MAX_NANOS - number
        )
        database.ledger.commit(Write(organization_id=org, at=NOW, entries=(large,)))
    assert database.ledger.account(org).available_nanos == 3 * MAX_NANOS - 3


def test_an_entry_that_is_there_makes_the_write_a_repetition(database: Database, org: str) -> None:
    credit(database, org, "10.00")
    first = database.ledger.entry(org, "credit")
    again = Write(
        organization_id=org,
        at=NOW + timedelta(days=400),
        entries=(
            entry("credit", "99.00", organization_id=org, digest="another"),
            entry("new", "1.00", organization_id=org),
        ),
    )
    assert database.ledger.commit(again) == Repeated(entries={"credit": first})  # type: ignore[dict-item]
    assert database.ledger.entry(org, "new") is None
    assert database.ledger.account(org).available_nanos == usd("10.00")


def test_the_same_key_of_another_organization_is_another_entry(
    database: Database, org: str
) -> None:
    credit(database, org, "10.00")
    credit(database, f"{org}-other", "20.00")
    assert database.ledger.account(org).available_nanos == usd("10.00")


@pytest.mark.parametrize(
    ("balance", "spent", "covered"),
    [
        (("10.00", "0.00"), "10.00", {Cover.AMPLE, Cover.COVERED, Cover.FUNDED}),
        (("10.00", "0.00"), "10.000000001", {Cover.OVERDRAWS}),
        (("10.00", "4.00"), "6.00", {Cover.AMPLE, Cover.COVERED, Cover.FUNDED}),
        (("10.00", "4.00"), "6.000000001", {Cover.COVERED, Cover.FUNDED}),
        (("10.00", "4.00"), "10.00", {Cover.COVERED, Cover.FUNDED}),
        (("0.00", "0.00"), "0.000000001", {Cover.OVERDRAWS}),
        (("-5.00", "0.00"), "1.00", {Cover.OVERDRAWS}),
        (("-5.00", "4.00"), "1.00", {Cover.OVERDRAWS}),
    ],
)
def test_a_write_is_made_only_if_the_account_covers_it(
    database: Database, org: str, balance: tuple[str, str], spent: str, covered: set[Cover]
) -> None:
    available, floor = balance
    for cover in Cover:
        own = f"{org}-{cover.value}"
        credit(database, own, available, floor=floor)
        before = database.ledger.account(own)
        outcome = database.ledger.commit(spend(own, spent, cover))
        if cover in covered | {Cover.NONE}:
            assert outcome == Committed(), cover
            left = before.available_nanos - usd(spent)
            assert database.ledger.account(own).available_nanos == left
        else:
            assert outcome == NotCovered(account=before), cover
            assert database.ledger.account(own) == before
            assert database.ledger.entry(own, "spend") is None


@pytest.mark.parametrize("cover", list(Cover))
def test_an_account_never_credited_covers_nothing_but_can_be_overdrawn(
    database: Database, org: str, cover: Cover
) -> None:
    outcome = database.ledger.commit(spend(org, "1.00", cover))
    if cover in {Cover.OVERDRAWS, Cover.NONE}:
        assert outcome == Committed()
        assert database.ledger.account(org).available_nanos == usd("-1.00")
    else:
        assert outcome == NotCovered(account=Account(organization_id=org))


def test_a_floor_changes_only_from_what_was_read(database: Database, org: str) -> None:
    def floor(from_: str, to: str, *, tops_up: bool = True) -> Write:
        change = FloorChange(from_nanos=usd(from_), to_nanos=usd(to), tops_up=tops_up)
        return Write(organization_id=org, at=NOW, floor=change)

    assert database.ledger.commit(floor("1.00", "5.00")) == Stale()
    assert database.ledger.commit(floor("0.00", "5.00")) == Committed()
    assert database.ledger.commit(floor("0.00", "9.00")) == Stale()
    account = database.ledger.account(org)
    assert (account.floor_nanos, account.tops_up) == (usd("5.00"), True)
    assert account.headroom_nanos == usd("-5.00")
    assert database.ledger.commit(floor("5.00", "0.00", tops_up=False)) == Committed()
    assert database.ledger.account(org) == Account(organization_id=org)


def test_the_headroom_that_is_stored_follows_balance_and_floor(
    database: Database, org: str
) -> None:
    credit(database, org, "10.00", floor="4.00")
    raised = FloorChange(from_nanos=usd("4.00"), to_nanos=usd("7.00"), tops_up=True)
    database.ledger.commit(Write(organization_id=org, at=NOW, floor=raised))
    database.ledger.commit(spend(org, "1.00", Cover.AMPLE, key="first"))
    refused = database.ledger.commit(spend(org, "2.000000001", Cover.AMPLE, key="second"))
    assert isinstance(refused, NotCovered)
    assert database.ledger.commit(spend(org, "2.00", Cover.AMPLE, key="third")) == Committed()


def test_a_mark_is_cleared_only_by_whoever_saw_it(database: Database, org: str) -> None:
    later = NOW + timedelta(microseconds=1)
    database.ledger.commit(Write(organization_id=org, at=NOW, mark_low=True))
    assert database.ledger.account(org).low_since == NOW
    database.ledger.commit(Write(organization_id=org, at=later, mark_low=True))
    seen_before = Write(organization_id=org, at=later, clear_low_since=NOW)
    assert database.ledger.commit(seen_before) == Stale()
    assert database.ledger.account(org).low_since == later
    seen_now = Write(organization_id=org, at=later, clear_low_since=later)
    assert database.ledger.commit(seen_now) == Committed()
    assert database.ledger.account(org).low_since is None
    assert database.ledger.commit(seen_now) == Stale()


def test_low_accounts_are_listed_oldest_first_and_no_others(database: Database, org: str) -> None:
    long_ago = NOW - timedelta(days=3650)  # before what other tests mark
    for minutes, name in ((2, "late"), (0, "early"), (1, "middle")):
        at = long_ago + timedelta(minutes=minutes)
        database.ledger.commit(Write(organization_id=f"{org}-{name}", at=at, mark_low=True))
    credit(database, f"{org}-rich", "10.00")
    assert database.ledger.low_accounts(2) == [f"{org}-early", f"{org}-middle"]
    own = [name for name in database.ledger.low_accounts(100) if name.startswith(org)]
    assert own == [f"{org}-early", f"{org}-middle", f"{org}-late"]
    for minutes, name in ((2, "late"), (0, "early"), (1, "middle")):
        at = long_ago + timedelta(minutes=minutes)
        clear = Write(organization_id=f"{org}-{name}", at=at, clear_low_since=at)
        assert database.ledger.commit(clear) == Committed()
    assert not [name for name in database.ledger.low_accounts(100) if name.startswith(org)]


def test_a_saved_value_follows_the_version_before_it(database: Database, org: str) -> None:
    def save(version: int) -> object:
        value = Customer(organization_id=org, customer_id=f"cus_{version}", version=version)
        return database.ledger.commit(Write(organization_id=org, at=NOW, saves=(value,)))

    assert save(2) == Stale()
    assert save(1) == Committed()
    assert save(1) == Stale()
    assert save(3) == Stale()
    assert save(2) == Committed()
    assert database.customers.get(org).customer_id == "cus_2"


def test_a_sequence_counts_one_at_a_time(database: Database, org: str, year: int) -> None:
    def take(last: int) -> object:
        sequence = InvoiceSequence(year=year, last=last)
        return database.ledger.commit(Write(organization_id=org, at=NOW, saves=(sequence,)))

    assert [take(2), take(1), take(1), take(3), take(2)] == [
        Stale(),
        Committed(),
        Stale(),
        Stale(),
        Committed(),
    ]
    assert database.invoices.sequence(year).last == 2


def test_a_stale_value_keeps_the_entries_and_the_account_unchanged(
    database: Database, org: str
) -> None:
    write = Write(
        organization_id=org,
        at=NOW,
        entries=(entry("a", "10.00", organization_id=org),),
        saves=(purchase(organization_id=org), Customer(organization_id=org, version=7)),
    )
    assert database.ledger.commit(write) == Stale()
    assert database.ledger.entry(org, "a") is None
    assert database.purchases.get(org, "pur_1") is None
    assert database.ledger.account(org).available_nanos == 0


def test_of_several_reasons_the_repetition_is_told_first(database: Database, org: str) -> None:
    credit(database, org, "10.00")
    stale_value = Customer(organization_id=org, version=7)
    repeated = replace(spend(org, "99.00", Cover.COVERED, key="credit"), saves=(stale_value,))
    assert isinstance(database.ledger.commit(repeated), Repeated)
    stale = replace(spend(org, "99.00", Cover.COVERED, key="new"), saves=(stale_value,))
    assert database.ledger.commit(stale) == Stale()


def test_the_slot_is_not_taken_over_by_another_purchase(database: Database, org: str) -> None:
    opened = TopUp(organization_id=org, version=1).opened(
        "pur_1", charge_nanos=0, fingerprint="fp", now=NOW
    )
    for value in (TopUp(organization_id=org, version=1), opened):
        write = Write(organization_id=org, at=NOW, saves=(value,))
        assert database.ledger.commit(write) == Committed()
    rival = replace(opened, open_purchase_id="pur_2", version=opened.version + 1)
    assert database.ledger.commit(Write(organization_id=org, at=NOW, saves=(rival,))) == Stale()
    changed = replace(opened, action_required=True, version=opened.version + 1)
    write = Write(organization_id=org, at=NOW, saves=(changed,))
    assert database.ledger.commit(write) == Committed()
    freed = changed.succeeded("pur_1", charge_nanos=0, claimed_at=NOW)
    assert database.ledger.commit(Write(organization_id=org, at=NOW, saves=(freed,))) == Committed()
    assert database.top_ups.get(org).open_purchase_id is None


def test_ninety_nine_entries_are_one_write(database: Database, org: str) -> None:
    entries = tuple(entry(f"e{n}", "0.01", organization_id=org) for n in range(99))
    assert (
        database.ledger.commit(Write(organization_id=org, at=NOW, entries=entries)) == Committed()
    )
    assert database.ledger.account(org).available_nanos == usd("0.99")
    listed = database.ledger.entries(org, Window(limit=100)).items
    assert [item.key for item in listed] == [f"e{n}" for n in reversed(range(99))]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
def test_the_history_is_paged_newest_first_and_each_entry_comes_once(
    database: Database, org: str, limit: int
) -> None:
    expected: list[str] = []
    for hour in range(3):
        at = NOW + timedelta(hours=hour)
        entries = tuple(entry(f"{hour}-{n}", "1.00", organization_id=org, at=at) for n in range(3))
        database.ledger.commit(Write(organization_id=org, at=at, entries=entries))
        expected[:0] = [item.key for item in reversed(entries)]
    refusal = entry("refused", "0.00", organization_id=org, kind=EntryKind.REFUSAL)
    database.ledger.commit(Write(organization_id=org, at=NOW, entries=(refusal,)))
    found: list[str] = []
    after = None
    while True:
        page = database.ledger.entries(org, Window(limit=limit, after=after))
        assert len(page.items) <= limit
        found += [item.key for item in page.items]
        after = page.after
        if after is None:
            break
    assert found == expected
    assert database.ledger.entry(org, "refused") == refusal


def test_a_page_behind_the_last_entry_is_not_promised(database: Database, org: str) -> None:
    for number in range(4):
        write = Write(
            organization_id=org, at=NOW, entries=(entry(f"{number}", "1.00", organization_id=org),)
        )
        database.ledger.commit(write)
    first = database.ledger.entries(org, Window(limit=2))
    second = database.ledger.entries(org, Window(limit=2, after=first.after))
    assert (len(second.items), second.after) == (2, None)


def test_a_window_begins_with_since_and_ends_before_until(database: Database, org: str) -> None:
    times = [NOW + timedelta(milliseconds=n) for n in range(4)]
    for at in times:
        listed = entry(at.isoformat(), "1.00", organization_id=org, at=at)
        database.ledger.commit(Write(organization_id=org, at=at, entries=(listed,)))
    window = Window(limit=10, since=times[1], until=times[3])
    found = [item.recorded_at for item in database.ledger.entries(org, window).items]
    assert found == [times[2], times[1]]
    crossed = Window(limit=10, since=times[3], until=times[1])
    assert database.ledger.entries(org, crossed).items == []


def test_of_many_writers_of_one_entry_one_wins(database: Database, org: str) -> None:
    def write(number: int) -> object:
        mine = entry("the-one", f"{number + 1}.00", organization_id=org)
        return database.ledger.commit(Write(organization_id=org, at=NOW, entries=(mine,)))

    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(write, range(16)))
    winners = [n for n, outcome in enumerate(outcomes) if outcome == Committed()]
    assert len(winners) == 1
    assert database.ledger.account(org).available_nanos == usd(f"{winners[0] + 1}.00")
    assert sum(isinstance(outcome, Repeated) for outcome in outcomes) == 15


def test_of_many_spenders_only_as_many_win_as_the_balance_covers(
    database: Database, org: str
) -> None:
    credit(database, org, "5.00")

    def take(number: int) -> object:
        return database.ledger.commit(spend(org, "0.50", Cover.COVERED, key=f"take-{number}"))

    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(take, range(32)))
    assert sum(outcome == Committed() for outcome in outcomes) == 10
    assert database.ledger.account(org).available_nanos == 0


AMOUNTS = st.integers(min_value=-2, max_value=2)
VERSIONS = st.integers(1, 3)
TIMES = st.sampled_from([NOW, NOW + timedelta(seconds=1)])
KEYS = "abcdefghijklmnop"


def seldom(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly None: what makes most writes fail must be rare, or nothing else is ever tried."""
    return st.integers(0, 4).flatmap(lambda dice: strategy if dice == 0 else st.none())


@st.composite
def writes(draw: st.DrawFn) -> Write:
    """Any write that DynamoDB would look at: few keys, few amounts, so that they clash."""
    kinds = st.sampled_from([EntryKind.ADJUSTMENT, EntryKind.ADJUSTMENT, EntryKind.REFUSAL])
    entries = tuple(
        replace(
            entry(key, "0.00", organization_id="org", kind=draw(kinds)),
            amount_nanos=draw(AMOUNTS),
            held_nanos=draw(st.just(0) | AMOUNTS),
        )
        for key in draw(st.lists(st.sampled_from(KEYS), max_size=2, unique=True))
    )
    customers = st.builds(Customer, organization_id=st.just("org"), version=VERSIONS)
    slots = st.sampled_from([None, "pur_1", "pur_2"])
    top_ups = st.builds(
        TopUp, organization_id=st.just("org"), open_purchase_id=slots, version=VERSIONS
    )
    saves = [draw(seldom(customers)), draw(seldom(top_ups))]
    floors = st.integers(0, 2)
    changes = st.builds(FloorChange, from_nanos=floors, to_nanos=floors, tops_up=st.booleans())
    clear = draw(seldom(TIMES))
    return Write(
        organization_id="org",
        at=draw(TIMES),
        entries=entries,
        saves=tuple(value for value in saves if value is not None),
        cover=draw(st.sampled_from(list(Cover))),
        floor=draw(seldom(changes)),
        mark_low=clear is None and draw(st.booleans()),
        clear_low_since=clear,
    )


def _of(write: Write, org: str) -> Write:
    """The same write for another organization."""
    return replace(
        write,
        organization_id=org,
        entries=tuple(replace(item, organization_id=org) for item in write.entries),
        saves=tuple(replace(cast("Any", item), organization_id=org) for item in write.saves),
    )


_examples = iter(range(10**6))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequence=st.lists(writes(), min_size=8, max_size=20))
def test_the_fake_and_the_tables_agree_on_any_sequence_of_writes(
    tables: Database, sequence: list[Write]
) -> None:
    fake = fake_database()
    org = f"agreed-{next(_examples)}"
    for write in sequence:
        own = _of(write, org)
        if not (own.entries or own.saves or own.touches_account):
            continue
        outcome = fake.ledger.commit(own)
        assert outcome == tables.ledger.commit(own)
        event(type(outcome).__name__)
        assert fake.ledger.account(org) == tables.ledger.account(org)
    for key in KEYS:
        assert fake.ledger.entry(org, key) == tables.ledger.entry(org, key)
    everything = Window(limit=100)
    assert fake.ledger.entries(org, everything) == tables.ledger.entries(org, everything)
    assert fake.customers.get(org) == tables.customers.get(org)
    assert fake.top_ups.get(org) == tables.top_ups.get(org)
