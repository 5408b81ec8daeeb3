"""Telling what was spent and how the balance went."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.usage_day import HistoryWrite, days_of
from chalicelib.domain.usage_sums import UsageSums
from chalicelib.usecases.usage_reporting import DayBalance, GroupBy, UsageReporting
from tests.fakes.roll_ups import FakeUsageDays
from tests.unit.usage_examples import NOON, bare_entry, model_line, numbered, usage_entry

DAY = timedelta(days=1)
TODAY = NOON.date()


def reporting(writes: list[HistoryWrite]) -> UsageReporting:
    """Over roll-ups of these writes."""
    days = FakeUsageDays()
    for write in writes:
        for day in days_of(write):
            days.add("acme", day, [write])
    return UsageReporting(usage_days=days)


def ago(days: int) -> datetime:
    return NOON - days * DAY


def use(nanos: int, days: int = 0, project_id: str | None = None, model: str = "large") -> Entry:
    line = model_line(model, input_tokens=(1, nanos))
    return usage_entry(line, project_id=project_id, at=ago(days))


def amounts(
    found: UsageReporting, group_by: GroupBy, first: date, last: date = TODAY
) -> dict[str, int]:
    """The nano-dollars of each group."""
    usage = found.usage("acme", group_by=group_by, first=first, last=last)
    return {name: sums.amount_nanos for name, sums in usage.groups}


def test_usage_is_summed_over_the_days_by_project_model_and_day() -> None:
    found = reporting(
        numbered(
            (use(1, 40, "search"),),
            (use(10, 2, "search"), use(100, 2, "chat", "small")),
            (use(1_000, 0, "search", "small"),),
            (use(10_000),),
        )
    )
    first = TODAY - 2 * DAY
    assert amounts(found, GroupBy.PROJECT, first) == {
        "(none)": 10_000,
        "search": 1_010,
        "chat": 100,
    }
    assert amounts(found, GroupBy.MODEL, first) == {"lab large": 10_010, "lab small": 1_100}
    assert amounts(found, GroupBy.DAY, first) == {
        first.isoformat(): 110,
        TODAY.isoformat(): 11_000,
    }
    total = found.usage("acme", group_by=GroupBy.DAY, first=first, last=TODAY).total
    assert total == UsageSums(amount_nanos=11_110, calls=4, entries=4, units={"input_tokens": 4})


def test_both_ends_of_a_period_are_in_it() -> None:
    found = reporting(numbered((use(1, 2),), (use(10, 1),), (use(100),)))
    assert amounts(found, GroupBy.DAY, TODAY - DAY, TODAY - DAY) == {(TODAY - DAY).isoformat(): 10}


def test_groups_come_from_the_most_expensive_on_and_equal_ones_by_name() -> None:
    found = reporting(numbered((use(5, 0, "b"), use(9, 0, "c"), use(5, 0, "a"))))
    usage = found.usage("acme", group_by=GroupBy.PROJECT, first=TODAY, last=TODAY)
    assert [name for name, _ in usage.groups] == ["c", "a", "b"]


def test_a_day_on_which_nothing_was_used_is_no_group() -> None:
    found = reporting(numbered((bare_entry(EntryKind.PURCHASE, 100),)))
    assert amounts(found, GroupBy.DAY, TODAY) == {}


def test_the_balance_of_each_day_is_what_was_left_at_its_end() -> None:
    found = reporting(
        numbered(
            (bare_entry(EntryKind.PURCHASE, 1_000, at=ago(3)),),
            (bare_entry(EntryKind.USAGE, -100, at=ago(1)),),
            (bare_entry(EntryKind.HOLD, 0, held_nanos=50, at=ago(1)),),
            (bare_entry(EntryKind.AUTO_TOP_UP, 500),),
            (bare_entry(EntryKind.REFUND, -200),),
        )
    )
    assert found.balances("acme", first=TODAY - 4 * DAY, last=TODAY) == [
        DayBalance(day=TODAY - 4 * DAY, available_nanos=0, held_nanos=0),
        DayBalance(day=TODAY - 3 * DAY, available_nanos=1_000, held_nanos=0, topped_up_nanos=1_000),
        DayBalance(day=TODAY - 2 * DAY, available_nanos=1_000, held_nanos=0),
        DayBalance(day=TODAY - DAY, available_nanos=850, held_nanos=50, spent_nanos=100),
        DayBalance(
            day=TODAY,
            available_nanos=1_150,
            held_nanos=50,
            topped_up_nanos=500,
            other_nanos=-200,
        ),
    ]


def test_what_happened_before_the_period_is_in_its_balances() -> None:
    found = reporting(
        numbered(
            (bare_entry(EntryKind.PURCHASE, 1_000, at=ago(90)),),
            (bare_entry(EntryKind.USAGE, -100),),
        )
    )
    balances = found.balances("acme", first=TODAY - DAY, last=TODAY)
    assert [balance.available_nanos for balance in balances] == [1_000, 900]


def test_without_any_change_in_the_period_the_balance_is_that_of_before() -> None:
    found = reporting(
        numbered(
            (bare_entry(EntryKind.PURCHASE, 900, at=ago(90)),),
            (bare_entry(EntryKind.HOLD, 0, held_nanos=200, at=ago(80)),),
        )
    )
    for balance in found.balances("acme", first=TODAY - 3 * DAY, last=TODAY):
        assert (balance.available_nanos, balance.held_nanos) == (700, 200)


def test_an_organization_never_heard_of_had_nothing_on_any_day() -> None:
    (balance,) = reporting([]).balances("acme", first=TODAY, last=TODAY)
    assert balance == DayBalance(day=TODAY, available_nanos=0, held_nanos=0)


def test_a_write_that_a_fast_clock_recorded_as_tomorrows_is_not_todays() -> None:
    found = reporting(
        numbered(
            (bare_entry(EntryKind.PURCHASE, 1_000),),
            (bare_entry(EntryKind.USAGE, -100, at=NOON + DAY),),
        )
    )
    (balance,) = found.balances("acme", first=TODAY, last=TODAY)
    assert (balance.available_nanos, balance.spent_nanos) == (1_000, 0)
