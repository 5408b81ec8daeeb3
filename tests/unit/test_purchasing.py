"""Buying, and what finishes it: requests, webhooks, looks, the sweep, the invoice job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.api.presenting import purchase_answer
from chalicelib.domain.billing import BillingDetails, TaxId
from chalicelib.domain.errors import (
    BusyError,
    IdempotencyConflictError,
    NotFoundError,
    RequestInProgressError,
    ValidationFailedError,
)
from chalicelib.domain.invoice import CardPayment
from chalicelib.domain.numbering import InvoiceSequence
from chalicelib.domain.payment import Card, ChargeRequest, PaymentRefusedError, PaymentStatus
from chalicelib.domain.purchase import PurchaseStatus, PurchaseType
from chalicelib.domain.tax import Tax, TaxNotes
from chalicelib.domain.write import Outcome, Write
from chalicelib.usecases.invoicing import InvoiceFormat
from chalicelib.usecases.purchasing import Order, charge_request
from chalicelib.usecases.receiving import Reception
from tests.fakes.laws import assert_laws, assert_settled
from tests.fakes.outside import Work
from tests.fakes.payments import Behaviour, Moment
from tests.fakes.ports import wire
from tests.fakes.repositories import FakeLedger
from tests.fakes.steps import Mishap, ProcessDiedError, Steps
from tests.fakes.values import ORG, TAX_NOTES, billing_details, failure, usd
from tests.fakes.world import World


def waiting_for_customer() -> tuple[World, str]:
    """A purchase that needs 3-D Secure, and its payment's id."""
    world = World()
    answer = world.buy(card=world.customer(behaviour=Behaviour.ASKS_CUSTOMER))
    assert answer.status == 201
    assert answer.body["status"] == "requires_action"
    assert answer.body["client_secret"]
    (payment,) = world.payments.payments()
    return world, payment.id


def died_before_charging() -> World:
    """A purchase whose process died just before it asked the provider."""
    world = World()
    card = world.customer()
    steps = Steps()
    world.buy("other", card=world.customer("other"), app=world.process(steps), key="count")
    at = steps.calls.index("payments.charge")
    with pytest.raises(ProcessDiedError):
        world.buy(card=card, app=world.process(Steps(at=at, mishap=Mishap.DIES_BEFORE)))
    assert [p.status for p in world.purchases.all() if p.organization_id == ORG] == [
        PurchaseStatus.PENDING
    ]
    return world


def test_a_purchase_is_credited_before_it_is_answered() -> None:
    world = World()
    answer = world.buy(card=world.customer())
    assert (answer.status, answer.body["status"]) == (201, "succeeded")
    assert world.account().available_nanos == usd("50.00")
    assert answer.body["invoice"] is not None
    world.deliver()
    assert_settled(world)


def test_the_same_key_buys_once_and_answers_the_same_for_ever() -> None:
    world = World()
    card = world.customer()
    first = world.buy(card=card)
    world.run(days=400, every=timedelta(days=1))
    assert [world.buy(card=card) for _ in range(3)] == [first] * 3
    assert len(world.purchases.all()) == 1


def test_the_same_key_for_another_order_is_a_conflict() -> None:
    world = World()
    card = world.customer()
    world.buy(card=card)
    with pytest.raises(IdempotencyConflictError):
        world.buy(card=card, amount="51.00")
    with pytest.raises(IdempotencyConflictError):
        world.buy(card=world.customer())
    assert len(world.payments.payments()) == 1


def test_the_same_key_of_two_organizations_is_two_keys() -> None:
    world = World()
    for name in ("acme", "bolt"):
        assert world.buy(name, card=world.customer(name)).status == 201
    assert len(world.purchases.all()) == 2


def test_a_repetition_while_the_first_is_at_work_is_asked_to_wait() -> None:
    world = died_before_charging()
    with pytest.raises(RequestInProgressError) as refused:
        world.buy(card=world.payments.cards("cus_acme")[0])
    assert refused.value.retry_after_seconds is not None


def test_a_repetition_takes_over_from_a_dead_process() -> None:
    world = died_before_charging()
    world.advance(seconds=46)
    answer = world.buy(card=world.payments.cards("cus_acme")[0])
    assert answer.body["status"] == "succeeded"
    assert world.account().available_nanos == usd("50.00")


def test_the_sweep_makes_a_charge_that_never_arrived_while_it_is_fresh() -> None:
    world = died_before_charging()
    world.advance(minutes=14)
    world.sweep()
    assert world.account().available_nanos == usd("50.00")


def test_the_sweep_cancels_a_charge_that_never_arrived_and_is_not_fresh() -> None:
    world = died_before_charging()
    world.advance(minutes=16)
    world.sweep()
    (purchase,) = [p for p in world.purchases.all() if p.organization_id == ORG]
    assert (purchase.status, purchase.failure) == (PurchaseStatus.CANCELED, None)
    assert [p.organization_id for p in world.payments.payments()] == ["other"]


def test_a_repetition_after_days_charges_nothing_any_more() -> None:
    world = died_before_charging()
    world.advance(days=3)
    with pytest.raises(RequestInProgressError):
        world.buy(card=world.payments.cards("cus_acme")[0])
    world.sweep()
    world.advance(minutes=1)
    answer = world.buy(card=world.payments.cards("cus_acme")[0])
    assert answer.body["status"] == "canceled"
    assert [p.organization_id for p in world.payments.payments()] == ["other"]


@pytest.mark.parametrize("moment", list(Moment))
def test_an_outage_is_told_and_the_same_key_finishes_it(moment: Moment) -> None:
    world = World()
    card = world.customer()
    world.payments.fail_next("charge", moment)
    with pytest.raises(BusyError) as busy:
        world.buy(card=card)
    assert busy.value.retry_after_seconds == 60
    world.advance(minutes=1)
    assert world.buy(card=card).body["status"] == "succeeded"
    assert [p.amount_cents for p in world.payments.payments()] == [5000]
    assert_laws(world)


def test_a_decline_is_cancelled_so_that_nobody_can_pay_it_later() -> None:
    world = World()
    card = world.customer(behaviour=Behaviour.DECLINES, decline_code="lost_card")
    answer = world.buy(card=card)
    assert answer.status == 402
    assert answer.body["decline_code"] == "lost_card"
    assert [p.status for p in world.payments.payments()] == [PaymentStatus.CANCELED]
    assert world.purchases.all()[0].status is PurchaseStatus.FAILED


def test_a_card_that_the_provider_refuses_fails_the_purchase() -> None:
    world = World()
    card = world.customer()
    world.payments.before["charge"] = lambda: world.payments.remove_card(card.payment_method_id)
    assert world.buy(card=card).status == 402
    assert world.purchases.all()[0].status is PurchaseStatus.FAILED
    assert_settled(world)


def test_a_customer_who_passes_the_challenge_is_credited_by_the_webhook() -> None:
    world, payment_id = waiting_for_customer()
    world.payments.authenticate(payment_id)
    world.deliver()
    assert world.account().available_nanos == usd("50.00")
    assert_settled(world)


def test_a_customer_who_passes_the_challenge_is_credited_when_they_look() -> None:
    world, payment_id = waiting_for_customer()
    world.payments.authenticate(payment_id)
    (purchase,) = world.purchases.all()
    bought = world.app.purchasing.find(ORG, purchase.id, now=world.now)
    assert bought.purchase.status is PurchaseStatus.SUCCEEDED
    assert bought.client_secret is None
    assert world.account().available_nanos == usd("50.00")


def test_looking_again_tells_the_secret_while_the_customer_must_act() -> None:
    world, _ = waiting_for_customer()
    (purchase,) = world.purchases.all()
    bought = world.app.purchasing.find(ORG, purchase.id, now=world.now)
    assert bought.client_secret is not None
    assert bought.purchase.status is PurchaseStatus.REQUIRES_ACTION


def test_a_customer_who_fails_the_challenge_has_a_failed_purchase() -> None:
    world, payment_id = waiting_for_customer()
    world.payments.authenticate(payment_id, passes=False)
    world.deliver()
    (purchase,) = world.purchases.all()
    assert purchase.status is PurchaseStatus.FAILED
    assert purchase.failure is not None
    assert purchase.failure.code == "payment_intent_authentication_failure"


def test_a_customer_who_goes_away_has_a_cancelled_purchase_after_an_hour() -> None:
    world, payment_id = waiting_for_customer()
    world.run(minutes=59)
    assert world.purchases.all()[0].status is PurchaseStatus.REQUIRES_ACTION
    world.run(minutes=10)
    assert world.purchases.all()[0].status is PurchaseStatus.CANCELED
    world.payments.authenticate(payment_id)
    world.run(hours=1)
    assert world.account().available_nanos == 0
    assert_settled(world)


@pytest.mark.parametrize("passes", [True, False])
def test_a_bank_that_takes_its_time_is_waited_for(*, passes: bool) -> None:
    world = World()
    answer = world.buy(card=world.customer(behaviour=Behaviour.TAKES_TIME))
    assert answer.body["status"] == "processing"
    world.run(days=2, every=timedelta(hours=1))
    (payment,) = world.payments.payments()
    world.payments.finish(payment.id, passes=passes)
    world.payments.forget_events()
    world.run(days=1, every=timedelta(hours=1))
    assert world.account().available_nanos == (usd("50.00") if passes else 0)
    assert_settled(world)


@pytest.mark.parametrize("copies", [2, 5])
def test_an_event_that_comes_again_changes_nothing(copies: int) -> None:
    world, payment_id = waiting_for_customer()
    world.payments.authenticate(payment_id)
    for _ in range(copies):
        world.payments.events.append(world.payments.events[-1])
    world.deliver()
    assert world.account().available_nanos == usd("50.00")
    assert len(world.invoices.all()) == 1


def test_an_event_out_of_order_tells_how_things_are_now() -> None:
    world, payment_id = waiting_for_customer()
    failed = {"id": "evt_x", "type": "payment_intent.payment_failed", "object_id": payment_id}
    world.payments.authenticate(payment_id)
    world.payments.events.append(failed)
    world.deliver()
    assert world.purchases.all()[0].status is PurchaseStatus.SUCCEEDED


def test_events_of_other_kinds_are_let_be() -> None:
    world = World()
    receive = world.app.receiving.receive
    irrelevant = {"id": "evt_1", "type": "invoice.created", "object_id": "in_1"}
    assert receive(irrelevant, now=world.now) is Reception.IRRELEVANT


def order(**changes: Any) -> Order:
    plain = Order(
        organization_id=ORG,
        amount_nanos=usd("50.00"),
        payment_method_id="pm_none",
        billing_details=None,
        tax_id=None,
        keeps_tax_id=True,
        ordered_by="ada",
    )
    return replace(plain, **changes)


def test_nothing_is_begun_without_a_card_or_without_billing_details() -> None:
    world = World()
    with pytest.raises(ValidationFailedError) as refused:
        world.app.purchasing.buy(order(), key="k", present=purchase_answer, now=world.now)
    assert [error.field for error in refused.value.errors] == ["payment_method_id"]
    card = world.payments.add_card("cus_acme")
    chosen = order(payment_method_id=card.payment_method_id)
    with pytest.raises(ValidationFailedError) as refused:
        world.app.purchasing.buy(chosen, key="k", present=purchase_answer, now=world.now)
    assert [error.field for error in refused.value.errors] == ["billing_details"]
    assert world.purchases.all() == []
    world.app.buyers.set_billing_details(ORG, billing_details(), now=world.now)
    assert world.buy(card=card, key="k").status == 201, "the key was not used up"


def test_the_invoice_names_the_buyer_as_they_were_at_the_purchase() -> None:
    world = World()
    card = world.customer(details=billing_details("Old Name", TaxId(type="eu_vat", value="DE1")))
    world.buy(card=card)
    world.app.buyers.set_billing_details(ORG, billing_details("New Name"), now=world.now)
    world.deliver()
    (issued,) = world.invoices.all()
    assert issued.invoice.buyer.name == "Old Name"
    assert b"Old Name" in world.documents.get(f"invoices/{ORG}/{issued.invoice.number}.pdf")


def test_somebody_elses_purchase_is_not_found() -> None:
    world = World()
    world.buy(card=world.customer())
    (purchase,) = world.purchases.all()
    with pytest.raises(NotFoundError):
        world.app.purchasing.find("bolt", purchase.id, now=world.now)
    with pytest.raises(NotFoundError):
        world.app.invoicing.link("bolt", purchase.id, InvoiceFormat.PDF, now=world.now)


def test_an_invoice_is_linked_once_its_file_is_stored() -> None:
    world = World()
    world.buy(card=world.customer())
    (purchase,) = world.purchases.all()
    link = world.app.invoicing.link(ORG, purchase.id, InvoiceFormat.PDF, now=world.now)
    assert (link.number, link.url) == ("2026-000001", None)
    assert link.expires_at == world.now + timedelta(minutes=5)
    world.deliver()
    link = world.app.invoicing.link(ORG, purchase.id, InvoiceFormat.PDF, now=world.now)
    assert link.url is not None


def test_a_purchase_that_did_not_succeed_has_no_invoice() -> None:
    world = World()
    world.buy(card=world.customer(behaviour=Behaviour.DECLINES))
    (purchase,) = world.purchases.all()
    with pytest.raises(NotFoundError):
        world.app.invoicing.link(ORG, purchase.id, InvoiceFormat.PDF, now=world.now)


def test_an_invoice_job_that_is_lost_is_sent_again_by_the_sweep() -> None:
    world = World()
    world.queue.drops = 1
    world.buy(card=world.customer())
    world.deliver()
    assert not world.invoices.all()[0].rendered
    world.run(minutes=4)
    assert world.invoices.all()[0].rendered
    assert world.sweep().invoices == 0, "a stored one is not due"


def test_an_invoice_job_for_no_invoice_is_a_bug() -> None:
    world = World()
    with pytest.raises(LookupError):
        world.app.invoicing.store(ORG, "2026-000001", now=world.now)


def test_a_file_is_never_stored_twice() -> None:
    world = World()
    world.buy(card=world.customer())
    (job,) = world.queue.waiting(Work.INVOICE)
    world.queue.messages += [job, job]
    world.deliver()
    assert len(world.documents.files) == 2, "PDF and HTML"
    assert_settled(world)


class RivalLedger(FakeLedger):
    """A ledger in which somebody else buys just before each commit, so many times."""

    def __init__(self, world: World, times: int) -> None:
        super().__init__(world.store)
        self._world = world
        self._left = times

    def commit(self, write: Write) -> Outcome:
        if self._left and any(isinstance(value, InvoiceSequence) for value in write.saves):
            self._left -= 1
            key = f"rival-{self._left}"
            card = self._world.payments.cards("cus_rival")[0]
            self._world.buy("rival", "5.00", card=card, key=key)
        return super().commit(write)


@pytest.mark.parametrize("rivals", [1, 30])
def test_rivals_for_an_invoice_number_each_get_one_of_their_own(rivals: int) -> None:
    world = World()
    card = world.customer()
    world.customer("rival")
    app = wire(replace(world.ports, ledger=RivalLedger(world, rivals)))
    assert world.buy(card=card, app=app).body["status"] == "succeeded"
    assert world.pause.pauses == rivals
    assert len(world.invoices.all()) == rivals + 1
    assert_laws(world)


def test_too_many_rivals_leave_it_to_the_sweep() -> None:
    world = World()
    card = world.customer()
    world.customer("rival")
    app = wire(replace(world.ports, ledger=RivalLedger(world, 60)))
    with pytest.raises(BusyError):
        world.buy(card=card, app=app)
    assert_laws(world)
    world.run(minutes=3)
    assert world.account().available_nanos == usd("50.00")
    assert_settled(world)


def test_a_purchase_that_fails_does_not_keep_the_others_from_the_sweep() -> None:
    world = World()
    names = ["a", "b", "c"]
    for name in names:
        card = world.customer(name, Behaviour.ASKS_CUSTOMER)
        world.buy(name, card=card)
    for payment in world.payments.payments():
        world.payments.authenticate(payment.id)
    world.payments.forget_events()
    world.advance(minutes=10)
    world.payments.fail_next("payment")
    swept = world.sweep()
    assert (swept.purchases, len(swept.failures)) == (3, 1)
    assert sum(world.account(name).available_nanos for name in names) == usd("100.00")
    world.run(minutes=10)
    assert_settled(world)


def ordered(card: Card, **changes: Any) -> Order:
    order = Order(
        organization_id=ORG,
        amount_nanos=usd("50.00"),
        payment_method_id=card.payment_method_id,
        billing_details=None,
        tax_id=None,
        keeps_tax_id=True,
        ordered_by="ada",
    )
    return replace(order, **changes)


def test_an_answer_says_if_it_is_an_old_one() -> None:
    world = World()
    order, buying = ordered(world.customer()), world.app.purchasing
    said = [buying.buy(order, key="a", present=purchase_answer, now=world.now) for _ in range(2)]
    assert [old for _, old in said] == [False, True]
    assert said[0][0] == said[1][0]


@pytest.mark.parametrize(
    ("keeps", "told", "kept"),
    [(True, None, "DE123456789"), (False, None, None), (False, "DE987654321", "DE987654321")],
)
def test_a_tax_id_stays_on_file_unless_the_order_says_something_of_it(
    told: str | None, kept: str | None, *, keeps: bool
) -> None:
    world = World()
    on_file = TaxId(type="eu_vat", value="DE123456789")
    card = world.customer(details=billing_details(tax_id=on_file))
    tax_id = None if told is None else TaxId(type="eu_vat", value=told)
    order = ordered(card, keeps_tax_id=keeps, tax_id=tax_id)
    world.app.purchasing.buy(order, key="a", present=purchase_answer, now=world.now)
    (purchase,) = world.purchases.all()
    assert purchase.billing_details.tax_id == (
        None if kept is None else TaxId(type="eu_vat", value=kept)
    )


@dataclass(frozen=True, slots=True)
class Fifth:
    """The Taxes port: a fifth on top, or a refusal of the address."""

    refuses: bool = False

    def quote(self, amount_nanos: int, buyer: BillingDetails) -> Tax:
        """See the port."""
        if self.refuses:
            raise PaymentRefusedError(failure(None, code="address_invalid"))
        return Tax(amount_nanos=amount_nanos // 5, rate_percent="20", calculation_id="taxcalc_1")


def test_what_is_charged_for_whom_and_why_is_told_to_the_provider_with_its_tax() -> None:
    world = World()
    card = world.customer()
    app = wire(replace(world.ports, taxes=Fifth()))
    assert app.purchasing.preview(ordered(card)) == Fifth().quote(usd("50.00"), billing_details())
    world.buy(card=card, app=app)
    (purchase,) = world.purchases.all()
    (payment,) = world.payments.payments()
    assert world.payments.request_of(payment.id) == ChargeRequest(
        organization_id=ORG,
        purchase_id=purchase.id,
        customer_id=purchase.customer_id,
        payment_method_id=card.payment_method_id,
        amount_cents=6000,
        description="AI gateway credits",
        off_session=False,
        tax_calculation_id="taxcalc_1",
    )
    automatic = charge_request(replace(purchase, type=PurchaseType.AUTO_TOP_UP))
    assert (automatic.description, automatic.off_session) == (
        "AI gateway credits, auto top-up",
        True,
    )


def test_the_invoice_and_the_ledger_say_what_was_bought_paid_and_taxed() -> None:
    world = World()
    notes = TaxNotes(general="Small business.", reverse_charge="Reverse charge.")
    app = wire(replace(world.ports, taxes=Fifth()))
    concluding = replace(app.concluding, tax_notes=notes)
    card = world.customer()
    world.buy(
        card=card, app=replace(app, purchasing=replace(app.purchasing, concluding=concluding))
    )
    (purchase,) = world.purchases.all()
    (issued,) = world.invoices.due(world.now + timedelta(days=1), 10)
    invoice = issued.invoice
    assert (invoice.net_nanos, invoice.tax_nanos) == (usd("50.00"), usd("10.00"))
    assert (invoice.tax_rate_percent, invoice.tax_note) == ("20", "Small business.")
    assert invoice.payment == CardPayment(brand="visa", last4=card.last4, paid_at=world.now)
    entry = world.ledger.entry(ORG, f"purchase#{purchase.id}")
    assert entry is not None
    assert entry.details == {"purchase_id": purchase.id, "invoice_number": invoice.number}


def test_a_buyer_whose_reverse_charge_applies_reads_the_note_about_it() -> None:
    world = World()
    details = billing_details(tax_id=TaxId(type="eu_vat", value="DE123456789"))
    world.buy(card=world.customer(details=details))
    (issued,) = world.invoices.due(world.now + timedelta(days=1), 10)
    assert issued.invoice.tax_note == TAX_NOTES.reverse_charge


def test_an_address_that_can_not_be_taxed_is_refused_by_its_field() -> None:
    world = World()
    app = wire(replace(world.ports, taxes=Fifth(refuses=True)))
    with pytest.raises(ValidationFailedError) as refused:
        world.buy(card=world.customer(), app=app)
    assert [error.field for error in refused.value.errors] == ["billing_details"]


def test_a_purchase_that_fails_keeps_the_payment_that_came_to_nothing() -> None:
    world = World()
    world.buy(card=world.customer(behaviour=Behaviour.DECLINES))
    (purchase,) = world.purchases.all()
    (payment,) = world.payments.payments()
    assert purchase.payment_id == payment.id


def test_an_event_of_a_payment_that_is_not_ours_is_somebody_elses() -> None:
    world = World()
    world.buy(card=world.customer())
    (payment,) = world.payments.payments()
    refund = world.refunds.refund_by_hand(payment.id, 100)
    paid = {"type": "payment_intent.succeeded", "object_id": payment.id}
    refunded = {"type": "refund.created", "object_id": refund.id}
    for event in (paid, refunded):
        assert world.app.receiving.receive(event, now=world.now) is Reception.HANDLED
    charged = world.payments._of(payment.id)
    charged.payment = replace(payment, organization_id=None, purchase_id=None)
    for event in (paid, refunded):
        assert world.app.receiving.receive(event, now=world.now) is Reception.FOREIGN
