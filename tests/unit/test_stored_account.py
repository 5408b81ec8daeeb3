"""An account held against the sums of its ledger: what each part of the comparison says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.domain.stored_account import (
    HistorySums,
    ListedWrite,
    StoredAccount,
    comparison_of,
)
from chalicelib.domain.topup import TopUp
from tests.fakes.values import NOW, ORG, entry


@pytest.mark.parametrize(
    ("closed", "available_nanos", "paid"),
    [(True, 1, True), (True, 0, False), (True, -1, False), (False, 5, False)],
)
def test_credits_on_a_closed_account_were_paid_after_closing(
    *, closed: bool, available_nanos: int, paid: bool
) -> None:
    sums = HistorySums(closed=closed, available_nanos=available_nanos)
    compared = comparison_of(None, sums, TopUp(organization_id=ORG), ())
    assert compared.paid_after_closing is paid


def test_an_organization_never_heard_of_lacks_nothing() -> None:
    compared = comparison_of(None, HistorySums(), TopUp(organization_id=ORG), ())
    assert compared.ledger_whole
    assert compared.faults == ()


def test_a_threshold_counts_only_while_auto_top_up_is_on() -> None:
    sums = HistorySums(available_nanos=7)
    off = comparison_of(None, sums, TopUp(organization_id=ORG, threshold_nanos=5), ())
    assert (off.expected.floor_nanos, off.expected.headroom_nanos) == (0, 7)
    order = TopUp(organization_id=ORG, threshold_nanos=5, enabled=True)
    on = comparison_of(None, sums, order, ())
    assert (on.expected.floor_nanos, on.expected.headroom_nanos) == (5, 2)


def test_the_latest_write_is_the_latest_in_whatever_order_they_come() -> None:
    first = entry("first", "1.00", at=NOW - timedelta(seconds=1))
    last = entry("last", "1.00", at=NOW)
    for order in ((first, last), (last, first)):
        writes = [ListedWrite(entries=(each,)) for each in order]
        assert HistorySums().plus(writes).latest == last


def test_an_account_is_described_without_whose_it_is() -> None:
    described = StoredAccount(organization_id=ORG, available_nanos=10**9).described()
    assert described == {
        "available": "1.00",
        "held": "0.00",
        "headroom": "0.00",
        "floor": "0.00",
        "tops_up": False,
        "suspended": False,
        "closed": False,
        "writes": 0,
        "last_write": None,
    }
