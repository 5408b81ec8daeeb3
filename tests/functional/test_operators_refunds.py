"""What operators order: refunds and adjustments, each once for its key."""

from __future__ import annotations

from dataclasses import replace

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
from chalicelib.domain.payment import PaymentRefusedError
from chalicelib.domain.request import Answer
from chalicelib.domain.reversal import RefundRequest, Reversal
from chalicelib.usecases.adjusting import Adjustment
from chalicelib.usecases.idempotency import digest_of
from chalicelib.usecases.refunding import Refunded, RefundOrder
from tests.fakes.payments import Behaviour, Moment
from tests.fakes.ports import UseCases
from tests.fakes.refunds import FakeRefunds
from tests.fakes.reversal_laws import assert_in_line
from tests.fakes.steps import Steps
from tests.fakes.values import ORG, failure, usd
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


def test_what_an_adjustment_said_is_remembered_in_the_same_words_for_ever() -> None:
    world, _ = _bought()
    entry, _ = _adjust(world, "12.50")
    assert entry.digest == digest_of({"amount": "12.50", "reason": "goodwill"})


def test_a_debt_is_made_smaller_by_an_adjustment_that_does_not_make_it_good() -> None:
    world, _ = _bought()
    _adjust(world, "-60.00")
    entry, _ = _adjust(world, "4.00", key="adjust-2")
    assert not entry.overdrawn
    assert world.account().available_nanos == usd("-6.00")
    assert_in_line(world)


@pytest.mark.parametrize(("amount", "writes"), [("5.00", 1), ("-50.00", 1), ("-50.01", 2)])
def test_an_adjustment_is_written_at_once_unless_it_overdraws(amount: str, writes: int) -> None:
    world, _ = _bought()
    steps = Steps()
    wanted = Adjustment(
        organization_id=ORG, amount_nanos=usd(amount), reason="goodwill", author="olga"
    )
    adjusting = replace(world.app.adjusting, ledger=steps.around(world.ports).ledger)
    entry, _ = adjusting.adjust(wanted, key="a", now=world.now)
    assert steps.calls.count("ledger.commit") == writes
    assert entry.overdrawn == (writes == 2)


def test_a_refund_that_the_provider_refuses_says_why() -> None:
    world, purchase_id = _bought()
    refuses = replace(world.app.refunding, refunds=_Refuses(world.payments))
    order = RefundOrder(
        organization_id=ORG, purchase_id=purchase_id, amount_nanos=None, reason="", ordered_by="o"
    )
    told: list[Refunded] = []

    def present(refunded: Refunded) -> Answer:
        told.append(refunded)
        return Answer(status=409, body={})

    refuses.refund(order, key="a", present=present, now=world.now)
    assert [(each.reversal, each.failure) for each in told] == [(None, failure())]


class _Refuses(FakeRefunds):
    """The Refunds port, of a provider that sends nothing back."""

    def refund(self, request: RefundRequest) -> Reversal:
        """See the port."""
        raise PaymentRefusedError(failure())


def test_a_refund_is_known_by_the_id_of_its_request() -> None:
    world, purchase_id = _bought()
    _refund(world, purchase_id, "5.00")
    (reversal,) = world.refunds.all()
    assert (reversal.request_id or "").startswith("ref_")


def test_who_asks_for_too_much_is_told_where() -> None:
    world, purchase_id = _bought()
    with pytest.raises(ValidationFailedError) as refused:
        _refund(world, purchase_id, "50.01")
    assert [error.field for error in refused.value.errors] == ["amount"]


def test_who_gets_no_answer_of_the_provider_is_told_when_to_repeat() -> None:
    world, purchase_id = _bought()
    world.payments.fail_next("refund", Moment.BEFORE)
    with pytest.raises(BusyError) as refused:
        _refund(world, purchase_id)
    assert refused.value.retry_after_seconds == 60
