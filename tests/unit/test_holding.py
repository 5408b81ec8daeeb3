"""Holds: placed, settled in parts and above, released, expired, and asked for again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.errors import (
    ForbiddenError,
    IdempotencyConflictError,
    InsufficientCreditsError,
    NotFoundError,
)
from chalicelib.domain.holds import HoldStatus
from chalicelib.domain.ledger import EntryKind
from chalicelib.usecases.idempotency import digest_of
from chalicelib.usecases.metering import ReportResult
from tests.fakes.laws import assert_laws
from tests.fakes.values import ORG, usd
from tests.support.metering import Gateway, amount

UNKNOWN = "hold_000000000000unknown"


def funded(text: str = "10.00") -> Gateway:
    gateway = Gateway()
    gateway.fund(text)
    return gateway


def test_a_hold_moves_credits_from_available_to_held() -> None:
    gateway = funded()
    hold = gateway.place("4.00")
    assert (gateway.available, gateway.held) == (usd("6.00"), usd("4.00"))
    assert gateway.hold(hold.id) == hold
    assert_laws(gateway.world)


@pytest.mark.parametrize("text", ["10.000000001", "11.00"])
def test_a_hold_above_what_is_available_is_refused_and_the_refusal_is_kept(text: str) -> None:
    gateway = funded()
    with pytest.raises(InsufficientCreditsError) as first:
        gateway.place(text, key="a")
    gateway.fund("5.00")
    with pytest.raises(InsufficientCreditsError) as again:
        gateway.place(text, key="a")
    assert (first.value.replayed, again.value.replayed) == (False, True)
    assert first.value.detail == again.value.detail
    assert gateway.held == 0
    assert_laws(gateway.world)


def test_a_hold_may_take_the_last_credits() -> None:
    gateway = funded()
    gateway.place("10.00")
    assert (gateway.available, gateway.held) == (0, usd("10.00"))


def test_a_suspended_account_gets_no_hold_but_its_usage_is_still_taken() -> None:
    gateway = funded()
    hold = gateway.place("1.00")
    row = gateway.world.store.accounts[ORG]
    row.account = replace(row.account, suspended=True)
    with pytest.raises(ForbiddenError):
        gateway.place("1.00")
    gateway.settle(hold.id, amount("3.00"))
    assert (gateway.available, gateway.held) == (usd("7.00"), 0)


def test_the_same_key_answers_the_hold_as_it_was_placed_whatever_happened_to_it() -> None:
    gateway = funded()
    hold = gateway.place("4.00", key="a")
    gateway.settle(hold.id, amount("1.00"), final=False)
    gateway.world.advance(minutes=1)
    assert gateway.place("4.00", key="a") == hold
    gateway.release(hold.id)
    assert gateway.place("4.00", key="a") == hold
    with pytest.raises(IdempotencyConflictError):
        gateway.place("4.01", key="a")
    assert (gateway.available, gateway.held) == (usd("9.00"), 0)


def test_a_hold_is_settled_in_parts_and_its_rest_goes_back_with_the_last() -> None:
    gateway = funded()
    hold = gateway.place("4.00")
    first = gateway.settle(hold.id, amount("1.00"), final=False)
    assert (first.remaining_nanos, first.returned_nanos) == (usd("3.00"), 0)
    assert (gateway.available, gateway.held) == (usd("6.00"), usd("3.00"))
    last = gateway.settle(hold.id, amount("0.50"))
    assert (last.remaining_nanos, last.returned_nanos) == (0, usd("2.50"))
    assert last.status is HoldStatus.SETTLED
    assert first.hold_id == last.hold_id == hold.id
    assert gateway.hold(hold.id).ended_at == gateway.now
    assert (gateway.available, gateway.held) == (usd("8.50"), 0)
    assert_laws(gateway.world)


def test_a_hold_that_is_used_up_stays_open_until_the_last_settlement() -> None:
    gateway = funded()
    hold = gateway.place("4.00")
    change = gateway.settle(hold.id, amount("4.00"), final=False)
    assert (change.status, change.remaining_nanos) == (HoldStatus.OPEN, 0)
    gateway.settle(hold.id, amount("1.00"), final=False)
    assert (gateway.available, gateway.held) == (usd("5.00"), 0)


@pytest.mark.parametrize(
    ("spent", "available", "overdrawn"),
    [
        ("4.00", "6.00", False),
        ("9.00", "1.00", False),
        ("10.00", "0.00", False),
        ("11.00", "-1.00", True),
    ],
)
def test_what_is_above_the_hold_is_taken_from_available_below_zero_if_need_be(
    spent: str,
    available: str,
    overdrawn: bool,  # noqa: FBT001
) -> None:
    gateway = funded()
    hold = gateway.place("4.00")
    change = gateway.settle(hold.id, amount(spent))
    assert gateway.available == usd(available)
    assert gateway.held == 0
    assert change.entry.overdrawn is overdrawn
    assert change.entry.amount_nanos == -usd(spent)
    assert_laws(gateway.world)


def test_the_same_settlement_is_taken_once_and_answers_the_same() -> None:
    gateway = funded()
    hold = gateway.place("4.00")
    first = gateway.settle(hold.id, amount("1.00"), final=False, key="a")
    gateway.settle(hold.id, amount("1.00"), final=False, key="b")
    assert gateway.settle(hold.id, amount("1.00"), final=False, key="a") == first
    with pytest.raises(IdempotencyConflictError):
        gateway.settle(hold.id, amount("1.00"), final=True, key="a")
    assert gateway.held == usd("2.00")


def test_a_hold_that_nobody_has_can_be_neither_settled_nor_released() -> None:
    gateway = funded()
    hold = gateway.place("1.00")
    other = Gateway(world=gateway.world, organization_id="other")
    for hold_id, whose in [(UNKNOWN, gateway), (hold.id, other)]:
        with pytest.raises(NotFoundError):
            whose.settle(hold_id, amount("1.00"))
        with pytest.raises(NotFoundError):
            whose.release(hold_id)
    assert gateway.available == usd("9.00")


def test_a_released_hold_gives_its_rest_back_once() -> None:
    gateway = funded()
    hold = gateway.place("4.00")
    gateway.settle(hold.id, amount("1.00"), final=False)
    first = gateway.release(hold.id, key="a")
    assert (first.returned_nanos, first.status) == (usd("3.00"), HoldStatus.RELEASED)
    assert gateway.release(hold.id, key="a") == first
    assert gateway.release(hold.id, key="b").returned_nanos == 0
    with pytest.raises(IdempotencyConflictError):
        gateway.release(gateway.place("1.00").id, key="a")
    assert gateway.available == usd("8.00")
    assert_laws(gateway.world)


@pytest.mark.parametrize("end", ["settled", "released", "expired"])
def test_late_usage_of_a_hold_that_has_ended_is_taken_from_available(end: str) -> None:
    gateway = funded()
    hold = gateway.place("4.00", seconds=10)
    if end == "settled":
        gateway.settle(hold.id, amount("0.00"))
    elif end == "released":
        gateway.release(hold.id)
    else:
        gateway.world.advance(seconds=10)
        assert gateway.world.sweep().holds == 1
    change = gateway.settle(hold.id, amount("11.00"))
    assert change.status.value == end
    assert change.entry.overdrawn
    report = gateway.report("late", amount("1.00"), hold_id=hold.id)
    assert gateway.send(report) == [ReportResult.APPLIED]
    assert (gateway.available, gateway.held) == (usd("-2.00"), 0)
    assert_laws(gateway.world)


def test_the_sweep_ends_a_hold_when_its_time_has_come_and_not_before() -> None:
    gateway = funded()
    hold = gateway.place("4.00", seconds=600)
    gateway.settle(hold.id, amount("1.00"), final=False)
    gateway.world.advance(seconds=599)
    assert gateway.world.sweep().holds == 0
    gateway.world.advance(seconds=1)
    assert gateway.world.sweep().holds == 1
    assert gateway.world.sweep().holds == 0
    assert gateway.hold(hold.id).status is HoldStatus.EXPIRED
    entry = gateway.entry(f"expiry#{hold.id}")
    assert (entry.kind, entry.available_nanos) == (EntryKind.EXPIRY, usd("3.00"))
    assert entry.details["hold"] == {"id": hold.id, "remaining": 0, "status": "expired"}
    assert (gateway.available, gateway.held) == (usd("9.00"), 0)
    assert_laws(gateway.world)


def test_a_used_up_hold_ends_without_an_entry_since_the_account_does_not_change() -> None:
    gateway = funded()
    hold = gateway.place("4.00", seconds=10)
    gateway.settle(hold.id, amount("4.00"), final=False)
    gateway.world.advance(seconds=10)
    assert gateway.world.sweep().holds == 1
    assert gateway.hold(hold.id).status is HoldStatus.EXPIRED
    assert gateway.world.ledger.entry(ORG, f"expiry#{hold.id}") is None


def test_a_hold_still_serves_between_its_time_and_the_sweep() -> None:
    gateway = funded()
    hold = gateway.place("4.00", seconds=10)
    gateway.world.advance(seconds=30)
    gateway.settle(hold.id, amount("4.00"))
    assert gateway.available == usd("6.00")
    assert gateway.world.sweep().holds == 0


def test_a_hold_below_the_threshold_asks_for_a_top_up() -> None:
    gateway = funded()
    gateway.set_floor("7.00")
    gateway.place("3.00")
    assert not gateway.world.queue.messages
    gateway.place("0.01")
    assert len(gateway.world.queue.messages) == 1
    assert gateway.world.account().low_since is not None


def test_the_first_answer_of_a_settlement_is_given_without_a_price() -> None:
    gateway = funded()
    hold, holding = gateway.place("4.00"), gateway.world.app.holding
    charged = gateway.charge(amount("1.00"))
    assert holding.settled(ORG, key="a", digest=charged.digest) is None
    made, _ = holding.settle(hold.id, charged, final=True, key="a", now=gateway.now)
    assert holding.settled(ORG, key="a", digest=charged.digest) == made
    with pytest.raises(IdempotencyConflictError):
        holding.settled(ORG, key="a", digest="another")


def test_a_release_says_if_it_is_an_old_one() -> None:
    gateway = funded()
    hold, holding = gateway.place("4.00"), gateway.world.app.holding
    said = [holding.release(ORG, hold.id, key="a", now=gateway.now)[1] for _ in range(2)]
    assert said == [False, True]
    # Kept for ever, and compared with what later versions make of the same request.
    assert gateway.entry("release#a").digest == digest_of({"hold_id": hold.id})


def test_a_hold_that_has_ended_is_not_written_again_by_another_release() -> None:
    gateway = funded()
    hold = gateway.place("4.00")
    gateway.release(hold.id)
    ended = gateway.hold(hold.id)
    gateway.release(hold.id)
    assert gateway.hold(hold.id) == ended
