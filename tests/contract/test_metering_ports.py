"""The Holds and TraceCounts ports, and what a write may ask of the balance that it changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from chalicelib.domain.account import Account
from chalicelib.domain.crossing import News, news_of
from chalicelib.domain.holds import Hold, HoldStatus
from chalicelib.domain.notices import NoticeKind
from chalicelib.domain.traces import TraceCount
from chalicelib.domain.write import Committed, Cover, FloorChange, NotCovered, Saved, Stale, Write
from chalicelib.usecases.announcing import AnnouncingLedger
from tests.contract.databases import Database, fake_database
from tests.fakes.values import NOW, entry, usd

KINDS = (NoticeKind.LOW_BALANCE, NoticeKind.EXHAUSTED, NoticeKind.RESTORED)
#: What spending, and what giving can make true.
SPENDING_NEWS = st.frozensets(st.sampled_from(KINDS[:2]))
GIVING_NEWS = st.frozensets(st.sampled_from(KINDS[2:]))
_serial = count(1)


def hold(org: str, hold_id: str = "hold_1", *, seconds: int = 600) -> Hold:
    return Hold.new(
        id=hold_id, organization_id=org, amount_nanos=usd("4.00"), at=NOW, seconds=seconds
    )


def save(database: Database, org: str, *values: Saved) -> object:
    return database.ledger.commit(Write(organization_id=org, at=NOW, saves=values))


def test_a_hold_comes_back_as_it_was_saved(database: Database, org: str) -> None:
    placed = hold(org)
    assert database.holds.get(org, placed.id) is None
    assert save(database, org, placed) == Committed()
    assert database.holds.get(org, placed.id) == placed
    part = placed.settled(usd("1.5"), final=False, at=NOW).saved()
    assert save(database, org, part) == Committed()
    assert database.holds.get(org, placed.id) == part
    ended = part.ended(HoldStatus.EXPIRED, at=NOW + timedelta(minutes=10)).saved()
    assert save(database, org, ended) == Committed()
    assert database.holds.get(org, placed.id) == ended


def test_a_hold_is_its_organizations_alone(database: Database, org: str) -> None:
    save(database, org, hold(org))
    assert database.holds.get(f"{org}-other", "hold_1") is None


def test_only_the_next_version_of_a_hold_is_saved(database: Database, org: str) -> None:
    placed = hold(org)
    save(database, org, placed)
    assert save(database, org, placed) == Stale()
    changed = placed.settled(1, final=False, at=NOW).saved()
    assert save(database, org, changed) == Committed()
    assert save(database, org, changed) == Stale()
    assert save(database, org, replace(changed, version=4)) == Stale()


def test_open_holds_are_due_when_they_expire_the_oldest_first(database: Database, org: str) -> None:
    def due(seconds: int) -> list[str]:
        found = database.holds.due(NOW + timedelta(seconds=seconds), 100)
        return [hold_id for organization_id, hold_id in found if organization_id == org]

    late, early = hold(org, "hold_late", seconds=90), hold(org, "hold_early", seconds=30)
    save(database, org, late, early)
    assert due(29) == []
    assert due(30) == ["hold_early"]
    assert due(90) == ["hold_early", "hold_late"]
    part = late.settled(1, final=False, at=NOW).saved()
    save(database, org, part, early.ended(HoldStatus.RELEASED, at=NOW).saved())
    assert due(90) == ["hold_late"]
    save(database, org, part.settled(1, final=True, at=NOW).saved())
    assert due(90) == []


def test_no_more_holds_are_due_than_are_asked_for(database: Database, org: str) -> None:
    save(database, org, *(hold(org, f"hold_{number}") for number in range(5)))
    assert len(database.holds.due(NOW + timedelta(days=1), 2)) == 2


def test_a_months_count_begins_at_zero_and_is_saved_by_its_version(
    database: Database, org: str
) -> None:
    first = database.trace_counts.get(org, "2026-11")
    assert first == TraceCount(organization_id=org, month="2026-11")
    assert save(database, org, first.plus(12)) == Committed()
    assert save(database, org, first.plus(5)) == Stale()
    second = database.trace_counts.get(org, "2026-11")
    assert (second.used, second.version) == (12, 1)
    december = database.trace_counts.get(org, "2026-12").plus(1)
    assert save(database, org, second.plus(3), december) == Committed()
    assert database.trace_counts.get(org, "2026-11").used == 15
    assert database.trace_counts.get(org, "2026-12").used == 1


amounts = st.integers(-4, 4)


@pytest.mark.parametrize("kind", ["fake", "dynamodb"])
@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    balance=st.none() | amounts,
    floor=st.integers(0, 4),
    changes=st.tuples(st.integers(-4, -1), SPENDING_NEWS)
    | st.tuples(st.integers(1, 4), GIVING_NEWS),
    cover=st.sampled_from(Cover),
    heeds_news=st.booleans(),
)
def test_a_write_is_made_if_and_only_if_the_balance_is_as_it_says(
    request: pytest.FixtureRequest,
    kind: str,
    *,
    balance: int | None,
    floor: int,
    changes: tuple[int, News],
    cover: Cover,
    heeds_news: bool,
) -> None:
    change, made_true = changes
    news = made_true if heeds_news else None
    database = fake_database() if kind == "fake" else request.getfixturevalue("tables")
    org = f"balance-{next(_serial)}"
    if balance is not None:
        _set_up(database, org, balance, floor)
    elif change > 0 or cover in {Cover.AMPLE, Cover.COVERED, Cover.FUNDED}:
        cover = Cover.NONE  # nothing compares with what isn't there, whatever the amounts
    account = database.ledger.account(org)
    changed = replace(entry(f"change-{org}", "0.00", organization_id=org), amount_nanos=change)
    write = Write(organization_id=org, at=NOW, entries=(changed,), cover=cover, news=news)
    told = news is None or news == news_of(account, change)
    outcome = database.ledger.commit(write)
    event(f"{type(outcome).__name__} for {cover.value}")
    if told and cover.holds(account, -change):
        assert outcome == Committed()
        assert database.ledger.account(org).available_nanos == account.available_nanos + change
    else:
        assert outcome == NotCovered(account=account)


def _set_up(database: Database, org: str, balance: int, floor: int) -> None:
    given_entry = replace(entry(f"given-{org}", "0.00", organization_id=org), amount_nanos=balance)
    floor_change = FloorChange(from_nanos=0, to_nanos=floor, tops_up=True) if floor else None
    write = Write(organization_id=org, at=NOW, entries=(given_entry,), floor=floor_change)
    assert database.ledger.commit(write) == Committed()


def test_the_notices_of_a_crossing_are_saved_with_it_and_once(database: Database, org: str) -> None:
    ledger = AnnouncingLedger(database.ledger)

    def move(key: str, text: str) -> None:
        changed = entry(key, text, organization_id=org)
        assert ledger.commit(Write(organization_id=org, at=NOW, entries=(changed,))) == Committed()

    move("a", "5.00")
    move("b", "-6.00")
    move("c", "-1.00")
    move("d", "1.00")
    move("e", "2.00")
    names = [f"{kind.value}#{key}" for key in "abcde" for kind in KINDS]
    found = [name for name in names if database.notices.get(org, name)]
    assert found == ["credits.restored#a", "credits.exhausted#b", "credits.restored#e"]
    assert database.ledger.account(org) == Account(organization_id=org, available_nanos=usd("1.00"))
