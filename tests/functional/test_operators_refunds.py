"""What operators order: refunds and adjustments, each once for its key."""

from __future__ import annotations

import pytest

from chalicelib.api.operating import refund_answer
from chalicelib.domain.errors import (
    BusyError,
    ConflictError,
    IdempotencyConflictError,
    NotFoundError,
    ValidationFailedError,
)
from chalicelib.domain.ledger import Entry
from chalicelib.domain.request import Answer
from chalicelib.usecases.adjusting import Adjustment
from chalicelib.usecases.refunding import RefundOrder
from tests.fakes.payments import Behaviour, Moment
from tests.fakes.ports import UseCases
from tests.fakes.reversal_laws import assert_in_line
from tests.fakes.values import ORG, usd
from tests.fakes.world import World


def _bought(amount: str = "50.00") -> tuple[World, str]:
    world = World()
    world.buy(ORG, amount, card=world.customer())
    world.deliver()
    return world, world.purchases.all()[0].id


def _refund(
    world: World,
    purchase_id: str,
    amount: str | None = None,
    *,
    key: str = "refund-1",
    app: UseCases | None = None,
    reason: str = "asked for it",
) -> tuple[Answer, bool]:
    order = RefundOrder(
        organization_id=ORG,
        purchase_id=purchase_id,
        amount_nanos=None if amount is None else usd(amount),
        reason=reason,
        ordered_by="olga",
    )
    refunding = (app or world.app).refunding
    return refunding.refund(order, key=key, present=refund_answer, now=world.now)


def _adjust(world: World, amount: str, *, key: str = "adjust-1") -> tuple[Entry, bool]:
    wanted = Adjustment(
        organization_id=ORG, amount_nanos=usd(amount), reason="goodwill", author="olga"
    )
    return world.app.adjusting.adjust(wanted, key=key, now=world.now)


def test_a_refund_is_answered_with_what_went_back_and_its_credit_note() -> None:
    world, purchase_id = _bought()
    answer, replayed = _refund(world, purchase_id, "20.00")
    assert (answer.status, replayed) == (201, False)
    assert answer.body == {
        "id": "re_1",
        "purchase_id": purchase_id,
        "amount": "20.00",
        "status": "succeeded",
        "reason": "asked for it",
        "created_at": "2026-11-23T10:00:00Z",
        "credit_note": {"number": "2026-000002"},
        "refunded_amount": "20.00",
    }
    world.deliver()
    assert world.account().available_nanos == usd("30.00")
    assert_in_line(world)


def test_without_an_amount_all_that_is_left_goes_back() -> None:
    world, purchase_id = _bought()
    _refund(world, purchase_id, "20.00", key="first")
    answer, _ = _refund(world, purchase_id, key="second")
    assert answer.body["amount"] == "30.00"
    assert world.account().available_nanos == 0
    world.deliver()
    assert_in_line(world)


def test_the_same_key_answers_the_same_and_refunds_once() -> None:
    world, purchase_id = _bought()
    first, _ = _refund(world, purchase_id, "20.00")
    world.deliver()
    _refund(world, purchase_id, "5.00", key="another")
    again, replayed = _refund(world, purchase_id, "20.00")
    assert replayed
    assert again == first
    assert len(world.refunds.all()) == 2


def test_the_same_key_for_another_refund_is_a_conflict() -> None:
    world, purchase_id = _bought()
    _refund(world, purchase_id, "20.00")
    with pytest.raises(IdempotencyConflictError):
        _refund(world, purchase_id, "21.00")


def test_no_more_is_refunded_than_is_left() -> None:
    world, purchase_id = _bought()
    with pytest.raises(ValidationFailedError, match=r"at most 50\.00"):
        _refund(world, purchase_id, "50.01")
    _refund(world, purchase_id, "30.00", key="first")
    with pytest.raises(ValidationFailedError, match=r"at most 20\.00"):
        _refund(world, purchase_id, "20.01", key="second")
    _refund(world, purchase_id, "20.00", key="third")
    with pytest.raises(ConflictError, match="Nothing"):
        _refund(world, purchase_id, key="fourth")
    world.deliver()
    assert_in_line(world)


def test_two_operators_at_once_never_refund_more_than_was_paid() -> None:
    """The second checks before the first is done; the provider decides, and the answer is kept."""
    world, purchase_id = _bought()
    world.payments.before["refund"] = lambda: _refund(world, purchase_id, "30.00", key="rival")
    answer, _ = _refund(world, purchase_id, "30.00", key="mine")
    assert answer.status == 409
    assert answer.body["code"] == "conflict"
    again, replayed = _refund(world, purchase_id, "30.00", key="mine")
    assert replayed
    assert again == answer
    world.deliver()
    assert world.account().available_nanos == usd("20.00")
    assert_in_line(world)


def test_what_was_not_paid_or_is_disputed_is_not_refunded() -> None:
    world = World()
    world.buy(ORG, "50.00", card=world.customer(ORG, Behaviour.DECLINES))
    (failed,) = world.purchases.all()
    with pytest.raises(ConflictError, match="not paid"):
        _refund(world, failed.id)
    with pytest.raises(NotFoundError):
        _refund(world, "pur_unknown", key="other")
    world, purchase_id = _bought()
    world.refunds.open_dispute(world.payments.payments()[0].id, 2000)
    answer, _ = _refund(world, purchase_id, "10.00")
    assert answer.status == 409
    world.deliver()
    assert_in_line(world)


@pytest.mark.parametrize("moment", Moment)
def test_a_provider_that_does_not_answer_is_asked_again_with_the_same_key(moment: Moment) -> None:
    world, purchase_id = _bought()
    world.payments.fail_next("refund", moment)
    with pytest.raises(BusyError, match="same Idempotency-Key"):
        _refund(world, purchase_id, "20.00")
    world.advance(minutes=1)
    answer, replayed = _refund(world, purchase_id, "20.00")
    assert (answer.status, replayed) == (201, False)
    assert len(world.refunds.all()) == 1
    world.deliver()
    assert_in_line(world)


def test_an_adjustment_adds_an_entry_with_its_author_once() -> None:
    world, _ = _bought()
    entry, replayed = _adjust(world, "1.50")
    assert not replayed
    assert entry.details == {"reason": "goodwill", "author": "olga"}
    again, replayed = _adjust(world, "1.50")
    assert replayed
    assert again.id == entry.id
    assert world.account().available_nanos == usd("51.50")
    with pytest.raises(IdempotencyConflictError):
        _adjust(world, "1.51")


def test_an_adjustment_may_take_more_than_there_is_and_says_so() -> None:
    world, _ = _bought()
    entry, _ = _adjust(world, "-50.00", key="all")
    assert not entry.overdrawn
    entry, _ = _adjust(world, "-0.000000001", key="more")
    assert entry.overdrawn
    assert world.account().available_nanos == -1
    assert_in_line(world)
