"""Spending by permission: what is granted, what is refused, and what both are answered again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.errors import (
    ForbiddenError,
    IdempotencyConflictError,
    InsufficientCreditsError,
)
from chalicelib.domain.ledger import EntryKind
from tests.fakes.values import ORG, usd
from tests.support.metering import Gateway, amount, traces


def funded(text: str = "10.00") -> Gateway:
    gateway = Gateway()
    gateway.fund(text)
    return gateway


def hinted(gateway: Gateway) -> list[object]:
    """Whom the queue's hints are about."""
    return [message.body["organization_id"] for message in gateway.world.queue.messages]


def test_a_refusal_says_for_ever_what_was_available_when_it_was_made() -> None:
    gateway = funded("1.50")
    with pytest.raises(InsufficientCreditsError, match=r"^Only 1\.50 USD") as first:
        gateway.deduct(amount("2.00"), key="a")
    gateway.fund("10.00")
    with pytest.raises(InsufficientCreditsError, match=r"^Only 1\.50 USD") as again:
        gateway.deduct(amount("2.00"), key="a")
    assert (first.value.replayed, again.value.replayed) == (False, True)
    kept = gateway.entry("deduction#a")
    assert (kept.kind, kept.amount_nanos, kept.held_nanos) == (EntryKind.REFUSAL, 0, 0)
    assert kept.available_after_nanos == usd("1.50")


def test_where_nothing_is_the_refusal_says_so() -> None:
    with pytest.raises(InsufficientCreditsError, match=r"^Only 0\.00 USD"):
        Gateway().deduct(amount("2.00"))


def test_a_suspended_account_is_refused_and_the_answer_says_if_it_is_an_old_one() -> None:
    gateway = funded()
    row = gateway.world.store.accounts[ORG]
    row.account = replace(row.account, suspended=True)
    said = []
    for _ in range(2):
        with pytest.raises(ForbiddenError) as refused:
            gateway.deduct(amount("1.00"), key="a")
        said.append(refused.value.replayed)
    assert said == [False, True]


def test_a_deduction_says_if_it_is_an_old_one() -> None:
    gateway = funded()
    metering, charged = gateway.world.app.metering, gateway.charge(amount("1.00"))
    first, replayed = metering.deduct(charged, key="a", now=gateway.now)
    assert not replayed
    assert metering.deduct(charged, key="a", now=gateway.now) == (
        replace(first, available_after_nanos=usd("9.00")),
        True,
    )


def test_a_top_up_is_asked_for_below_the_threshold_and_not_at_it() -> None:
    gateway = funded("10.00")
    gateway.set_floor("5.00")
    gateway.deduct(amount("5.00"))
    assert hinted(gateway) == []
    assert gateway.world.account(ORG).low_since is None
    gateway.deduct(amount("0.000000001"))
    assert hinted(gateway) == [ORG]
    assert gateway.world.account(ORG).low_since == gateway.now


def test_nobody_is_topped_up_who_did_not_ask_for_it() -> None:
    gateway = funded("1.00")
    gateway.deduct(amount("1.00"))
    assert hinted(gateway) == []
    assert gateway.world.account(ORG).low_since is None


def test_a_refusal_asks_for_no_top_up_and_counts_no_traces() -> None:
    gateway = funded("1.00")
    gateway.set_floor("5.00")
    with pytest.raises(InsufficientCreditsError):
        gateway.deduct(amount("2.00"), traces(3))
    assert hinted(gateway) == []
    assert gateway.world.account(ORG).low_since is None
    assert gateway.world.trace_counts.get(ORG, "2026-11").used == 0


def test_the_first_answer_of_a_key_is_given_without_a_price() -> None:
    gateway = funded("1.50")
    metering, charged = gateway.world.app.metering, gateway.charge(amount("1.00"))
    assert metering.deducted(ORG, key="a", digest=charged.digest) is None
    made, _ = metering.deduct(charged, key="a", now=gateway.now)
    assert metering.deducted(ORG, key="a", digest=charged.digest) == made
    with pytest.raises(IdempotencyConflictError):
        metering.deducted(ORG, key="a", digest="another")
    dear = gateway.charge(amount("2.00"))
    with pytest.raises(InsufficientCreditsError) as first:
        metering.deduct(dear, key="b", now=gateway.now)
    with pytest.raises(InsufficientCreditsError) as again:
        metering.deducted(ORG, key="b", digest=dear.digest)
    assert again.value.detail == first.value.detail
    assert again.value.replayed
