"""What entries took, whole and by model: nothing is lost, whatever the breakdown leaves out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from chalicelib.domain.ledger import EntryKind
from chalicelib.domain.pricing import PricedAmount, PricedTraces
from chalicelib.domain.usage_day import HistoryWrite
from chalicelib.domain.usage_sums import (
    AMOUNTS,
    OTHERS,
    SPENDING,
    TRACES,
    UsageSums,
    sums_by_model,
    sums_of,
)
from tests.unit.usage_examples import bare_entry, model_line, usage_entry, writes

CALLS = model_line("large", calls=12, input_tokens=(18_000, 45), output_tokens=(4_200, 42))
SEARCH = PricedAmount(amount_nanos=500, description="web search")
KEPT = PricedTraces(count=12, billable=2, amount_nanos=1_000, price_version="configuration")


def test_an_entry_is_summed_with_its_calls_and_units() -> None:
    assert sums_of(usage_entry(CALLS, SEARCH, KEPT)) == UsageSums(
        amount_nanos=1_587,
        calls=12,
        entries=1,
        units={"input_tokens": 18_000, "output_tokens": 4_200, "traces": 12},
    )


def test_an_entry_is_parted_by_what_it_was_for() -> None:
    assert sums_by_model(usage_entry(CALLS, SEARCH, KEPT)) == {
        "lab large": UsageSums(
            amount_nanos=87,
            calls=12,
            entries=1,
            units={"input_tokens": 18_000, "output_tokens": 4_200},
        ),
        AMOUNTS: UsageSums(amount_nanos=500, entries=1),
        TRACES: UsageSums(amount_nanos=1_000, entries=1, units={"traces": 12}),
    }


def test_a_model_at_two_prices_is_one_group_and_counts_as_one_entry() -> None:
    dearer = model_line("large", calls=1, version="own v7", input_tokens=(1, 7))
    found = sums_by_model(usage_entry(CALLS, dearer))
    assert found == {
        "lab large": UsageSums(
            amount_nanos=94,
            calls=13,
            entries=1,
            units={"input_tokens": 18_001, "output_tokens": 4_200},
        )
    }


def test_what_found_no_room_in_the_breakdown_is_summed_as_others() -> None:
    crowd = [model_line(f"model-{n}", input_tokens=(1, n)) for n in range(1, 200)]
    found = sums_by_model(usage_entry(*crowd))
    assert OTHERS in found
    assert sum(sums.amount_nanos for sums in found.values()) == sum(range(1, 200))


def test_what_the_breakdown_does_not_account_for_is_summed_as_others() -> None:
    entry = usage_entry(CALLS)
    dearer = replace(entry, amount_nanos=entry.amount_nanos - 13)
    assert sums_by_model(dearer)[OTHERS] == UsageSums(amount_nanos=13, entries=1)


def test_an_amount_without_a_breakdown_is_summed_as_an_amount() -> None:
    taken = bare_entry(EntryKind.DEDUCTION, -500)
    assert sums_by_model(taken) == {AMOUNTS: UsageSums(amount_nanos=500, entries=1)}


def test_a_zero_entry_without_a_breakdown_is_still_counted() -> None:
    assert sums_of(bare_entry(EntryKind.SETTLEMENT, 0)).entries == 1
    assert sums_by_model(bare_entry(EntryKind.SETTLEMENT, 0)) == {AMOUNTS: UsageSums(entries=1)}


@pytest.mark.parametrize("kind", sorted(frozenset(EntryKind) - SPENDING))
def test_other_entries_are_no_usage(kind: EntryKind) -> None:
    entry = bare_entry(kind, 500, held_nanos=-3)
    assert (sums_of(entry), sums_by_model(entry)) == (UsageSums(), {})


@given(writes)
def test_the_sums_by_model_are_what_was_taken(found: list[HistoryWrite]) -> None:
    for write in found:
        for entry in write.entries:
            groups = sums_by_model(entry).values()
            taken = -entry.amount_nanos if entry.kind in SPENDING else 0
            assert sum(sums.amount_nanos for sums in groups) == taken
            assert sum(sums.calls for sums in groups) == sums_of(entry).calls
