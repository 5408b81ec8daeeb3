"""Customers, saved cards, declines and 3-D Secure, driven by stripe-python's own client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from devstack.stripe.server import LocalStripe
from tests.devstack.stripe.conftest import types_of

Control = Callable[..., dict[str, Any]]
SaveCard = Callable[[str], str]


def charge(client: stripe.StripeClient, customer: str, card: str, **more: Any) -> Any:
    return pay(client, customer=customer, payment_method=card, off_session=True, **more)


def charge_on_session(client: stripe.StripeClient, customer: str, card: str, **more: Any) -> Any:
    only_cards = {"allowed_payment_method_types": ["card"]}
    return pay(client, customer=customer, payment_method=card, **only_cards, **more)


def pay(client: stripe.StripeClient, **params: Any) -> Any:
    wanted: Any = {"amount": 5_000, "currency": "usd", "confirm": True, **params}
    return client.v1.payment_intents.create(params=wanted)


def test_a_customer_lives_from_creation_to_deletion(
    client: stripe.StripeClient, local: LocalStripe
) -> None:
    customers = client.v1.customers
    made = customers.create(params={"name": "Ada", "address": {"country": "GB", "city": "London"}})
    assert made.address is not None
    assert made.address.to_dict() == {
        "city": "London",
        "country": "GB",
        "line1": None,
        "line2": None,
        "postal_code": None,
        "state": None,
    }
    assert customers.update(made.id, params={"name": "Ada L."}).name == "Ada L."
    assert customers.retrieve(made.id).name == "Ada L."
    assert customers.delete(made.id).deleted is True
    assert customers.retrieve(made.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        customers.update(made.id, params={"name": "x"})
    assert types_of(local) == ["customer.created", "customer.updated", "customer.deleted"]
    assert local.state.all("event")[1]["data"]["previous_attributes"] == {"name": "Ada"}


def test_an_update_that_changes_nothing_is_no_event(
    client: stripe.StripeClient, local: LocalStripe
) -> None:
    made = client.v1.customers.create(params={"name": "Ada"})
    client.v1.customers.update(made.id, params={"name": "Ada"})
    assert types_of(local) == ["customer.created"]


def test_a_saved_card_is_charged_off_session(
    client: stripe.StripeClient, local: LocalStripe, customer: str, save_card: SaveCard
) -> None:
    card = save_card("pm_card_visa")
    assert card.startswith("pm_")
    assert card != "pm_card_visa"
    intent = charge(client, customer, card, expand=["latest_charge.balance_transaction"])
    assert intent.status == "succeeded"
    assert intent.amount_received == 5_000
    assert intent.latest_charge.payment_method_details.card.last4 == "4242"
    assert intent.latest_charge.balance_transaction.net == 5_000 - 175
    assert types_of(local)[-3:] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]
    assert local.state.all("event")[-1]["data"]["object"]["id"] == intent.id


def test_the_fingerprint_belongs_to_the_number(
    client: stripe.StripeClient, save_card: SaveCard
) -> None:
    first, second, other = (
        client.v1.payment_methods.retrieve(save_card(name)).card
        for name in ("pm_card_visa", "pm_card_visa", "pm_card_mastercard")
    )
    assert first is not None
    assert second is not None
    assert other is not None
    assert first.fingerprint == second.fingerprint
    assert other.fingerprint != first.fingerprint
    assert (other.brand, other.last4) == ("mastercard", "4444")


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
        ),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
        (
            "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
            "card_declined",
            "card_velocity_exceeded",
        ),
    ],
)
def test_a_card_that_declines_can_neither_be_charged_nor_saved(
    *,
    client: stripe.StripeClient,
    local: LocalStripe,
    customer: str,
    card: str,
    code: str,
    decline_code: str,
) -> None:
    with pytest.raises(stripe.CardError) as decline:
        charge(client, customer, card)
    error: Any = decline.value.error
    assert decline.value.http_status == 402
    assert (error.code, error.decline_code) == (code, decline_code)
    intent = error.payment_intent
    assert intent.status == "requires_payment_method"
    assert intent.payment_method is None
    assert intent.last_payment_error.decline_code == decline_code
    assert intent.last_payment_error.payment_method.id == error.payment_method.id
    assert client.v1.charges.retrieve(error.charge).status == "failed"
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"
    assert types_of(local)[-2:] == ["charge.failed", "payment_intent.payment_failed"]

    setup = client.v1.setup_intents.create(
        params={"customer": customer, "allowed_payment_method_types": ["card"]}
    )
    with pytest.raises(stripe.CardError) as refusal:
        client.v1.setup_intents.confirm(setup.id, params={"payment_method": card})
    assert refusal.value.error is not None
    assert refusal.value.error.decline_code == decline_code
    failed = client.v1.setup_intents.retrieve(setup.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_setup_error is not None
    assert failed.last_setup_error.decline_code == decline_code
    assert types_of(local)[-1] == "setup_intent.setup_failed"

    with pytest.raises(stripe.CardError) as attachment:
        client.v1.payment_methods.attach(card, params={"customer": customer})
    assert attachment.value.code == code
    assert list(client.v1.customers.payment_methods.list(customer).data) == []


def test_a_declined_intent_is_paid_by_another_card(
    client: stripe.StripeClient, customer: str
) -> None:
    with pytest.raises(stripe.CardError) as decline:
        charge_on_session(client, customer, "pm_card_visa_chargeDeclined")
    assert decline.value.error is not None
    intent = decline.value.error.payment_intent
    assert intent is not None
    paid = client.v1.payment_intents.confirm(intent.id, params={"payment_method": "pm_card_visa"})
    assert paid.status == "succeeded"
    assert paid.last_payment_error is None
    assert len(client.v1.charges.list(params={"payment_intent": intent.id}).data) == 2


def test_a_card_may_be_saved_and_decline_afterwards(
    client: stripe.StripeClient, customer: str, save_card: SaveCard
) -> None:
    card = save_card("pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError) as decline:
        charge(client, customer, card)
    assert decline.value.code == "card_declined"


def test_radar_blocks_before_the_issuer_is_asked(
    client: stripe.StripeClient, customer: str
) -> None:
    with pytest.raises(stripe.CardError) as decline:
        charge(client, customer, "pm_card_radarBlock")
    error: Any = decline.value.error
    outcome = client.v1.charges.retrieve(error.charge).outcome
    assert outcome is not None
    assert outcome.type == "blocked"
    assert outcome.network_status == "not_sent_to_network"


def test_a_customers_cards_are_listed_newest_first_and_detached(
    client: stripe.StripeClient, local: LocalStripe, customer: str, save_card: SaveCard
) -> None:
    first, second = save_card("pm_card_visa"), save_card("pm_card_mastercard")
    cards = client.v1.customers.payment_methods
    assert [card.id for card in cards.list(customer, params={"type": "card"}).data] == [
        second,
        first,
    ]
    client.v1.customers.update(
        customer, params={"invoice_settings": {"default_payment_method": first}}
    )
    assert client.v1.payment_methods.detach(first).customer is None
    assert [card.id for card in cards.list(customer).data] == [second]
    settings = client.v1.customers.retrieve(customer).invoice_settings
    assert settings is not None
    assert settings.default_payment_method is None
    assert "payment_method.detached" in types_of(local)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        charge(client, customer, first)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.v1.payment_methods.attach(first, params={"customer": customer})


def test_a_card_serves_its_own_customer_only(
    client: stripe.StripeClient, customer: str, save_card: SaveCard
) -> None:
    card = save_card("pm_card_visa")
    other = client.v1.customers.create().id
    with pytest.raises(stripe.InvalidRequestError, match="does not have a payment method"):
        charge(client, other, card)
    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        client.v1.payment_methods.attach(card, params={"customer": other})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.customers.payment_methods.retrieve(other, card)
    assert refusal.value.http_status == 404


def test_an_unsaved_card_is_good_for_one_charge(client: stripe.StripeClient, customer: str) -> None:
    card = client.v1.payment_methods.create(params={"type": "card", "card": {"token": "tok_visa"}})
    assert charge(client, customer, card.id).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        charge(client, customer, card.id)


def test_a_purchase_can_save_its_card(client: stripe.StripeClient, customer: str) -> None:
    bought = charge_on_session(client, customer, "pm_card_visa", setup_future_usage="off_session")
    assert charge(client, customer, bought.payment_method).status == "succeeded"


def test_a_card_is_updated_by_its_owner(
    client: stripe.StripeClient, local: LocalStripe, save_card: SaveCard
) -> None:
    card = client.v1.payment_methods.update(
        save_card("pm_card_visa"),
        params={"card": {"exp_month": 3, "exp_year": 2041}, "billing_details": {"name": "Ada"}},
    )
    assert card.card is not None
    assert (card.card.exp_month, card.card.exp_year) == (3, 2041)
    assert card.billing_details.name == "Ada"
    assert types_of(local)[-1] == "payment_method.updated"


@pytest.mark.parametrize("outcome", ["accept", "refuse"])
def test_3_d_secure_on_session_waits_for_the_customer(
    *,
    client: stripe.StripeClient,
    local: LocalStripe,
    control: Control,
    customer: str,
    outcome: str,
) -> None:
    intent = charge_on_session(client, customer, "pm_card_authenticationRequired")
    assert intent.status == "requires_action"
    assert intent.next_action.type == "use_stripe_sdk"
    assert intent.latest_charge is None
    control("POST", f"/payment_intents/{intent.id}/authenticate", outcome=outcome)
    after = client.v1.payment_intents.retrieve(intent.id)
    assert after.next_action is None
    if outcome == "accept":
        assert after.status == "succeeded"
        assert types_of(local)[-1] == "payment_intent.succeeded"
    else:
        assert after.status == "requires_payment_method"
        assert after.last_payment_error is not None
        assert after.last_payment_error.code == "payment_intent_authentication_failure"
        assert types_of(local)[-1] == "payment_intent.payment_failed"


def test_with_a_return_url_3_d_secure_redirects(client: stripe.StripeClient, customer: str) -> None:
    intent = charge_on_session(
        client,
        customer,
        "pm_card_threeDSecure2Required",
        return_url="https://shop.example/back",
    )
    assert intent.next_action.type == "redirect_to_url"
    assert intent.next_action.redirect_to_url.return_url == "https://shop.example/back"


def test_off_session_3_d_secure_is_a_decline_that_the_customer_can_finish(
    client: stripe.StripeClient, local: LocalStripe, control: Control, customer: str
) -> None:
    setup = client.v1.setup_intents.create(
        params={
            "customer": customer,
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "allowed_payment_method_types": ["card"],
        }
    )
    assert setup.status == "requires_action"
    control("POST", f"/setup_intents/{setup.id}/authenticate", outcome="accept")
    card = str(client.v1.setup_intents.retrieve(setup.id).payment_method)
    with pytest.raises(stripe.CardError) as decline:
        charge(client, customer, card)
    error: Any = decline.value.error
    assert error.code == "authentication_required"
    assert error.decline_code == "authentication_required"
    intent = error.payment_intent
    assert intent.status == "requires_payment_method"
    again = client.v1.payment_intents.confirm(
        intent.id,
        params={
            "payment_method": error.payment_method.id,
            "return_url": "https://shop.example/back",
        },
    )
    assert again.status == "requires_action"
    control("POST", f"/payment_intents/{intent.id}/authenticate", outcome="accept")
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_card_that_was_set_up_is_not_challenged_off_session(
    client: stripe.StripeClient, control: Control, customer: str
) -> None:
    name = "pm_card_authenticationRequiredOnSetup"
    bare = client.v1.payment_methods.attach(name, params={"customer": customer}).id
    with pytest.raises(stripe.CardError, match="requires authentication"):
        charge(client, customer, bare)
    setup = client.v1.setup_intents.create(
        params={
            "customer": customer,
            "payment_method": bare,
            "confirm": True,
            "allowed_payment_method_types": ["card"],
        }
    )
    control("POST", f"/setup_intents/{setup.id}/authenticate", outcome="accept")
    assert charge(client, customer, bare).status == "succeeded"


def test_a_refused_set_up_saves_no_card(
    client: stripe.StripeClient, local: LocalStripe, control: Control, customer: str
) -> None:
    setup = client.v1.setup_intents.create(
        params={
            "customer": customer,
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "allowed_payment_method_types": ["card"],
        }
    )
    control("POST", f"/setup_intents/{setup.id}/authenticate", outcome="refuse")
    after = client.v1.setup_intents.retrieve(setup.id)
    assert after.status == "requires_payment_method"
    assert after.last_setup_error is not None
    assert after.last_setup_error.code == "setup_intent_authentication_failure"
    assert client.v1.customers.payment_methods.list(customer).data == []


def test_a_card_already_set_up_is_only_challenged_on_session(
    client: stripe.StripeClient, customer: str, save_card: SaveCard
) -> None:
    card = save_card("pm_card_authenticationRequiredSetupForOffSession")
    assert charge(client, customer, card).status == "succeeded"
    assert charge_on_session(client, customer, card).status == "requires_action"


def test_a_challenge_passed_can_still_end_in_a_decline(
    client: stripe.StripeClient, control: Control, customer: str
) -> None:
    name = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"
    intent = charge_on_session(client, customer, name)
    control("POST", f"/payment_intents/{intent.id}/authenticate", outcome="accept")
    after = client.v1.payment_intents.retrieve(intent.id)
    assert after.status == "requires_payment_method"
    assert after.last_payment_error is not None
    assert after.last_payment_error.decline_code == "insufficient_funds"


def test_an_action_that_nobody_could_take_is_an_error_on_request(
    client: stripe.StripeClient, customer: str
) -> None:
    with pytest.raises(stripe.CardError) as decline:
        charge_on_session(
            client, customer, "pm_card_authenticationRequired", error_on_requires_action=True
        )
    assert decline.value.code == "authentication_required"


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_a_processing_payment_is_decided_later(
    *,
    client: stripe.StripeClient,
    local: LocalStripe,
    control: Control,
    customer: str,
    save_card: SaveCard,
    outcome: str,
) -> None:
    intent = charge(client, customer, save_card("pm_card_processing"))
    assert intent.status == "processing"
    assert types_of(local)[-1] == "payment_intent.processing"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.cancel(intent.id)
    assert refusal.value.code == "payment_intent_unexpected_state"
    control(
        "POST",
        f"/payment_intents/{intent.id}/finish",
        outcome=outcome,
        decline_code="insufficient_funds",
    )
    after = client.v1.payment_intents.retrieve(intent.id, params={"expand": ["latest_charge"]})
    assert isinstance(after.latest_charge, stripe.Charge)
    if outcome == "succeeded":
        assert after.status == "succeeded"
        assert after.latest_charge.status == "succeeded"
        assert after.latest_charge.balance_transaction is not None
    else:
        assert after.status == "requires_payment_method"
        assert after.latest_charge.status == "failed"
        assert after.last_payment_error is not None
        assert after.last_payment_error.decline_code == "insufficient_funds"
    assert len(client.v1.charges.list(params={"payment_intent": intent.id}).data) == 1


def test_an_open_intent_can_be_cancelled_and_then_never_paid(
    client: stripe.StripeClient, local: LocalStripe, customer: str
) -> None:
    intent = charge_on_session(client, customer, "pm_card_authenticationRequired")
    gone = client.v1.payment_intents.cancel(intent.id, params={"cancellation_reason": "abandoned"})
    assert (gone.status, gone.cancellation_reason) == ("canceled", "abandoned")
    assert types_of(local)[-1] == "payment_intent.canceled"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.confirm(intent.id, params={"payment_method": "pm_card_visa"})
    assert refusal.value.code == "payment_intent_unexpected_state"
    assert refusal.value.error is not None
    assert refusal.value.error.payment_intent is not None
    assert refusal.value.error.payment_intent.status == "canceled"


def test_a_paid_intent_can_be_neither_paid_again_nor_cancelled(
    client: stripe.StripeClient, customer: str
) -> None:
    intent = charge_on_session(client, customer, "pm_card_visa")
    for act in (client.v1.payment_intents.confirm, client.v1.payment_intents.cancel):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            act(intent.id)
        assert refusal.value.code == "payment_intent_unexpected_state"


def test_an_intent_is_updated_until_it_is_paid(client: stripe.StripeClient, customer: str) -> None:
    intents = client.v1.payment_intents
    intent = intents.create(
        params={
            "amount": 900,
            "currency": "usd",
            "customer": customer,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    assert intents.update(intent.id, params={"amount": 1_000}).amount == 1_000
    with_card = intents.update(intent.id, params={"payment_method": "pm_card_visa"})
    assert with_card.status == "requires_confirmation"
    assert intents.confirm(intent.id).amount_received == 1_000
    with pytest.raises(stripe.InvalidRequestError):
        intents.update(intent.id, params={"amount": 2_000})
    assert intents.update(intent.id, params={"metadata": {"a": "b"}}).metadata["a"] == "b"


def test_a_setup_intent_can_be_cancelled(client: stripe.StripeClient) -> None:
    intent = client.v1.setup_intents.create(params={"allowed_payment_method_types": ["card"]})
    assert client.v1.setup_intents.cancel(intent.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.setup_intents.confirm(intent.id, params={"payment_method": "pm_card_visa"})
    assert refusal.value.code == "setup_intent_unexpected_state"


def test_intents_are_listed_by_customer_and_time_page_by_page(
    client: stripe.StripeClient, control: Control, customer: str
) -> None:
    other = client.v1.customers.create().id
    made = []
    for number in range(7):
        owner = other if number == 3 else customer
        made.append(charge(client, owner, "pm_card_visa"))
        control("POST", "/clock", advance_seconds=60)
    mine = [intent.id for intent in made if intent.customer == customer][::-1]
    listed = client.v1.payment_intents.list(params={"customer": customer, "limit": 2})
    assert listed.has_more
    assert [intent.id for intent in listed.auto_paging_iter()] == mine
    middle = made[2].created
    since = client.v1.payment_intents.list(
        params={"customer": customer, "created": {"gte": middle, "lt": made[6].created}}
    )
    assert [intent.id for intent in since.data] == [made[5].id, made[4].id, made[2].id]
    before = client.v1.payment_intents.list(params={"ending_before": made[4].id, "limit": 1})
    assert [intent.id for intent in before.data] == [made[5].id]
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.list(params={"limit": 101})
