"""The Payments port over the fake provider and over Stripe's own client, with the world around."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import requests

from chalicelib.adapters.stripe_client import stripe_client
from chalicelib.adapters.stripe_payments import StripePayments
from chalicelib.domain.payment import Card
from chalicelib.ports import Payments
from devstack.stripe.server import LocalStripe
from tests.fakes.payments import Behaviour, FakePayments, Moment
from tests.fakes.values import NOW, agreement

#: Stripe's test cards with these behaviours.
TEST_CARDS = {
    Behaviour.PAYS: "pm_card_visa",
    Behaviour.DECLINES: "pm_card_chargeCustomerFail",
    Behaviour.ASKS_CUSTOMER: "pm_card_authenticationRequired",
    Behaviour.TAKES_TIME: "pm_card_processing",
}


class Provider(Protocol):
    """A payment provider, and what banks, customers and outages do to it."""

    @property
    def payments(self) -> Payments:
        """The port."""
        ...

    @property
    def now(self) -> datetime:
        """The provider's clock."""
        ...

    def add_card(self, customer_id: str, behaviour: Behaviour) -> Card:
        """Save a card that declines, if so, for no particular reason."""
        ...

    def authenticate(self, payment_id: str, card: Card, *, passes: bool) -> None:
        """The customer answers the bank's challenge."""
        ...

    def finish(self, payment_id: str, *, passes: bool) -> None:
        """The bank has decided."""
        ...

    def fail_next_charge(self, moment: Moment) -> None:
        """An outage, before or after the next charge takes effect."""
        ...

    def count(self, customer_id: str) -> int:
        """How many payments the customer has."""
        ...


class FakeProvider:
    """The fake."""

    def __init__(self) -> None:
        self.payments = FakePayments(clock=lambda: NOW)
        self.now = NOW

    def add_card(self, customer_id: str, behaviour: Behaviour) -> Card:
        """See the protocol."""
        return self.payments.add_card(customer_id, behaviour, decline_code="generic_decline")

    def authenticate(self, payment_id: str, card: Card, *, passes: bool) -> None:
        """See the protocol."""
        self.payments.authenticate(payment_id, passes=passes)

    def finish(self, payment_id: str, *, passes: bool) -> None:
        """See the protocol."""
        self.payments.finish(payment_id, passes=passes)

    def fail_next_charge(self, moment: Moment) -> None:
        """See the protocol."""
        self.payments.fail_next("charge", moment)

    def count(self, customer_id: str) -> int:
        """See the protocol."""
        found = self.payments.payments()
        return sum(self.payments.request_of(p.id).customer_id == customer_id for p in found)


class StripeProvider:
    """Stripe's client, talking to a local Stripe."""

    def __init__(self, local: LocalStripe) -> None:
        self._local = local
        self.payments = StripePayments(
            stripe_client(local.api_key, local.url), publishable_key=local.publishable_key
        )

    @property
    def now(self) -> datetime:
        """See the protocol."""
        return datetime.now(UTC)

    def add_card(self, customer_id: str, behaviour: Behaviour) -> Card:
        """See the protocol."""
        setup = self.payments.set_up_card("whoever", customer_id, agreement())
        intent = setup.client_secret.partition("_secret_")[0]
        body = self._post(
            f"/v1/setup_intents/{intent}/confirm", data={"payment_method": TEST_CARDS[behaviour]}
        )
        if body["status"] == "requires_action":
            path = f"/_control/setup_intents/{intent}/authenticate"
            body = self._post(path, json={"outcome": "accept"})
        assert body["status"] == "succeeded", body
        found = self.payments.card(customer_id, body["payment_method"])
        assert found is not None
        return found

    def authenticate(self, payment_id: str, card: Card, *, passes: bool) -> None:
        """See the protocol. A charge made without the customer is first confirmed by them."""
        intent = self._local.state.get("payment_intent", payment_id, param="id", status=404)
        if intent["status"] == "requires_payment_method":
            path = f"/v1/payment_intents/{payment_id}/confirm"
            self._post(path, data={"payment_method": card.payment_method_id})
        outcome = "accept" if passes else "refuse"
        path = f"/_control/payment_intents/{payment_id}/authenticate"
        self._post(path, json={"outcome": outcome})

    def finish(self, payment_id: str, *, passes: bool) -> None:
        """See the protocol."""
        path = f"/_control/payment_intents/{payment_id}/finish"
        self._post(path, json={"outcome": "succeeded" if passes else "failed"})

    def fail_next_charge(self, moment: Moment) -> None:
        """See the protocol. The client tries twice by itself, so twice there is no answer."""
        fault = {"method": "POST", "path": "/v1/payment_intents", "effect": "drop"}
        self._post("/_control/faults", json={**fault, "moment": moment.value})
        self._post("/_control/faults", json={**fault, "moment": "before"})

    def count(self, customer_id: str) -> int:
        """See the protocol."""
        intents = self._local.state.all("payment_intent")
        return sum(intent["customer"] == customer_id for intent in intents)

    def _post(self, path: str, **sent: Any) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            response = session.post(
                self._local.url + path, auth=(self._local.api_key, ""), timeout=20, **sent
            )
        assert response.status_code == requests.codes.ok, response.text
        return response.json()


def before(provider: Provider) -> datetime:
    """A time before anything happened at the provider."""
    return provider.now - timedelta(minutes=1)
