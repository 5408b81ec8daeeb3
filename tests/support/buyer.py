"""A buyer on a running stack: the API by its contract, and the world around the local Stripe."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import requests
import stripe

from devstack.stack import Stack
from tests.support.contract import ContractSession

#: How long a test waits for what must come; reaching it is a failure, never a measurement.
PATIENCE_SECONDS = 120.0
DETAILS = {
    "name": "Acme GmbH",
    "address": {"line1": "Hauptstr. 1", "city": "Berlin", "postal_code": "10115", "country": "DE"},
}


class Buyer:
    """A new organization with billing details; it knows its operator, too."""

    def __init__(self, stack: Stack, session: ContractSession) -> None:
        self._stack, self._session = stack, session
        self.organization = f"acme-{uuid.uuid4().hex[:8]}"
        scope = "credits:read credits:write"
        self.token = stack.token(organization_id=self.organization, scope=scope)
        self.operator = stack.token(organization_id="operator", scope="operator")
        self.gateway = stack.token(organization_id="gateway", scope="gateway")
        self.call("PUT", "/billing-details", body=DETAILS)

    def call(self, method: str, path: str, *, by: str | None = None, **given: Any) -> Any:
        """Call the API, by default as the customer; `given` as ContractSession takes it."""
        route = f"/v1/organizations/{self.organization}{path}"
        return self._session.call(method, route, token=by or self.token, **given)

    def save_card(self, card: str = "pm_card_visa") -> str:
        """Save a test card as a browser does; gives the payment method's id."""
        setup = self.call("POST", "/payment-methods/setup").json()
        intent = setup["client_secret"].partition("_secret")[0]
        confirmed = self.stripe("POST", f"/v1/setup_intents/{intent}/confirm", payment_method=card)
        method: str = confirmed["payment_method"]
        if confirmed["status"] == "requires_action":
            self.control(f"/setup_intents/{intent}/authenticate", outcome="accept")
        return method

    def attach_card(self, card: str) -> str:
        """Attach a test card that can't be saved as a browser does; gives the payment method."""
        customer = self.call("POST", "/payment-methods/setup").json()["customer_id"]
        attached = self.stripe("POST", f"/v1/payment_methods/{card}/attach", customer=customer)
        method: str = attached["id"]
        return method

    def buy(self, card: str, amount: str = "50.00", *, key: str | None = None) -> Any:
        """Ask for credits; gives the whole answer."""
        order = {"amount": amount, "payment_method_id": card}
        return self.call("POST", "/purchases", body=order, key=key or uuid.uuid4().hex)

    def spend(self, amount: str) -> Any:
        """Deduct credits; gives the whole answer."""
        body = {"amount": amount}
        return self.call("POST", "/deductions", body=body, key=uuid.uuid4().hex, by=self.gateway)

    def top_up(self, threshold: str = "10.00", amount: str = "25.00") -> Any:
        """Turn auto top-up on."""
        body = {"enabled": True, "threshold": threshold, "amount": amount}
        return self.call("PUT", "/auto-top-up", body=body).json()

    def top_up_status(self) -> str:
        """The one word for what auto top-up is doing."""
        status: str = self.call("GET", "/auto-top-up").json()["status"]
        return status

    def available(self) -> str:
        """The balance."""
        available: str = self.call("GET", "/credits").json()["available"]
        return available

    def entries(self) -> list[Any]:
        """The ledger, newest first."""
        entries: list[Any] = self.call("GET", "/ledger").json()["data"]
        return entries

    def intent_of(self, purchase: str) -> Any:
        """The PaymentIntent of a purchase."""
        intents = self.stripe("GET", "/v1/payment_intents?limit=100")["data"]
        (own,) = [i for i in intents if i["metadata"].get("purchase_id") == purchase]
        return own

    def charge_of(self, purchase: str) -> str:
        """The charge of a purchase."""
        charge: str = self.intent_of(purchase)["latest_charge"]
        return charge

    def stripe(self, method: str, path: str, /, **parameters: Any) -> Any:
        """Call Stripe as its dashboard does."""
        key = self._stack.environment["STRIPE_API_KEY"]
        version = {"Stripe-Version": stripe.api_version}
        return self._ask(method, path, auth=(key, ""), data=parameters, headers=version)

    @property
    def plays_the_bank(self) -> bool:
        """Whether Stripe is the local one, which can be told what banks and cardholders do."""
        account = self._stack.settings.stripe
        return account is not None and account.is_local

    def control(self, path: str, /, **body: Any) -> Any:
        """What banks and cardholders do."""
        return self._ask("POST", f"/_control{path}", json=body)

    def held_calls(self) -> int:
        """How many calls the local Stripe holds back."""
        held: int = self._ask("GET", "/_control/faults")["held"]
        return held

    def clear_disturbances(self) -> None:
        """Let Stripe's events come as they should again."""
        self._ask("DELETE", "/_control/disturbances", json={})

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        with requests.Session() as session:
            answer = session.request(
                method, self._stack.environment["STRIPE_API_BASE"] + path, timeout=120, **options
            )
        assert answer.ok, answer.text
        return answer.json()


def comes(condition: Callable[[], bool], what: str) -> None:
    """Wait until it is so; fails when it never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"This never came: {what}")
