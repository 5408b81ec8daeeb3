"""A day's roll-up: once each, in whatever order, and always the sum of the ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.usage_day import NO_PROJECT, HistoryWrite, UsageDay, day_of, days_of
from chalicelib.domain.usage_sums import SPENDING, UsageSums
from tests.unit.usage_examples import NOON, bare_entry, model_line, numbered, usage_entry, writes

TODAY = NOON.date()


def empty(day: date = TODAY) -> UsageDay:
    return UsageDay(organization_id="acme", day=day)


def rolled_up(found: list[HistoryWrite]) -> list[UsageDay]:
    """All days of these writes."""
    days = sorted({day for write in found for day in days_of(write)})
    return [
        empty(day).with_writes([write for write in found if day in days_of(write)]) for day in days
    ]


def test_a_day_adds_up_what_its_entries_took_by_project_and_by_model() -> None:
    calls = model_line("large", calls=2, input_tokens=(10, 30))
    day = empty().with_writes(
        numbered(
            (usage_entry(calls, project_id="search"), usage_entry(calls, project_id="search")),
            (usage_entry(calls),),
        )
    )
    one = UsageSums(amount_nanos=30, calls=2, entries=1, units={"input_tokens": 10})
    assert day.spent == one + one + one
    assert day.projects == {"search": one + one, NO_PROJECT: one}
    assert day.models == {"lab large": one + one + one}


def test_a_day_tells_purchases_usage_holds_and_the_rest_apart() -> None:
    day = empty().with_writes(
        numbered(
            (bare_entry(EntryKind.PURCHASE, 1_000),),
            (bare_entry(EntryKind.AUTO_TOP_UP, 500),),
            (bare_entry(EntryKind.HOLD, 0, held_nanos=300),),
            (bare_entry(EntryKind.SETTLEMENT, -100, held_nanos=-100),),
            (bare_entry(EntryKind.REFUND, -50),),
        )
    )
    assert (day.topped_up_nanos, day.spent.amount_nanos, day.other_nanos) == (1_500, 100, -50)
    assert (day.held_nanos, day.available_change_nanos) == (200, 1_150)
    assert (day.available_after_nanos, day.held_after_nanos) == (1_150, 200)


def test_a_write_that_is_in_it_changes_nothing() -> None:
    writes_ = numbered((bare_entry(EntryKind.USAGE, -5),), (bare_entry(EntryKind.USAGE, -7),))
    day = empty().with_writes(writes_)
    assert day.with_writes(writes_) is day
    assert day.with_writes(writes_[:1]) is day


def test_a_write_that_comes_twice_in_one_batch_counts_once() -> None:
    (write,) = numbered((bare_entry(EntryKind.USAGE, -5),))
    assert empty().with_writes([write, write]).spent.amount_nanos == 5


def test_the_balance_is_the_latest_writes_even_if_an_earlier_one_comes_later() -> None:
    early, late = numbered(
        (bare_entry(EntryKind.PURCHASE, 100),), (bare_entry(EntryKind.USAGE, -30),)
    )
    day = empty().with_writes([late]).with_writes([early])
    assert (day.available_after_nanos, day.last_number) == (70, 2)


def test_entries_of_another_day_are_left_to_it() -> None:
    midnight = NOON + timedelta(hours=12)
    (write,) = numbered(
        (bare_entry(EntryKind.USAGE, -5), bare_entry(EntryKind.USAGE, -7, at=midnight))
    )
    assert empty().with_writes([write]).spent.amount_nanos == 5
    assert days_of(write) == {TODAY, TODAY + timedelta(days=1)}


def test_a_day_is_one_of_utc() -> None:
    late_in_new_york = datetime(2026, 11, 22, 20, tzinfo=timezone(timedelta(hours=-5)))
    assert day_of(late_in_new_york) == date(2026, 11, 23)
    with pytest.raises(ValueError, match="naive"):
        day_of(datetime(2026, 11, 23))  # noqa: DTZ001 - just that


@given(writes)
def test_the_sums_by_project_by_model_and_by_day_are_those_of_the_ledger(
    found: list[HistoryWrite],
) -> None:
    entries = [entry for write in found for entry in write.entries]
    taken = -sum(entry.amount_nanos for entry in entries if entry.kind in SPENDING)
    days = rolled_up(found)
    assert sum(day.spent.amount_nanos for day in days) == taken
    for day in days:
        for groups in (day.projects, day.models):
            assert sum(sums.amount_nanos for sums in groups.values()) == day.spent.amount_nanos
            assert sum(sums.calls for sums in groups.values()) == day.spent.calls
    for day in days:
        assert day.available_change_nanos == _change(entries, day.day)
    latest = max(days, key=lambda day: day.last_number)
    assert latest.available_after_nanos == sum(day.available_change_nanos for day in days)


@given(writes, st.data())
def test_order_repetition_and_partition_make_no_difference(
    found: list[HistoryWrite], data: st.DataObject
) -> None:
    delivered = data.draw(
        st.lists(st.lists(st.sampled_from(found), min_size=1), max_size=6), label="batches"
    )
    shuffled = data.draw(st.permutations(found), label="the rest")
    for expected in rolled_up(found):
        day = empty(expected.day)
        for batch in (*delivered, shuffled):
            day = day.with_writes([write for write in batch if expected.day in days_of(write)])
        assert day == expected


def _change(entries: list[Entry], day: date) -> int:
    return sum(
        entry.available_nanos
        for entry in entries
        if entry.recorded_at.astimezone(UTC).date() == day
    )
