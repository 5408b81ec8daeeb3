"""Tax by Stripe Tax, switched on: previewed, charged on top, reported, and on the invoice."""

from __future__ import annotations

import time
import uuid
from typing import Any

import requests

from devstack.stack import Stack
from tests.contract.test_openapi import save_card
from tests.support.contract import ContractSession
from tests.support.stack import StartStack

ADDRESS = {"line1": "Calle 1", "city": "Madrid", "postal_code": "28001", "country": "ES"}
CONSUMER = {"name": "Ana", "address": ADDRESS}
BUSINESS = {**CONSUMER, "tax_id": {"type": "eu_vat", "value": "ESA13585625"}}


class Buyer:
    """An organization with a saved card, on a stack with tax switched on."""

    def __init__(self, stack: Stack, session: ContractSession) -> None:
        self._stack = stack
        self._session = session
        organization = f"taxed-{uuid.uuid4().hex[:8]}"
        self._token = stack.token(organization_id=organization, scope="credits:read credits:write")
        self._base = f"/v1/organizations/{organization}"
        self.card = save_card(session, stack, organization, self._token)

    def get(self, path: str) -> Any:
        return self._session.call("GET", self._base + path, token=self._token).json()

    def put(self, path: str, body: object) -> Any:
        return self._session.call("PUT", self._base + path, body=body, token=self._token).json()

    def post(self, path: str, body: object, *, key: str | None = None) -> requests.Response:
        url = self._base + path
        return self._session.call("POST", url, body=body, token=self._token, key=key)

    def invoice_html(self, purchase: str) -> str:
        path = f"{self._base}/transactions/{purchase}/invoice?format=html"
        for _ in range(100):
            answer = self._session.call("GET", path, token=self._token)
            if answer.status_code == 302:
                return requests.get(answer.headers["Location"], timeout=30).text
            time.sleep(0.1)
        raise AssertionError("the invoice was never stored")

    def charged_cents(self) -> list[int]:
        base, key = (
            self._stack.environment[name] for name in ("STRIPE_API_BASE", "STRIPE_API_KEY")
        )
        customer = self.post("/payment-methods/setup", {}).json()["customer_id"]
        found = requests.get(
            f"{base}/v1/payment_intents",
            params={"customer": customer},
            auth=(key, ""),
            timeout=30,
        ).json()
        return [intent["amount_received"] for intent in found["data"]]


def test_tax_is_previewed_charged_and_shown_and_the_credits_are_the_net_amount(
    start_stack: StartStack,
) -> None:
    stack = start_stack(environment={"TAX": "stripe"})
    session = ContractSession(stack.url)
    buyer = Buyer(stack, session)
    order = {"amount": "50.00", "payment_method_id": buyer.card, "billing_details": CONSUMER}
    preview = buyer.post("/purchases", {**order, "preview": True})
    assert preview.json() == {"net": "50.00", "tax": "10.50", "total": "60.50"}
    assert buyer.get("/credits")["available"] == "0.00", "a preview changes nothing"
    assert buyer.charged_cents() == []

    bought = buyer.post("/purchases", order, key="a")
    assert bought.json()["amount"] == "50.00"
    assert buyer.get("/credits")["available"] == "50.00"
    assert buyer.charged_cents() == [6050]
    invoice = buyer.invoice_html(bought.json()["id"])
    for shown in ("50.00", "10.50", "60.50", "21"):
        assert shown in invoice

    # A business in another country owes the tax itself.
    business = {**order, "billing_details": BUSINESS}
    assert buyer.post("/purchases", {**business, "preview": True}).json()["tax"] == "0.00"
    exempt = buyer.post("/purchases", business, key="b")
    assert "Reverse charge" in buyer.invoice_html(exempt.json()["id"])

    # The month's limit counts what the card is charged, tax included.
    buyer.put("/billing-details", CONSUMER)
    standing = {"enabled": True, "threshold": "200.00", "amount": "50.00", "monthly_limit": "60.00"}
    buyer.put("/auto-top-up", standing)
    buyer.put("/auto-top-up", {**standing, "monthly_limit": "60.50"})
    for _ in range(100):
        if buyer.get("/credits")["available"] == "150.00":
            break
        time.sleep(0.1)
    assert buyer.get("/auto-top-up")["spent_this_month"] == "60.50"
    assert sorted(buyer.charged_cents()) == [5000, 6050, 6050]
    session.close()


def test_while_tax_is_off_a_preview_has_none(stack: Stack) -> None:
    session = ContractSession(stack.url)
    buyer = Buyer(stack, session)
    order = {"amount": "50.00", "payment_method_id": buyer.card, "preview": True}
    refused = buyer.post("/purchases", order)
    assert refused.status_code == 422, "an invoice needs billing details"
    preview = buyer.post("/purchases", {**order, "billing_details": CONSUMER})
    assert preview.json() == {"net": "50.00", "tax": "0.00", "total": "50.00"}
    session.close()
