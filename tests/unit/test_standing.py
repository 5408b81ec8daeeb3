"""What an operator lets an account do: suspended, going on, closed for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.account import Standing
from chalicelib.domain.errors import (
    BusyError,
    ConflictError,
    CreditsError,
    ForbiddenError,
)
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.payment import (
    Failure,
    PaymentRefusedError,
    PaymentStatus,
    PaymentsUnavailableError,
)
from chalicelib.domain.purchase import PurchaseStatus, PurchaseType
from chalicelib.domain.request import Answer
from chalicelib.domain.reversal import FollowedReversal, RefundRequest, Reversal, ReversalKind
from chalicelib.domain.tax import Tax
from chalicelib.ports import Refunds
from chalicelib.usecases.closing import Closure
from chalicelib.usecases.idempotency import digest_of
from chalicelib.usecases.suspending import Act
from tests.fakes.laws import assert_laws
from tests.fakes.payments import Behaviour, Moment
from tests.fakes.ports import UseCases
from tests.fakes.reversal_laws import assert_in_line
from tests.fakes.steps import LostAnswerError, Mishap, ProcessDiedError, Steps
from tests.fakes.values import ORG, purchase, report, usd
from tests.fakes.world import World
from tests.support.metering import Gateway

ACT = Act(organization_id=ORG, reason="chargebacks", author="olga")
SEEN = (ProcessDiedError, LostAnswerError, CreditsError, PaymentsUnavailableError)
#: More I/O calls than any closing makes.
MANY = 400


def suspend(world: World) -> Entry | None:
    return world.app.suspending.suspend(ACT, now=world.now)[1]


def resume(world: World) -> Entry | None:
    return world.app.suspending.resume(ACT, now=world.now)[1]


def close(world: World, *, refunds: bool = True, app: UseCases | None = None) -> Closure:
    return (app or world.app).closing.close(ACT, refunds=refunds, now=world.now)


def bought(amount: str = "50.00") -> World:
    world = World()
    world.buy(ORG, amount, card=world.customer())
    world.deliver()
    return world


def settle(world: World) -> None:
    """Let the machinery finish, and see that all laws hold."""
    world.run(hours=1)
    assert_in_line(world)


def cards(world: World) -> list[object]:
    return list(world.payments.cards(world.customers.get(ORG).customer_id or ""))


def test_a_suspended_account_refuses_until_it_is_resumed_and_the_ledger_says_why() -> None:
    world = bought()
    entry = suspend(world)
    assert entry is not None
    assert (entry.kind, entry.amount_nanos) == (EntryKind.SUSPENSION, 0)
    assert entry.details == {"reason": "chargebacks", "author": "olga"}
    with pytest.raises(ForbiddenError, match="suspended"):
        world.deduct(key="a")
    world.use(report("late", "1.00"))
    assert world.account().available_nanos == usd("49.00"), "what has happened is taken"
    assert resume(world) is not None
    world.deduct(key="b")
    assert_laws(world)


def test_what_is_so_already_is_recorded_once() -> None:
    world = bought()
    assert resume(world) is None
    assert suspend(world) is not None
    assert suspend(world) is None
    assert [e.kind for e in world.store.entries.values()].count(EntryKind.SUSPENSION) == 1


def test_a_suspended_account_is_not_topped_up_before_it_is_resumed() -> None:
    world = bought()
    world.order_top_ups(threshold="20.00")
    suspend(world)
    world.use(report("drain", "45.00"))
    world.run(hours=3)
    assert world.account().available_nanos == usd("5.00")
    assert len(world.payments.payments()) == 1
    resume(world)
    world.run(minutes=3)
    assert world.account().available_nanos == usd("30.00")
    settle(world)


@pytest.mark.parametrize("standing", [Standing.SUSPENDED, Standing.CLOSED])
def test_a_lost_account_is_rebuilt_with_the_standing_that_it_had(standing: Standing) -> None:
    world = bought()
    suspend(world)
    if standing is Standing.CLOSED:
        close(world, refunds=False)
    del world.store.accounts[ORG]
    world.app.restoring.repair(ORG, now=world.now)
    assert world.account().standing is standing


@pytest.mark.parametrize("standing", list(Standing))
def test_an_act_begun_later_and_written_sooner_is_not_taken_for_the_last(
    standing: Standing,
) -> None:
    world = bought()
    later = world.now + timedelta(seconds=1)
    world.app.suspending.suspend(ACT, now=later)
    if standing is Standing.OPEN:
        world.app.suspending.resume(ACT, now=world.now)
    elif standing is Standing.CLOSED:
        world.app.closing.close(ACT, refunds=False, now=world.now)
    assert world.app.auditing.check(ORG).in_line
    del world.store.accounts[ORG]
    world.app.restoring.repair(ORG, now=world.now)
    assert world.account().standing is standing


def test_closing_with_refunds_sends_back_what_was_paid_and_not_used_newest_first() -> None:
    world = bought("50.00")
    world.buy(ORG, "20.00", card=world.customer(), key="second")
    world.deliver()
    world.use(report("used", "10.50"))
    gateway = Gateway(world=world)
    gateway.place("5.00")
    closure = close(world)
    first, second = (p.id for p in world.purchases.all())
    assert closure.refunded_nanos == {second: usd("20.00"), first: usd("39.50")}
    assert (closure.complete, closure.forfeited_nanos) == (True, 0)
    account = world.account()
    assert (account.available_nanos, account.held_nanos) == (0, 0)
    assert account.standing is Standing.CLOSED
    assert cards(world) == []
    settle(world)


def test_credits_that_no_payment_stands_behind_are_given_up_with_the_reason() -> None:
    world = bought("50.00")
    Gateway(world=world).fund("7.25")
    closure = close(world)
    assert (closure.complete, closure.forfeited_nanos) == (True, usd("7.25"))
    (given_up,) = (
        e for e in world.store.entries.values() if e.key.startswith("adjustment#closure")
    )
    assert given_up.details == {"reason": "Closed: chargebacks", "author": "olga"}
    settle(world)


def test_closing_without_refunds_gives_all_up_and_sends_nothing_back() -> None:
    world = bought("50.00")
    closure = close(world, refunds=False)
    assert (closure.complete, closure.forfeited_nanos) == (True, usd("50.00"))
    assert closure.refunded_nanos == {}
    assert world.account().available_nanos == 0
    settle(world)


def test_a_debt_stays_a_debt() -> None:
    world = bought("5.00")
    world.use(report("much", "9.00"))
    closure = close(world)
    assert closure.complete
    assert world.account().available_nanos == usd("-4.00")


def test_nothing_begins_on_a_closed_account() -> None:
    world = bought()
    card = world.customer()
    close(world)
    for refused in (
        lambda: world.buy(card=card, key="again"),
        lambda: world.deduct(key="a"),
        world.order_top_ups,
        lambda: world.app.buyers.set_up_card(ORG, by="ada", now=world.now),
        lambda: Gateway(world=world).place("1.00"),
    ):
        with pytest.raises(ForbiddenError):
            refused()
    with pytest.raises(ConflictError, match="for good"):
        resume(world)
    with pytest.raises(ConflictError, match="for good"):
        suspend(world)
    assert_laws(world)


def test_auto_top_up_that_is_open_ends_before_the_credits_go_back() -> None:
    world = bought("20.00")
    card = world.payments.cards(world.customers.get(ORG).customer_id or "")[0]
    world.payments.change_card(card, Behaviour.ASKS_CUSTOMER)
    world.order_top_ups()
    world.use(report("drain", "15.00"))
    world.deliver()
    closure = close(world)
    assert closure.complete
    (automatic,) = (p for p in world.purchases.all() if p.type is PurchaseType.AUTO_TOP_UP)
    assert automatic.status in {PurchaseStatus.CANCELED, PurchaseStatus.FAILED}
    top_up = world.top_ups.get(ORG)
    assert (top_up.enabled, top_up.open_purchase_id) == (False, None)
    world.run(hours=3)
    assert world.top_ups.get(ORG).check_at is None, "nobody looks after what is off"
    settle(world)


def test_a_payment_that_its_bank_is_deciding_keeps_the_closing_open() -> None:
    world = World()
    world.buy(card=world.customer(behaviour=Behaviour.ASKS_CUSTOMER))
    payment_id = world.payments.payments()[0].id
    world.payments.pay_otherwise(payment_id, takes_time=True)
    world.deliver()
    closure = close(world)
    assert not closure.complete
    assert "is processing: close again later" in closure.left[0]
    world.payments.finish(payment_id)
    world.run(minutes=5)
    assert close(world).complete
    assert world.account().available_nanos == 0
    settle(world)


def test_what_is_paid_after_the_closing_goes_back_when_it_is_repeated() -> None:
    world = bought("50.00")
    waiting = world.customer(behaviour=Behaviour.ASKS_CUSTOMER)
    world.buy(card=waiting, key="waiting")
    payment_id = world.payments.payments()[-1].id
    world.payments.before["cancel"] = lambda: world.payments.authenticate(payment_id)
    closure = close(world)
    assert closure.complete
    assert sum(closure.refunded_nanos.values()) == usd("100.00")
    assert close(world).refunded_nanos == closure.refunded_nanos
    settle(world)


def test_a_refund_that_the_provider_refuses_is_left_to_a_person() -> None:
    world = bought("50.00")
    closing = world.app.closing
    refunding = closing.sending_back.refunding
    refuses = replace(refunding, refunds=Refusing(refunding.refunds))
    sending_back = replace(closing.sending_back, refunding=refuses)
    closure = replace(closing, sending_back=sending_back).close(ACT, refunds=True, now=world.now)
    assert not closure.complete
    assert "take its credits by an adjustment" in closure.left[0]
    assert world.account().available_nanos == usd("50.00"), "not given up"
    assert world.account().standing is Standing.CLOSED
    Gateway(world=world).fund("-50.00")
    assert close(world).complete


def test_closing_the_other_way_is_refused_and_the_first_reason_stays() -> None:
    world = bought("50.00")
    close(world)
    with pytest.raises(ConflictError, match="with refunds"):
        close(world, refunds=False)
    other = replace(ACT, reason="another", author="otto")
    world.app.closing.close(other, refunds=True, now=world.now)
    (entry,) = (e for e in world.store.entries.values() if e.key == "closure")
    assert entry.details["reason"] == "chargebacks"


class Refusing:
    """Refunds at a provider that sends nothing back any more."""

    def __init__(self, refunds: Refunds) -> None:
        self._refunds = refunds

    def of_payment(self, payment_id: str) -> Sequence[Reversal]:
        return self._refunds.of_payment(payment_id)

    def payment_behind(self, object_id: str) -> str | None:
        return self._refunds.payment_behind(object_id)

    def refund(self, request: RefundRequest) -> Reversal:
        failure = Failure(code="charge_expired", decline_code=None, message="It is too old.")
        raise PaymentRefusedError(failure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A life before the closing; `refunded` and `forfeited` are what must come of it."""

    prepare: Callable[[World], None]
    refunds: bool
    refunded: str
    forfeited: str


def full_life(world: World) -> None:
    """Two purchases, a grant, a hold, an open purchase and an open top-up."""
    world.customer()
    card = world.payments.cards(world.customers.get(ORG).customer_id or "")[0]
    world.buy(ORG, "50.00", card=card)
    world.buy(ORG, "20.00", card=card, key="second")
    world.deliver()
    gateway = Gateway(world=world)
    gateway.fund("3.00")
    gateway.place("5.00")
    world.order_top_ups(threshold="60.00")
    world.payments.change_card(card, Behaviour.ASKS_CUSTOMER)
    world.use(report("used", "20.00"))
    world.deliver()
    world.buy(ORG, "30.00", card=card, key="waiting")
    world.payments.forget_events()


CASES = {
    "with refunds": Case(prepare=full_life, refunds=True, refunded="53.00", forfeited="0.00"),
    "without": Case(prepare=full_life, refunds=False, refunded="0.00", forfeited="53.00"),
}


def sent_back(world: World) -> int:
    return sum(
        reversal.amount_cents
        for payment in world.payments.payments()
        for reversal in world.refunds.of_payment(payment.id)
    )


@pytest.mark.parametrize("mishap", list(Mishap), ids=lambda mishap: mishap.name.lower())
@pytest.mark.parametrize("name", CASES)
def test_a_mishap_at_any_io_call_of_a_closing_is_recovered_from(name: str, mishap: Mishap) -> None:
    case = CASES[name]
    for at in range(MANY):
        world = World()
        case.prepare(world)
        steps = Steps(at=at, mishap=mishap)
        with suppress(*SEEN):
            close(world, refunds=case.refunds, app=world.process(steps))
        if not steps.happened:
            assert at > 0
            return
        assert_laws(world)
        if at % 2:
            # Late usage, that no plan of before could know of.
            world.use(report("late", "0.75"))
        world.advance(minutes=3)
        with suppress(CreditsError):
            close(world, refunds=case.refunds)
        world.run(minutes=5)
        closure = close(world, refunds=case.refunds)
        assert closure.complete, closure.left
        account = world.account()
        assert (account.held_nanos, account.standing) == (0, Standing.CLOSED)
        late = usd("0.75") if at % 2 else 0
        assert -late <= account.available_nanos <= 0
        back = sent_back(world) * 10_000_000
        assert back - usd(case.refunded) in {0, -late}, "sent back once, and what was there"
        total = back + closure.forfeited_nanos + late + account.available_nanos
        assert total == usd("53.00") + account.available_nanos - account.available_nanos
        assert [
            p for p in world.payments.payments() if p.status is PaymentStatus.REQUIRES_ACTION
        ] == []
        assert cards(world) == []
        world.run(hours=1)
        assert_in_line(world)
    raise AssertionError("the closing doesn't end")


def test_two_operators_who_close_at_once_send_everything_back_once() -> None:
    world = World()
    full_life(world)
    inner = world.app.closing
    done: list[Closure] = []
    world.payments.before["remove_card"] = lambda: done.append(close(world))
    close(world)
    assert done[0].complete
    assert sent_back(world) == 5300
    assert inner.close(ACT, refunds=True, now=world.now + timedelta(days=1)).complete
    settle(world)


@given(
    amount=st.integers(500, 100_000),
    tax=st.integers(0, 30_000),
    gone=st.integers(0, 130_000),
    wanted=st.integers(0, 120_000_000_000),
)
def test_what_is_sent_back_for_credits_never_takes_more_and_wastes_no_cent(
    amount: int, tax: int, gone: int, wanted: int
) -> None:
    cent = 10_000_000
    one = replace(
        purchase(amount=f"{amount // 100}.{amount % 100:02d}"),
        tax=Tax(amount_nanos=tax * cent, rate_percent="20"),
        status=PurchaseStatus.SUCCEEDED,
    )
    gone = min(gone, one.charge_cents)
    if gone:
        turned = FollowedReversal(id="re_1", kind=ReversalKind.REFUND, amount_cents=gone, turns=1)
        one = one.reversed(turned)
    cents = one.cents_for(wanted)
    assert 0 <= cents <= one.refundable_cents
    assert one.credits_in(cents) <= wanted
    if cents < one.refundable_cents:
        assert one.credits_in(cents + 1) > wanted


def test_what_was_suspended_and_why_is_remembered_in_the_same_words_for_ever() -> None:
    entry = suspend(bought())
    assert entry is not None
    assert entry.digest == digest_of({"reason": "chargebacks", "author": "olga"})


@pytest.mark.parametrize(("threshold", "hints"), [("60.00", 1), ("20.00", 0), (None, 0)])
def test_who_is_resumed_is_topped_up_if_that_is_due_and_looked_after_until_then(
    threshold: str | None, hints: int
) -> None:
    world = bought("50.00")
    suspend(world)
    if threshold is not None:
        world.order_top_ups(threshold=threshold)
    row = world.store.accounts[ORG]
    row.account = replace(row.account, low_since=None)
    world.queue.messages.clear()
    resume(world)
    assert len(world.queue.messages) == hints
    assert (world.account().low_since is not None) == (threshold is not None)
    world.queue.messages.clear()
    assert resume(world) is None
    assert not world.queue.messages


def test_a_suspension_has_nobody_looked_after() -> None:
    world = bought("50.00")
    world.order_top_ups(threshold="20.00")
    row = world.store.accounts[ORG]
    row.account = replace(row.account, low_since=None)
    suspend(world)
    assert world.account().low_since is None


def test_a_closed_account_has_no_floor_and_keeps_its_settings_for_the_record() -> None:
    world = bought("50.00")
    world.order_top_ups(threshold="20.00", limit="500.00")
    assert world.account().floor_nanos == usd("20.00")
    close(world, refunds=False)
    account, top_up = world.account(), world.top_ups.get(ORG)
    assert (account.floor_nanos, account.tops_up) == (0, False)
    assert (top_up.enabled, top_up.monthly_limit_nanos) == (False, usd("500.00"))


def died_before_charging(moment: Moment = Moment.BEFORE) -> World:
    """A purchase of which nobody knows here whether it was charged."""
    world = World()
    card = world.customer()
    world.payments.fail_next("charge", moment)
    with pytest.raises(BusyError):
        world.buy(card=card)
    return world


def test_a_purchase_that_is_being_made_at_this_moment_is_waited_for() -> None:
    world = died_before_charging()
    closure = close(world, refunds=False)
    (begun,) = world.purchases.all()
    assert closure.left == [f"{begun.id} is pending: close again later"]
    world.advance(hours=1)
    assert close(world, refunds=False).complete
    (ended,) = world.purchases.all()
    assert ended.status is PurchaseStatus.CANCELED


def test_a_purchase_that_was_charged_unseen_is_credited_before_the_credits_go() -> None:
    world = died_before_charging(Moment.AFTER)
    closure = close(world)
    (made,) = world.purchases.all()
    assert closure.refunded_nanos == {made.id: usd("50.00")}
    assert closure.complete


def test_what_comes_after_a_closing_is_given_up_under_a_number_of_its_own() -> None:
    world = bought("50.00")
    gateway = Gateway(world=world)
    given_up = [close(world, refunds=False).forfeited_nanos]
    for text in ("2.00", "0.000000001"):
        gateway.fund(text)
        given_up.append(close(world, refunds=False).forfeited_nanos)
    assert given_up == [usd("50.00"), usd("52.00"), usd("52.000000001")]
    keys = sorted(key for _, key in world.store.entries if key.startswith("adjustment#closure"))
    assert keys == [f"adjustment#closure#{number}" for number in (1, 2, 3)]
    assert world.account().available_nanos == 0


def test_a_closing_that_nothing_is_left_for_gives_nothing_up() -> None:
    world = bought("50.00")
    world.deduct(amount="50.00", key="a")
    assert close(world, refunds=False).complete
    assert not [key for _, key in world.store.entries if key.startswith("adjustment#closure")]


@pytest.mark.parametrize(("refunds", "way"), [(True, "with"), (False, "without")])
def test_a_closing_goes_on_as_it_was_begun_and_by_whom(way: str, *, refunds: bool) -> None:
    world = bought("50.00")
    close(world, refunds=refunds)
    with pytest.raises(ConflictError, match=f"begun {way} refunds"):
        close(world, refunds=not refunds)
    Gateway(world=world).fund("1.00")
    other = Act(organization_id=ORG, reason="another reason", author="somebody")
    assert world.app.closing.close(other, refunds=refunds, now=world.now).complete
    given_up = [
        entry for entry in world.store.entries.values() if entry.key.startswith("adjustment#clos")
    ]
    assert {entry.details["author"] for entry in given_up} == {"olga"}
    assert {entry.details["reason"] for entry in given_up} == {"Closed: chargebacks"}


def test_a_refund_that_was_refused_is_told_in_the_providers_words_once_the_rest_is_done() -> None:
    world = bought("50.00")
    closing = world.app.closing
    refunding = closing.sending_back.refunding
    refuses = replace(refunding, refunds=Refusing(refunding.refunds))
    closing = replace(closing, sending_back=replace(closing.sending_back, refunding=refuses))
    closure = closing.close(ACT, refunds=True, now=world.now)
    (bought_one,) = world.purchases.all()
    (left,) = closure.left
    assert left.startswith(f"{bought_one.id}: ")
    assert "It is too old." in left
    assert "Pay 50.00 USD back otherwise" in left


def test_what_is_bought_in_many_pages_goes_back_from_all_of_them_in_more_than_one_plan() -> None:
    world = World()
    card = world.customer()
    for number in range(201):
        world.buy(amount="5.00", card=card, key=f"key-{number}")
        world.advance(hours=2)
    closure = close(world)
    assert closure.complete
    assert sum(closure.refunded_nanos.values()) == 201 * usd("5.00")
    assert world.account().available_nanos == 0
    plans = [world.store.entries[ORG, f"closure#{number}"].details for number in (1, 2)]
    assert [len(plan["refund_cents"]) for plan in plans] == [200, 1]  # type: ignore[arg-type]


def test_no_purchase_is_sent_back_that_was_spent() -> None:
    world = bought("50.00")
    world.buy(amount="20.00", card=world.customer(), key="second")
    world.deduct(amount="50.00", key="a")
    closure = close(world)
    _, second = world.purchases.all()
    assert closure.refunded_nanos == {second.id: usd("20.00")}


def test_what_a_closing_plans_is_kept_under_its_number() -> None:
    world = bought("50.00")
    close(world)
    plans = [key for _, key in world.store.entries if key.startswith("closure#")]
    assert plans == ["closure#1"]


@pytest.mark.parametrize("text", ["5.00", "0.000000001"])
def test_what_was_sent_back_otherwise_after_it_was_planned_is_left_to_a_person(text: str) -> None:
    steps = Steps()
    for world in (bought("50.00"), bought("50.00")):
        Gateway(world=world).fund(text)
        # The first closing tells when a refund is asked for; there the second one dies.
        with suppress(ProcessDiedError):
            close(world, app=world.process(steps))
        steps = Steps(at=steps.calls.index("requests.get"), mishap=Mishap.DIES_BEFORE)
    world.refunds.refund_by_hand(world.payments.payments()[0].id, 5000)
    world.deliver()
    closure = close(world)
    (planned,) = world.purchases.all()
    (left,) = closure.left
    assert left.startswith(f"{planned.id}: ")
    assert "left to refund" in left


def test_the_refund_of_a_closing_is_remembered_by_its_id() -> None:
    world = bought("50.00")
    close(world)
    (planned,) = world.purchases.all()
    (refund,) = world.refunds.all()
    kept = world.ports.requests.get(ORG, "refund", f"closure of {planned.id}")
    assert kept is not None
    assert kept.answer == Answer(status=201, body={"id": refund.id})


def test_a_purchase_is_no_longer_waited_for_after_two_minutes() -> None:
    world = died_before_charging()
    world.advance(minutes=2)
    assert close(world, refunds=False).complete
