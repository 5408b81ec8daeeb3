"""Auto top-up over the whole system: who is charged, when, and who must act before it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.account import Account
from chalicelib.domain.errors import ConflictError, NotFoundError
from chalicelib.domain.notices import NoticeKind
from chalicelib.domain.payment import ChargeRequest, Payment, PaymentRefusedError, PaymentStatus
from chalicelib.domain.purchase import PurchaseType
from chalicelib.domain.topup import Decision, TopUp, TopUpStatus
from chalicelib.domain.write import Write
from tests.fakes.laws import assert_limit, assert_settled
from tests.fakes.payments import Behaviour, FakePayments, Moment
from tests.fakes.ports import wire
from tests.fakes.repositories import FakeLedger, FakeTopUps
from tests.fakes.values import ORG, billing_details, failure, report, usd
from tests.fakes.world import World


def drained(behaviour: Behaviour = Behaviour.PAYS, *, limit: str | None = None) -> World:
    """An account of 5.00 with a standing order, below its threshold of 10.00."""
    world = World()
    card = world.customer()
    world.buy(card=card, amount="20.00")
    world.payments.change_card(card, behaviour)
    world.deliver()
    world.order_top_ups(limit=limit)
    world.use(report("drain", "15.00"))
    return world


def charges(world: World) -> list[PaymentStatus]:
    """How the automatic charges stand, oldest first."""
    automatic = {p.id for p in world.purchases.all() if p.type is PurchaseType.AUTO_TOP_UP}
    return [p.status for p in world.payments.payments() if p.purchase_id in automatic]


def test_an_account_that_falls_below_its_threshold_is_topped_up_once() -> None:
    world = drained()
    for _ in range(5):
        world.queue.top_up_hint(ORG)
    world.run(minutes=10)
    assert charges(world) == [PaymentStatus.SUCCEEDED]
    assert world.account().available_nanos == usd("30.00")
    assert_settled(world)


def test_it_is_charged_off_session_for_the_standing_order_of_a_named_person() -> None:
    world = drained()
    world.deliver()
    (automatic,) = [p for p in world.purchases.all() if p.type is PurchaseType.AUTO_TOP_UP]
    assert automatic.created_by == "ada"
    assert world.payments.request_of(automatic.payment_id or "").off_session


def test_one_that_is_still_low_afterwards_is_topped_up_again() -> None:
    world = drained()
    world.use(report("much", "60.00"))
    world.run(minutes=10)
    assert charges(world) == [PaymentStatus.SUCCEEDED] * 3
    assert world.account().available_nanos == usd("20.00")


def test_the_monthly_limit_ends_it_until_the_next_month_begins() -> None:
    world = drained(limit="60.00")
    world.use(report("much", "100.00"))
    world.run(minutes=10)
    assert charges(world) == [PaymentStatus.SUCCEEDED] * 2
    world.run(days=7)
    assert len(charges(world)) == 2, "it is still November"
    world.run(days=1)
    assert len(charges(world)) == 4, "December has room for two more"
    assert_limit(world, ORG, usd("60.00"))
    assert_settled(world)


def test_turning_it_on_below_the_threshold_charges_at_once() -> None:
    world = World()
    world.customer()
    world.order_top_ups()
    world.deliver()
    assert world.account().available_nanos == usd("25.00")


class MeanwhileLedger(FakeLedger):
    """A ledger in which something happens right after an account was read."""

    def __init__(self, world: World, meanwhile: Callable[[], object]) -> None:
        super().__init__(world.store)
        self._meanwhile: list[Callable[[], object]] = [meanwhile]

    def account(self, organization_id: str) -> Account:
        found = super().account(organization_id)
        while self._meanwhile:
            self._meanwhile.pop()()
        return found


def test_a_deduction_made_while_it_is_turned_on_is_not_overlooked() -> None:
    """It is covered by the old rules, and the new ones are saved for the balance before it."""
    world = World()
    world.buy(card=world.customer(), amount="20.00")
    world.run(minutes=1)
    ledger = MeanwhileLedger(world, lambda: world.deduct(amount="15.00", key="meanwhile"))
    world.order_top_ups(app=wire(replace(world.ports, ledger=ledger)))
    world.run(minutes=2)
    assert charges(world) == [PaymentStatus.SUCCEEDED]
    assert world.account().available_nanos == usd("30.00")


def test_it_needs_a_card_and_billing_details() -> None:
    world = World()
    with pytest.raises(ConflictError, match="payment method"):
        world.order_top_ups()
    customer_id = world.payments.create_customer(ORG)
    world.app.buyers.known(ORG, now=world.now)
    world.payments.add_card(customer_id)
    with pytest.raises(ConflictError, match="billing details"):
        world.order_top_ups()
    world.app.buyers.set_billing_details(ORG, billing_details(), now=world.now)
    assert world.order_top_ups().enabled
    world.order_top_ups(enabled=False)


def test_turned_off_it_charges_nothing_more() -> None:
    world = drained()
    world.queue.take()
    world.order_top_ups(enabled=False)
    world.queue.top_up_hint(ORG)
    world.run(minutes=10)
    assert charges(world) == []
    assert world.account().low_since is None, "nobody looks any more"
    assert world.account().floor_nanos == 0


def test_turned_off_while_it_is_charging_the_charge_is_still_credited() -> None:
    world = drained(Behaviour.TAKES_TIME)
    world.deliver()
    world.order_top_ups(enabled=False)
    (open_id,) = [p.payment_id for p in world.purchases.all() if not p.final]
    world.payments.finish(open_id or "")
    world.run(minutes=2)
    assert world.account().available_nanos == usd("30.00")
    assert_settled(world)


def test_declines_back_off_and_then_pause_and_only_a_person_resumes() -> None:
    world = drained(Behaviour.DECLINES)
    world.run(days=3)
    assert charges(world) == [PaymentStatus.CANCELED] * 4
    top_up = world.top_ups.get(ORG)
    assert top_up.status is TopUpStatus.PAUSED
    assert world.top_ups.due(world.now, 10) == []
    assert world.ledger.low_accounts(10) == [], "a pause costs the sweep nothing"
    world.payments.change_card(world.payments.cards("cus_acme")[0], Behaviour.PAYS)
    world.use(report("more", "1.00"))
    world.run(days=1)
    assert len(charges(world)) == 4, "a good card alone resumes nothing"
    world.order_top_ups()
    world.deliver()
    assert charges(world)[-1] is PaymentStatus.SUCCEEDED


def test_another_card_resumes_it_though_no_usage_says_so() -> None:
    world = drained(Behaviour.DECLINES)
    world.run(days=1)
    assert world.top_ups.get(ORG).status is TopUpStatus.PAUSED
    other = world.customer()
    world.app.buyers.set_default_card(ORG, other.payment_method_id, now=world.now)
    world.run(minutes=2)
    assert charges(world)[-1] is PaymentStatus.SUCCEEDED
    assert world.account().available_nanos == usd("30.00")
    assert_settled(world)


def test_a_card_of_nobody_resumes_nothing() -> None:
    world = drained(Behaviour.DECLINES)
    world.run(days=1)
    with pytest.raises(NotFoundError):
        world.app.buyers.set_default_card(ORG, "pm_nobodys", now=world.now)
    assert world.top_ups.get(ORG).status is TopUpStatus.PAUSED


def test_a_card_tried_too_often_is_not_tried_again_this_month() -> None:
    world = drained(Behaviour.DECLINES)
    for _ in range(8):
        world.order_top_ups()
        world.run(hours=8)
    assert len(charges(world)) == 15
    top_up = world.top_ups.get(ORG)
    assert top_up.status is TopUpStatus.PAUSED
    assert top_up.last_failure is not None
    assert top_up.last_failure.failure.code == "too_many_attempts"


def test_without_any_card_it_pauses_and_says_why() -> None:
    world = drained()
    world.payments.remove_card(world.payments.cards("cus_acme")[0].payment_method_id)
    world.run(minutes=5)
    top_up = world.top_ups.get(ORG)
    assert top_up.status is TopUpStatus.PAUSED
    assert top_up.last_failure is not None
    assert top_up.last_failure.failure.code == "no_payment_method"


@pytest.mark.parametrize("moment", list(Moment))
def test_an_outage_is_no_decline_and_the_charge_is_found_or_made_afterwards(
    moment: Moment,
) -> None:
    world = drained()
    world.payments.fail_next("charge", moment)
    world.app.topping_up.consider(ORG, now=world.now)
    assert world.top_ups.get(ORG).status is TopUpStatus.CHARGING
    world.payments.forget_events()
    world.run(minutes=3)
    assert charges(world) == [PaymentStatus.SUCCEEDED]
    assert world.account().available_nanos == usd("30.00")
    assert world.top_ups.get(ORG).declines_in_a_row == 0
    assert_settled(world)


def test_an_outage_of_an_hour_costs_no_attempt_and_ends_in_one_charge() -> None:
    world = drained()
    for method in ("charge", "payment_of", "cards"):
        world.payments.fail_next(method, times=10**6)
    world.run(hours=1)
    assert charges(world) == []
    world.payments.end_outages()
    world.run(hours=1)
    assert charges(world) == [PaymentStatus.SUCCEEDED]
    assert world.account().available_nanos == usd("30.00")
    assert_settled(world)


def test_the_bank_that_asks_for_the_customer_is_waited_for_a_day() -> None:
    world = drained(Behaviour.ASKS_CUSTOMER)
    world.run(hours=23)
    assert world.top_ups.get(ORG).status is TopUpStatus.ACTION_REQUIRED
    assert charges(world) == [PaymentStatus.REQUIRES_ACTION]
    world.run(hours=6)
    assert charges(world)[0] is PaymentStatus.CANCELED
    assert_settled(world)


def test_the_customer_who_acts_in_time_gets_the_credits_by_the_webhook() -> None:
    world = drained(Behaviour.ASKS_CUSTOMER)
    world.deliver()
    (open_id,) = [p.payment_id for p in world.purchases.all() if not p.final]
    world.payments.authenticate(open_id or "")
    world.deliver()
    assert world.account().available_nanos == usd("30.00")
    assert world.top_ups.get(ORG).status is TopUpStatus.IDLE


def test_the_last_card_can_not_be_removed_while_it_is_on() -> None:
    world = drained()
    (card,) = world.payments.cards("cus_acme")
    with pytest.raises(ConflictError):
        world.app.buyers.remove_card(ORG, card.payment_method_id)
    world.order_top_ups(enabled=False)
    world.app.buyers.remove_card(ORG, card.payment_method_id)
    assert world.payments.cards("cus_acme") == []


def test_a_hint_about_somebody_unheard_of_does_nothing() -> None:
    world = World()
    assert world.app.topping_up.consider("nobody", now=world.now) is Decision.OFF
    assert world.store.accounts == {}


def test_a_hint_that_is_overtaken_between_its_reads_charges_nothing_more() -> None:
    """Found by fifty hints at once: the slot was free again, the balance was the one before."""
    world = drained()
    world.queue.take()
    overtaken: list[bool] = []

    def overtake() -> None:
        if not overtaken:
            overtaken.append(True)
            world.app.topping_up.consider(ORG, now=world.now)

    class SlowLedger(FakeLedger):
        def account(self, organization_id: str) -> Account:
            account = super().account(organization_id)
            overtake()
            return account

    class SlowTopUps(FakeTopUps):
        def get(self, organization_id: str) -> TopUp:
            top_up = super().get(organization_id)
            overtake()
            return top_up

    slow = wire(
        replace(world.ports, ledger=SlowLedger(world.store), top_ups=SlowTopUps(world.store))
    )
    slow.topping_up.consider(ORG, now=world.now)
    assert charges(world) == [PaymentStatus.SUCCEEDED]


@pytest.mark.parametrize(
    ("has_card", "code"), [(True, "no_billing_details"), (False, "no_payment_method")]
)
def test_without_means_it_is_paused_and_the_customer_told_what_is_missing(
    code: str, *, has_card: bool
) -> None:
    world = drained()
    customer = world.customers.get(ORG)
    if has_card:
        bare = replace(customer, billing_details=None, version=customer.version + 1)
        world.ledger.commit(Write(organization_id=ORG, at=world.now, saves=(bare,)))
    else:
        for card in world.payments.cards(customer.customer_id or ""):
            world.payments.remove_card(card.payment_method_id)
    assert world.app.topping_up.consider(ORG, now=world.now) is Decision.PAUSED
    last = world.top_ups.get(ORG).last_failure
    assert last is not None
    told = [n.data["failure"] for n in world.notices.all() if n.kind is NoticeKind.TOP_UP_PAUSED]
    assert [failed["code"] for failed in told] == [last.failure.code]  # type: ignore[index]
    assert last.failure.code == code


def test_a_charge_that_the_provider_refuses_fails_for_its_reason() -> None:
    world = drained()

    class _Refusing(FakePayments):
        def charge(self, request: ChargeRequest) -> Payment:
            raise PaymentRefusedError(failure(None, code="customer_unknown"))

    payments: Any = _Charging(world.payments, _Refusing(clock=lambda: world.now))
    topping_up = replace(world.app.topping_up, payments=payments)
    topping_up.consider(ORG, now=world.now)
    (failed,) = (p for p in world.purchases.all() if p.type is PurchaseType.AUTO_TOP_UP)
    assert failed.failure is not None
    assert failed.failure.code == "customer_unknown"


class _Charging:
    """The Payments port: cards of one, charges of another."""

    def __init__(self, cards: FakePayments, charges: FakePayments) -> None:
        self.cards = cards.cards
        self.charge = charges.charge


def test_a_standing_order_that_nobody_is_known_to_have_given_buys_in_its_own_name() -> None:
    world = drained()
    top_up = world.top_ups.get(ORG)
    nameless = replace(top_up, enabled_by=None, version=top_up.version + 1)
    world.ledger.commit(Write(organization_id=ORG, at=world.now, saves=(nameless,)))
    assert world.app.topping_up.consider(ORG, now=world.now) is Decision.CHARGE
    (bought,) = (p for p in world.purchases.all() if p.type is PurchaseType.AUTO_TOP_UP)
    assert bought.created_by == "auto_top_up"
