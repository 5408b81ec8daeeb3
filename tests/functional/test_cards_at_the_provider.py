"""Cards and customers that change at the payment provider, and the mandates for cards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.billing import TaxId
from chalicelib.domain.errors import ConflictError, ValidationFailedError
from chalicelib.domain.mandate import CardSaving
from chalicelib.domain.notices import NoticeKind
from chalicelib.domain.payment import Card, PaymentRefusedError
from chalicelib.domain.topup import TopUpStatus
from chalicelib.domain.write import Outcome, Stale, Write
from chalicelib.usecases.receiving import Reception
from tests.fakes.laws import assert_settled
from tests.fakes.payments import Behaviour, FakePayments
from tests.fakes.repositories import FakeLedger
from tests.fakes.values import ORG, billing_details, failure, usd
from tests.fakes.world import World

CUSTOMER = f"cus_{ORG}"


def _world() -> World:
    world = World()
    world.app.buyers.set_billing_details(ORG, billing_details(), now=world.now)
    return world


def _save_card(world: World, behaviour: Behaviour = Behaviour.PAYS) -> Card:
    world.advance(seconds=1)
    setup = world.app.buyers.set_up_card(ORG, by="ada", now=world.now)
    card = world.records.save_card(setup.client_secret, behaviour, decline_code="lost_card")
    world.deliver()
    return card


def _paused(world: World) -> list[object]:
    """Why auto top-up was paused, each time."""
    told = [n for n in world.events.published if n.kind is NoticeKind.TOP_UP_PAUSED]
    return [notice.data["failure"] for notice in told]


def _codes(world: World) -> list[str]:
    return [failure["code"] for failure in _paused(world)]  # type: ignore[index]


def test_the_mandate_of_a_saved_card_is_kept_with_who_agreed_and_when() -> None:
    world = _world()
    card = _save_card(world)
    (mandate,) = world.customers.get(ORG).mandates
    assert mandate.payment_method_id == card.payment_method_id
    assert mandate.brand == "visa"
    assert mandate.agreement.agreed_by == "ada"
    assert mandate.agreement.agreed_at == world.now


def test_a_new_card_ends_the_pause_of_a_dead_one_and_is_charged_at_once() -> None:
    world = _world()
    _save_card(world, Behaviour.DECLINES)
    world.order_top_ups(ORG, threshold="10.00", amount="25.00")
    world.deliver()
    assert world.top_ups.get(ORG).status is TopUpStatus.PAUSED
    _save_card(world)
    assert world.account().available_nanos == usd("25.00")
    assert world.top_ups.get(ORG).status is TopUpStatus.IDLE
    assert_settled(world)


def test_the_news_of_a_saved_card_never_ends_a_later_pause() -> None:
    world = _world()
    card = _save_card(world, Behaviour.PAYS)
    (event,) = [{"id": "evt_again", "type": "setup_intent.succeeded", "object_id": "seti_1"}]
    assert world.customers.get(ORG).agreed_in("seti_1")
    world.payments.change_card(card, Behaviour.DECLINES, decline_code="lost_card")
    world.order_top_ups(ORG, threshold="10.00", amount="25.00")
    world.deliver()
    for _ in range(3):
        assert world.app.receiving.receive(event, now=world.now) is Reception.HANDLED
        world.run(hours=1, every=timedelta(minutes=10))
    assert world.top_ups.get(ORG).status is TopUpStatus.PAUSED
    assert len(world.payments.payments()) == 1


def test_late_news_of_a_card_saved_before_the_trouble_does_not_end_it() -> None:
    world = _world()
    setup = world.app.buyers.set_up_card(ORG, by="ada", now=world.now)
    card = world.records.save_card(
        setup.client_secret, Behaviour.DECLINES, decline_code="lost_card"
    )
    (late,) = world.payments.events
    world.payments.forget_events()
    world.advance(minutes=1)
    world.order_top_ups(ORG, threshold="10.00", amount="25.00")
    world.deliver()
    assert world.top_ups.get(ORG).status is TopUpStatus.PAUSED
    world.app.receiving.receive(late, now=world.now)
    assert world.top_ups.get(ORG).status is TopUpStatus.PAUSED
    assert world.customers.get(ORG).mandate_for(card.payment_method_id) is not None


def test_a_new_card_that_is_not_the_chosen_one_ends_no_pause() -> None:
    world = _world()
    dead = _save_card(world, Behaviour.DECLINES)
    world.app.buyers.set_default_card(ORG, dead.payment_method_id, now=world.now)
    world.order_top_ups(ORG, threshold="10.00", amount="25.00")
    world.deliver()
    new = _save_card(world)
    assert world.top_ups.get(ORG).status is TopUpStatus.PAUSED
    world.app.buyers.set_default_card(ORG, new.payment_method_id, now=world.now)
    world.deliver()
    assert world.account().available_nanos == usd("25.00")


def test_when_the_chosen_card_is_gone_another_is_charged() -> None:
    world = _world()
    chosen = _save_card(world)
    other = _save_card(world)
    world.app.buyers.set_default_card(ORG, chosen.payment_method_id, now=world.now)
    world.order_top_ups(ORG, threshold="10.00", amount="25.00", enabled=True)
    world.deliver()
    world.records.detach(chosen)
    world.deliver()
    assert world.customers.get(ORG).default_payment_method_id is None
    assert _paused(world) == []
    world.deduct(ORG, "20.00", key="spent")
    world.deliver()
    assert world.purchases.all()[-1].card == other
    assert_settled(world)


def test_when_the_last_card_is_gone_auto_top_up_is_paused_and_the_customer_told_once() -> None:
    world = _world()
    card = _save_card(world)
    world.buy(ORG, "50.00", card=card)
    world.order_top_ups(ORG, threshold="10.00", amount="25.00")
    world.records.detach(card)
    world.payments.events *= 3
    world.deliver()
    assert world.top_ups.get(ORG).status is TopUpStatus.PAUSED
    assert _codes(world) == ["no_payment_method"]
    world.deduct(ORG, "45.00", key="spent")
    world.run(hours=2, every=timedelta(minutes=10))
    assert _codes(world) == ["no_payment_method"]


def test_a_card_with_a_new_number_or_expiry_is_charged_as_before() -> None:
    world = _world()
    card = _save_card(world)
    world.buy(ORG, "15.00", card=card)
    world.order_top_ups(ORG, threshold="10.00", amount="25.00")
    world.records.replace_card(card, last4="9999", exp_year=2035)
    world.deliver()
    assert _paused(world) == []
    world.deduct(ORG, "10.00", key="spent")
    world.deliver()
    assert world.purchases.all()[-1].card.last4 == "9999"


def test_a_card_of_another_brand_needs_a_new_mandate() -> None:
    world = _world()
    card = _save_card(world)
    world.buy(ORG, "50.00", card=card)
    world.order_top_ups(ORG, threshold="10.00", amount="25.00")
    world.records.replace_card(card, brand="mastercard")
    world.payments.events *= 2
    world.deliver()
    assert _codes(world) == ["card_brand_changed"]
    world.deduct(ORG, "45.00", key="spent")
    world.run(hours=1, every=timedelta(minutes=10))
    assert len(world.payments.payments()) == 1


def test_a_deleted_customer_is_forgotten_and_the_next_card_makes_another() -> None:
    world = _world()
    card = _save_card(world)
    world.buy(ORG, "50.00", card=card)
    world.order_top_ups(ORG, threshold="10.00", amount="25.00")
    world.records.delete_customer(CUSTOMER)
    world.payments.events *= 2
    world.deliver()
    customer = world.customers.get(ORG)
    assert customer.customer_id is None
    assert customer.former_customer_ids == (CUSTOMER,)
    assert _codes(world) == ["no_payment_method"]
    assert world.app.buyers.cards(ORG) == []
    new = _save_card(world)
    assert world.customers.get(ORG).customer_id == f"{CUSTOMER}_1"
    assert world.buy(ORG, "20.00", card=new, key="key-2").status == 201
    world.deliver()
    assert_settled(world)


def test_a_customer_that_is_still_there_is_not_forgotten() -> None:
    world = _world()
    _save_card(world)
    event = {
        "type": "customer.deleted",
        "object_id": CUSTOMER,
        "customer_id": CUSTOMER,
        "organization_id": ORG,
    }
    world.app.receiving.receive(event, now=world.now)
    assert world.customers.get(ORG).customer_id == CUSTOMER


@pytest.mark.parametrize(
    "event",
    [
        {"type": "payment_method.detached", "object_id": "pm_x"},
        {"type": "payment_method.detached", "object_id": "pm_x", "customer_id": "cus_other"},
        {"type": "customer.deleted", "object_id": "cus_x", "customer_id": "cus_x"},
        {
            "type": "customer.deleted",
            "object_id": "cus_x",
            "customer_id": "cus_x",
            "organization_id": ORG,
        },
        {"type": "customer.tax_id.updated", "object_id": "txi_1", "customer_id": "cus_other"},
        {"type": "setup_intent.succeeded", "object_id": "seti_other"},
    ],
    ids=lambda event: f"{event['type']} {len(event)}",
)
def test_what_happens_to_others_is_let_be(event: dict[str, object]) -> None:
    world = _world()
    world.payments.owners["cus_other"] = "somebody-else"
    world.payments.savings["seti_other"] = _foreign_saving()
    before = dict(world.store.saved)
    assert world.app.receiving.receive(event, now=world.now) is Reception.FOREIGN
    assert world.store.saved == before


def test_a_tax_id_that_is_removed_there_but_on_file_here_is_put_back() -> None:
    world = World()
    tax_id = TaxId(type="eu_vat", value="DE123456789")
    details = billing_details(tax_id=tax_id)
    world.app.buyers.set_billing_details(ORG, details, now=world.now)
    world.records.remove_tax_id(CUSTOMER)
    world.payments.events *= 2
    world.deliver()
    assert world.payments.tax_ids[CUSTOMER] == tax_id


def _foreign_saving() -> CardSaving:
    return CardSaving(
        id="seti_other", organization_id=None, customer_id="cus_x", card=None, agreement=None
    )


def test_news_that_are_ours_are_handled_whatever_they_change() -> None:
    world = _world()
    card = _save_card(world)
    setup = world.app.buyers.set_up_card(ORG, by="ada", now=world.now)
    unsaved = next(each for each in world.payments.savings.values() if each.card is None)
    assert setup
    for event in (
        {
            "type": "setup_intent.succeeded",
            "object_id": world.customers.get(ORG).mandates[0].setup_id,
        },
        {"type": "setup_intent.succeeded", "object_id": unsaved.id},
        {"type": "payment_method.updated", "object_id": "pm", "customer_id": CUSTOMER},
        {"type": "customer.tax_id.updated", "object_id": "txi", "customer_id": CUSTOMER},
        {
            "type": "customer.deleted",
            "object_id": CUSTOMER,
            "customer_id": CUSTOMER,
            "organization_id": ORG,
        },
    ):
        assert world.app.receiving.receive(event, now=world.now) is Reception.HANDLED
    assert world.app.buyers.cards(ORG)[0].card == card


def test_news_of_a_customer_that_was_followed_by_another_is_not_acted_upon() -> None:
    world = _world()
    world.payments.owners["cus_former"] = ORG
    world.payments.saved_cards["cus_former"] = []
    cards, taxes = (
        {"type": kind, "object_id": "x", "customer_id": "cus_former"}
        for kind in ("payment_method.detached", "customer.tax_id.updated")
    )
    for event in (cards, taxes):
        assert world.app.receiving.receive(event, now=world.now) is Reception.FOREIGN


def test_a_card_that_is_gone_was_only_chosen_if_it_was() -> None:
    world = _world()
    first, second = _save_card(world), _save_card(world)
    world.app.buyers.set_default_card(ORG, first.payment_method_id, now=world.now)
    version = world.customers.get(ORG).version
    world.records.detach(second)
    world.deliver()
    kept = world.customers.get(ORG)
    assert (kept.default_payment_method_id, kept.version) == (first.payment_method_id, version)


def test_the_card_that_is_charged_is_shown_as_the_default() -> None:
    world = _world()
    first, second = _save_card(world), _save_card(world)
    buyers = world.app.buyers
    assert [(s.card, s.default) for s in buyers.cards(ORG)] == [(second, True), (first, False)]
    chosen = buyers.set_default_card(ORG, first.payment_method_id, now=world.now)
    assert (chosen.card, chosen.default) == (first, True)
    assert [(s.card, s.default) for s in buyers.cards(ORG)] == [(second, False), (first, True)]


def test_choosing_a_card_resumes_what_a_decline_has_paused_and_has_it_looked_after() -> None:
    world = _world()
    card = _save_card(world)
    top_up = world.top_ups.get(ORG)
    world.app.buyers.set_default_card(ORG, card.payment_method_id, now=world.now)
    assert world.top_ups.get(ORG) == top_up, "nothing to resume where nothing was ordered"
    assert world.account().low_since is None
    world.order_top_ups(threshold="10.00")
    world.queue.messages.clear()
    row = world.store.accounts[ORG]
    row.account = replace(row.account, low_since=None)
    world.app.buyers.set_default_card(ORG, card.payment_method_id, now=world.now)
    assert world.account().low_since == world.now
    assert len(world.queue.messages) == 1


def test_a_card_may_go_as_long_as_another_can_be_charged() -> None:
    world = _world()
    first, second = _save_card(world), _save_card(world)
    world.order_top_ups(threshold="10.00")
    world.app.buyers.remove_card(ORG, first.payment_method_id)
    with pytest.raises(ConflictError):
        world.app.buyers.remove_card(ORG, second.payment_method_id)
    assert [saved.card for saved in world.app.buyers.cards(ORG)] == [second]


@pytest.mark.parametrize(
    ("tax_id", "field"),
    [
        (TaxId(type="xx_vat", value="DE123456789"), "tax_id.type"),
        (TaxId(type="eu_vat", value="nothing"), "tax_id.value"),
    ],
)
def test_a_tax_id_that_can_not_be_one_is_refused_before_anything_is_kept(
    tax_id: TaxId, field: str
) -> None:
    world = World()
    with pytest.raises(ValidationFailedError) as refused:
        world.app.buyers.set_billing_details(ORG, billing_details(tax_id=tax_id), now=world.now)
    assert [error.field for error in refused.value.errors] == [field]
    assert world.customers.get(ORG).billing_details is None


def test_a_tax_id_is_kept_here_and_there() -> None:
    world = World()
    tax_id = TaxId(type="eu_vat", value="DE123456789")
    world.app.buyers.set_billing_details(ORG, billing_details(tax_id=tax_id), now=world.now)
    details = world.customers.get(ORG).billing_details
    assert details is not None
    assert details.tax_id == tax_id
    assert world.records.keeps_tax_id(CUSTOMER, tax_id)


def test_a_new_card_that_ends_a_pause_has_the_account_looked_after() -> None:
    world = _world()
    _save_card(world, Behaviour.DECLINES)
    world.order_top_ups(threshold="10.00")
    world.deliver()
    assert world.top_ups.get(ORG).paused
    row = world.store.accounts[ORG]
    row.account = replace(row.account, low_since=None)
    world.advance(seconds=1)
    setup = world.app.buyers.set_up_card(ORG, by="ada", now=world.now)
    world.records.save_card(setup.client_secret, Behaviour.PAYS)
    saving = next(each for each in world.payments.savings.values() if not _known(world, each.id))
    assert world.app.receiving.keeping_cards.card_saved(saving.id, now=world.now)
    assert world.account().low_since == world.now


def _known(world: World, setup_id: str) -> bool:
    return world.customers.get(ORG).agreed_in(setup_id)


def test_a_card_that_answers_no_trouble_has_nobody_looked_after() -> None:
    world = _world()
    _save_card(world)
    assert world.account().low_since is None


def test_a_forgotten_customer_leaves_neither_card_nor_choice_and_the_next_is_its_second() -> None:
    world = _world()
    card = _save_card(world)
    world.app.buyers.set_default_card(ORG, card.payment_method_id, now=world.now)
    customer = world.customers.get(ORG)
    assert customer.mandate_for(card.payment_method_id) == customer.mandates[0]
    assert customer.mandate_for("pm_unknown") is None
    forgotten = customer.forgotten()
    assert forgotten.default_payment_method_id is None
    assert (forgotten.customer_id, forgotten.former_customer_ids) == (None, (CUSTOMER,))
    saved = Write(organization_id=ORG, at=world.now, saves=(forgotten,))
    world.ledger.commit(saved)
    asked: list[int] = []

    class _Counting(FakePayments):
        def create_customer(self, organization_id: str, *, former: int = 0) -> str:
            asked.append(former)
            return super().create_customer(organization_id, former=former)

    buyers = replace(world.app.buyers, payments=_Counting(clock=lambda: world.now))
    buyers.known(ORG, now=world.now)
    assert asked == [1]


def test_a_tax_id_that_the_provider_refuses_is_refused_by_its_field() -> None:
    world = World()

    class _Refusing(FakePayments):
        def set_tax_id(self, customer_id: str, tax_id: TaxId | None) -> None:
            raise PaymentRefusedError(failure(None, code="tax_id_invalid"))

    buyers = replace(world.app.buyers, payments=_Refusing(clock=lambda: world.now))
    tax_id = TaxId(type="eu_vat", value="DE123456789")
    with pytest.raises(ValidationFailedError) as refused:
        buyers.set_billing_details(ORG, billing_details(tax_id=tax_id), now=world.now)
    assert [error.field for error in refused.value.errors] == ["tax_id.value"]


def test_news_of_a_deleted_customer_are_ours_the_first_time_and_again() -> None:
    world = _world()
    _save_card(world)
    world.records.delete_customer(CUSTOMER)
    event = {
        "type": "customer.deleted",
        "object_id": CUSTOMER,
        "customer_id": CUSTOMER,
        "organization_id": ORG,
    }
    for _ in range(2):
        assert world.app.receiving.receive(event, now=world.now) is Reception.HANDLED
    assert world.customers.get(ORG).former_customer_ids == (CUSTOMER,)


def test_a_card_that_goes_has_nobody_looked_after() -> None:
    world = _world()
    first, _ = _save_card(world), _save_card(world)
    world.app.buyers.set_default_card(ORG, first.payment_method_id, now=world.now)
    world.records.detach(first)
    world.queue.messages.clear()
    assert world.app.receiving.keeping_cards.cards_changed(CUSTOMER, now=world.now)
    assert world.customers.get(ORG).default_payment_method_id is None
    assert world.account().low_since is None
    assert not world.queue.messages


def test_who_was_overtaken_while_a_card_went_looks_again() -> None:
    world = _world()
    first, _ = _save_card(world), _save_card(world)
    world.app.buyers.set_default_card(ORG, first.payment_method_id, now=world.now)
    world.records.detach(first)

    class _Overtaken(FakeLedger):
        times = 1

        def commit(self, write: Write) -> Outcome:
            self.times -= 1
            return Stale() if self.times == 0 else super().commit(write)

    keeping = replace(world.app.receiving.keeping_cards, ledger=_Overtaken(world.store))
    assert keeping.cards_changed(CUSTOMER, now=world.now)
    assert world.customers.get(ORG).default_payment_method_id is None
