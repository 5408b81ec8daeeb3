"""The monthly allowance of traces, however the traces are cut into reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.price_rules import TraceTerms
from chalicelib.domain.traces import TraceCharge, charge_traces, month_of


def terms(*, free: int, thousand_nanos: int) -> TraceTerms:
    return TraceTerms(monthly_traces=free, thousand_nanos=thousand_nanos)


@pytest.mark.parametrize(
    ("used_before", "count", "billable", "amount_nanos"),
    [
        (0, 0, 0, 0),
        (0, 100, 0, 0),
        (0, 101, 1, 1),  # 0.25 of a nano-dollar, rounded up
        (100, 1, 1, 1),
        (101, 3, 3, 0),  # paid for by the rounding of the first
        (104, 1, 1, 1),
        (90, 20, 10, 3),
        (100, 1_000, 1_000, 250),
        (10**12, 4, 4, 1),
    ],
)
def test_traces_beyond_the_allowance_cost_their_share_of_a_thousand(
    used_before: int, count: int, billable: int, amount_nanos: int
) -> None:
    charge = charge_traces(
        used_before=used_before, count=count, terms=terms(free=100, thousand_nanos=250)
    )
    assert charge == TraceCharge(billable=billable, amount_nanos=amount_nanos)


counts = st.integers(0, 10**6)


@given(
    used=counts,
    parts=st.lists(counts, max_size=12),
    free=counts,
    thousand_nanos=st.integers(0, 10**12),
)
def test_a_count_costs_the_same_however_it_is_split(
    used: int, parts: list[int], free: int, thousand_nanos: int
) -> None:
    plan = terms(free=free, thousand_nanos=thousand_nanos)
    whole = charge_traces(used_before=used, count=sum(parts), terms=plan)
    billable = amount_nanos = 0
    before = used
    for part in parts:
        charge = charge_traces(used_before=before, count=part, terms=plan)
        assert 0 <= charge.billable <= part
        assert charge.amount_nanos >= 0
        billable += charge.billable
        amount_nanos += charge.amount_nanos
        before += part
    assert (billable, amount_nanos) == (whole.billable, whole.amount_nanos)


@given(used=counts, count=counts, free=counts, thousand_nanos=st.integers(0, 10**12))
def test_a_month_costs_its_traces_beyond_the_allowance_rounded_up_once(
    used: int, count: int, free: int, thousand_nanos: int
) -> None:
    charge = charge_traces(
        used_before=0, count=used + count, terms=terms(free=free, thousand_nanos=thousand_nanos)
    )
    assert charge.billable == max(0, used + count - free)
    assert 0 <= 1_000 * charge.amount_nanos - charge.billable * thousand_nanos < 1_000


@pytest.mark.parametrize(
    ("at", "month"),
    [
        (datetime(2026, 11, 30, 23, 59, 59, 999_999, tzinfo=UTC), "2026-11"),
        (datetime(2026, 12, 1, tzinfo=UTC), "2026-12"),
        (datetime(2026, 12, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2026-11"),
        (datetime(2027, 1, 1, tzinfo=UTC), "2027-01"),
    ],
)
def test_a_month_begins_at_midnight_in_utc(at: datetime, month: str) -> None:
    assert month_of(at) == month


def test_a_naive_time_has_no_month() -> None:
    with pytest.raises(ValueError, match="naive"):
        month_of(datetime(2026, 11, 30))  # noqa: DTZ001
