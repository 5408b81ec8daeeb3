"""The Payments port: the fake behaves as Stripe does, on whose behaviour the laws rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from chalicelib.domain.billing import TaxId
from chalicelib.domain.payment import (
    Card,
    ChargeRequest,
    Payment,
    PaymentRefusedError,
    PaymentStatus,
    PaymentsUnavailableError,
)
from devstack.stripe.faults import Fault
from devstack.stripe.server import LocalStripe
from tests.contract.providers import FakeProvider, Provider, StripeProvider, before
from tests.fakes.payments import Behaviour, Moment
from tests.fakes.values import agreement, billing_details

_serial = count(1)


@pytest.fixture(scope="module")
def local() -> Iterator[LocalStripe]:
    with LocalStripe() as running:
        yield running


@pytest.fixture(params=["fake", "stripe"])
def provider(request: pytest.FixtureRequest) -> Provider:
    if request.param == "fake":
        return FakeProvider()
    return StripeProvider(request.getfixturevalue("local"))


@pytest.fixture
def customer(provider: Provider, org: str) -> str:
    return provider.payments.create_customer(org)


def request_of(customer: str, card: Card, *, off_session: bool = False) -> ChargeRequest:
    return ChargeRequest(
        organization_id="acme",
        purchase_id=f"pur_{next(_serial):06d}",
        customer_id=customer,
        payment_method_id=card.payment_method_id,
        amount_cents=5000,
        description="AI gateway credits",
        off_session=off_session,
    )


def told(payment: Payment) -> Payment:
    """What both tell alike: sentences are each provider's own."""
    failure = payment.failure and replace(payment.failure, message="")
    return replace(payment, client_secret=None, failure=failure)


def test_a_customer_is_made_once_per_organization(provider: Provider, org: str) -> None:
    first = provider.payments.create_customer(org)
    assert provider.payments.create_customer(org) == first
    assert provider.payments.create_customer(f"{org}-other") != first


def test_a_customer_is_made_though_stripe_remembers_a_failure(local: LocalStripe, org: str) -> None:
    payments = StripeProvider(local).payments
    local.api.faults.add(Fault(path="/v1/customers", moment="after", status=500, remembered=True))
    first = payments.create_customer(org)
    assert payments.create_customer(org) == first


def test_saved_cards_are_listed_newest_first(provider: Provider, customer: str) -> None:
    assert list(provider.payments.cards(customer)) == []
    first = provider.add_card(customer, Behaviour.PAYS)
    second = provider.add_card(customer, Behaviour.TAKES_TIME)
    assert list(provider.payments.cards(customer)) == [second, first]
    assert provider.payments.card(customer, first.payment_method_id) == first


def test_a_card_of_somebody_else_is_not_found(provider: Provider, customer: str, org: str) -> None:
    card = provider.add_card(customer, Behaviour.PAYS)
    other = provider.payments.create_customer(f"{org}-other")
    assert provider.payments.card(other, card.payment_method_id) is None
    assert provider.payments.card(customer, "pm_nobodys") is None


def test_a_card_is_removed_once_and_removing_it_again_is_no_error(
    provider: Provider, customer: str
) -> None:
    card = provider.add_card(customer, Behaviour.PAYS)
    for _ in range(2):
        provider.payments.remove_card(card.payment_method_id)
    assert list(provider.payments.cards(customer)) == []
    assert provider.payments.card(customer, card.payment_method_id) is None


def test_details_and_tax_id_can_be_kept_again_and_again(provider: Provider, customer: str) -> None:
    provider.payments.update_customer(customer, billing_details())
    provider.payments.update_customer(customer, replace(billing_details(), email=None))
    for tax_id in (TaxId(type="eu_vat", value="DE123456789"), None, None):
        provider.payments.set_tax_id(customer, tax_id)


def test_setting_up_a_card_gives_what_a_browser_needs(provider: Provider, customer: str) -> None:
    setup = provider.payments.set_up_card("acme", customer, agreement())
    assert setup.customer_id == customer
    assert "_secret_" in setup.client_secret
    assert setup.publishable_key.startswith("pk_test_")


def test_a_charge_takes_the_money_and_says_whose_it_is(provider: Provider, customer: str) -> None:
    request = request_of(customer, provider.add_card(customer, Behaviour.PAYS))
    payment = provider.payments.charge(request)
    assert told(payment) == Payment(
        id=payment.id,
        status=PaymentStatus.SUCCEEDED,
        amount_cents=5000,
        organization_id="acme",
        purchase_id=request.purchase_id,
    )
    assert told(provider.payments.payment(payment.id)) == told(payment)


@pytest.mark.parametrize("behaviour", list(Behaviour))
def test_the_same_charge_again_is_the_same_payment(
    provider: Provider, customer: str, behaviour: Behaviour
) -> None:
    request = request_of(customer, provider.add_card(customer, behaviour))
    first = provider.payments.charge(request)
    assert [provider.payments.charge(request) for _ in range(3)] == [first] * 3
    assert provider.count(customer) == 1


def test_another_charge_under_the_same_purchase_is_not_made(
    provider: Provider, customer: str
) -> None:
    request = request_of(customer, provider.add_card(customer, Behaviour.PAYS))
    provider.payments.charge(request)
    with pytest.raises(PaymentsUnavailableError):
        provider.payments.charge(replace(request, amount_cents=9900))
    assert provider.count(customer) == 1


@pytest.mark.parametrize("off_session", [False, True])
def test_a_decline_is_a_payment_with_its_failure(
    provider: Provider, customer: str, *, off_session: bool
) -> None:
    card = provider.add_card(customer, Behaviour.DECLINES)
    request = request_of(customer, card, off_session=off_session)
    payment = provider.payments.charge(request)
    assert payment.status is PaymentStatus.DECLINED
    assert payment.failure is not None
    assert (payment.failure.code, payment.failure.decline_code) == (
        "card_declined",
        "generic_decline",
    )
    assert payment.failure.message
    assert told(provider.payments.payment(payment.id)) == told(payment)


@pytest.mark.parametrize(
    "behaviour", [Behaviour.DECLINES, Behaviour.ASKS_CUSTOMER], ids=lambda b: b.value
)
def test_what_is_not_paid_can_be_cancelled_and_stays_so(
    provider: Provider, customer: str, behaviour: Behaviour
) -> None:
    payment = provider.payments.charge(request_of(customer, provider.add_card(customer, behaviour)))
    for _ in range(2):
        canceled = provider.payments.cancel(payment.id)
        assert told(canceled) == replace(told(payment), status=PaymentStatus.CANCELED)
    assert told(provider.payments.payment(payment.id)) == told(canceled)


@pytest.mark.parametrize("behaviour", [Behaviour.PAYS, Behaviour.TAKES_TIME], ids=lambda b: b.value)
def test_what_is_paid_or_being_decided_can_not_be_cancelled(
    provider: Provider, customer: str, behaviour: Behaviour
) -> None:
    payment = provider.payments.charge(request_of(customer, provider.add_card(customer, behaviour)))
    assert told(provider.payments.cancel(payment.id)) == told(payment)
    assert told(provider.payments.payment(payment.id)) == told(payment)


def test_with_the_customer_present_the_bank_may_ask_them(provider: Provider, customer: str) -> None:
    card = provider.add_card(customer, Behaviour.ASKS_CUSTOMER)
    request = request_of(customer, card)
    payment = provider.payments.charge(request)
    assert (payment.status, payment.failure) == (PaymentStatus.REQUIRES_ACTION, None)
    assert payment.client_secret is not None
    provider.authenticate(payment.id, card, passes=True)
    assert provider.payments.payment(payment.id).status is PaymentStatus.SUCCEEDED
    replay = provider.payments.charge(request)
    assert replay.status is PaymentStatus.REQUIRES_ACTION, "the key keeps its first answer"


def test_a_failed_challenge_is_a_decline(provider: Provider, customer: str) -> None:
    card = provider.add_card(customer, Behaviour.ASKS_CUSTOMER)
    payment = provider.payments.charge(request_of(customer, card))
    provider.authenticate(payment.id, card, passes=False)
    after = provider.payments.payment(payment.id)
    assert after.status is PaymentStatus.DECLINED
    assert after.failure is not None
    assert after.failure.code == "payment_intent_authentication_failure"


def test_without_the_customer_the_bank_may_ask_for_them(provider: Provider, customer: str) -> None:
    card = provider.add_card(customer, Behaviour.ASKS_CUSTOMER)
    payment = provider.payments.charge(request_of(customer, card, off_session=True))
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    assert payment.failure is not None
    assert payment.failure.code == "authentication_required"
    assert told(provider.payments.payment(payment.id)) == told(payment)
    provider.authenticate(payment.id, card, passes=True)
    assert provider.payments.payment(payment.id).status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("passes", [True, False])
def test_a_bank_that_takes_its_time_decides_in_the_end(
    provider: Provider, customer: str, *, passes: bool
) -> None:
    card = provider.add_card(customer, Behaviour.TAKES_TIME)
    payment = provider.payments.charge(request_of(customer, card))
    assert (payment.status, payment.failure) == (PaymentStatus.PROCESSING, None)
    provider.finish(payment.id, passes=passes)
    after = provider.payments.payment(payment.id)
    assert after.status is (PaymentStatus.SUCCEEDED if passes else PaymentStatus.DECLINED)


def test_a_card_that_is_gone_is_refused(provider: Provider, customer: str) -> None:
    card = provider.add_card(customer, Behaviour.PAYS)
    provider.payments.remove_card(card.payment_method_id)
    with pytest.raises(PaymentRefusedError):
        provider.payments.charge(request_of(customer, card))


def test_less_than_the_provider_takes_is_refused(provider: Provider, customer: str) -> None:
    request = request_of(customer, provider.add_card(customer, Behaviour.PAYS))
    with pytest.raises(PaymentRefusedError) as refused:
        provider.payments.charge(replace(request, amount_cents=49))
    assert refused.value.failure.code == "amount_too_small"
    assert provider.payments.charge(replace(request, amount_cents=50)).amount_cents == 50


def test_a_payment_that_does_not_exist_is_refused(provider: Provider) -> None:
    with pytest.raises(PaymentRefusedError):
        provider.payments.payment("pi_nothing")


def test_a_payment_is_found_by_its_purchase(provider: Provider, customer: str, org: str) -> None:
    since = before(provider)
    request = request_of(customer, provider.add_card(customer, Behaviour.PAYS))
    purchase_id = request.purchase_id
    assert provider.payments.payment_of(customer, purchase_id, since=since) is None
    payment = provider.payments.charge(request)
    found = provider.payments.payment_of(customer, purchase_id, since=since)
    assert found is not None
    assert told(found) == told(payment)
    other = provider.payments.create_customer(f"{org}-other")
    assert provider.payments.payment_of(other, purchase_id, since=since) is None
    assert provider.payments.payment_of(customer, "pur_other", since=since) is None
    much_later = provider.now + timedelta(hours=1)
    assert provider.payments.payment_of(customer, purchase_id, since=much_later) is None


@pytest.mark.parametrize("moment", list(Moment))
@pytest.mark.parametrize("behaviour", [Behaviour.PAYS, Behaviour.DECLINES], ids=lambda b: b.value)
def test_an_outage_leaves_it_open_whether_it_was_charged(
    provider: Provider, customer: str, moment: Moment, behaviour: Behaviour
) -> None:
    request = request_of(customer, provider.add_card(customer, behaviour))
    provider.fail_next_charge(moment)
    with pytest.raises(PaymentsUnavailableError):
        provider.payments.charge(request)
    found = provider.payments.payment_of(customer, request.purchase_id, since=before(provider))
    assert (found is None) == (moment is Moment.BEFORE)
    payment = provider.payments.charge(request)
    assert payment.status in {PaymentStatus.SUCCEEDED, PaymentStatus.DECLINED}
    assert found is None or told(found) == told(payment)
    assert provider.count(customer) == 1
