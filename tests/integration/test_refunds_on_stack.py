"""Refunds and disputes on the whole local stack: the API, the local Stripe and its webhooks."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from devstack.stack import Stack
from tests.support.contract import ContractSession

PATIENCE_SECONDS = 30.0
DETAILS = {
    "name": "Acme GmbH",
    "address": {"line1": "Hauptstr. 1", "city": "Berlin", "postal_code": "10115", "country": "DE"},
}


class Buyer:
    """An organization with 50 USD of credits, the operator, and the world around Stripe."""

    def __init__(self, stack: Stack, session: ContractSession, card: str = "pm_card_visa") -> None:
        self._stack, self._session = stack, session
        self.organization = f"acme-{uuid.uuid4().hex[:8]}"
        self.token = self._token("credits:read credits:write")
        self.operator = stack.token(organization_id="operator", scope="operator")
        setup = self.call("POST", "/payment-methods/setup").json()
        intent = setup["client_secret"].partition("_secret")[0]
        confirmed = self.stripe("POST", f"/v1/setup_intents/{intent}/confirm", payment_method=card)
        order = {
            "amount": "50.00",
            "payment_method_id": confirmed["payment_method"],
            "billing_details": DETAILS,
        }
        bought = self.call("POST", "/purchases", body=order, key="buy")
        assert bought.status_code == 201, bought.text
        self.purchase: str = bought.json()["id"]

    def call(self, method: str, path: str, *, by_operator: bool = False, **given: Any) -> Any:
        token = self.operator if by_operator else self.token
        route = f"/v1/organizations/{self.organization}{path}"
        return self._session.call(method, route, token=token, **given)

    def stripe(self, method: str, path: str, **parameters: Any) -> Any:
        """Call Stripe as its dashboard does."""
        key = self._stack.environment["STRIPE_API_KEY"]
        return self._ask(method, path, auth=(key, ""), data=parameters)

    def control(self, path: str, **body: Any) -> Any:
        """What banks and cardholders do."""
        return self._ask("POST", f"/_control{path}", json=body)

    def charge(self) -> str:
        intents = self.stripe("GET", "/v1/payment_intents?limit=100")["data"]
        own = [i for i in intents if i["metadata"].get("purchase_id") == self.purchase]
        charge: str = own[0]["latest_charge"]
        return charge

    def available(self) -> str:
        available: str = self.call("GET", "/credits").json()["available"]
        return available

    def entries(self) -> list[Any]:
        entries: list[Any] = self.call("GET", "/ledger").json()["data"]
        return entries

    def _token(self, scope: str) -> str:
        return self._stack.token(organization_id=self.organization, scope=scope)

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        with requests.Session() as session:
            answer = session.request(
                method, self._stack.environment["STRIPE_API_BASE"] + path, timeout=30, **options
            )
        assert answer.ok, answer.text
        return answer.json()


@pytest.fixture
def buyer(stack: Stack) -> Iterator[Buyer]:
    session = ContractSession(stack.url)
    yield Buyer(stack, session)
    session.close()


def _comes(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"This never came: {what}")


def test_an_operator_refunds_a_part_and_is_answered_the_same_again(buyer: Buyer) -> None:
    order = {"amount": "20.00", "reason": "ordered twice"}
    path = f"/purchases/{buyer.purchase}/refunds"
    refunded = buyer.call("POST", path, body=order, key="r1", by_operator=True)
    assert refunded.status_code == 201, refunded.text
    assert refunded.json()["credit_note"]["number"]
    again = buyer.call("POST", path, body=order, key="r1", by_operator=True)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == refunded.json()
    assert buyer.available() == "30.00"
    purchase = buyer.call("GET", f"/purchases/{buyer.purchase}").json()
    assert purchase["refunded_amount"] == "20.00"
    too_much = buyer.call(
        "POST", path, body={**order, "amount": "30.01"}, key="r2", by_operator=True
    )
    assert too_much.status_code == 422
    other = buyer.call("POST", path, body={"reason": "the rest"}, key="r3", by_operator=True)
    assert other.json()["amount"] == "30.00"
    assert buyer.available() == "0.00"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"amount": "20.00"}, 422),
        ({"amount": "20.00", "reason": " "}, 422),
        ({"amount": "0.00", "reason": "x"}, 422),
        ({"amount": "-1.00", "reason": "x"}, 422),
        ({"amount": "1.001", "reason": "x"}, 422),
        ({"amount": 1.0, "reason": "x"}, 400),
        ({"amount": "1.00", "reason": "x", "to": "me"}, 400),
        ([], 400),
    ],
)
def test_a_refund_that_makes_no_sense_is_refused(buyer: Buyer, body: object, status: int) -> None:
    path = f"/purchases/{buyer.purchase}/refunds"
    answer = buyer.call("POST", path, body=body, key="bad", by_operator=True)
    assert answer.status_code == status, answer.text


def test_only_operators_refund_and_adjust(buyer: Buyer) -> None:
    for path in (f"/purchases/{buyer.purchase}/refunds", "/adjustments"):
        body = {"amount": "1.00", "reason": "me"}
        assert buyer.call("POST", path, body=body, key="k").status_code == 403
        assert buyer.call("POST", path, body=body, by_operator=True).status_code == 400
    unknown = "/purchases/pur_unknown/refunds"
    answer = buyer.call("POST", unknown, body={"reason": "x"}, key="k", by_operator=True)
    assert answer.status_code == 404


def test_an_adjustment_has_its_author_and_happens_once(buyer: Buyer) -> None:
    body = {"amount": "-60.00", "reason": "was never paid"}
    made = buyer.call("POST", "/adjustments", body=body, key="a1", by_operator=True)
    assert made.status_code == 201, made.text
    assert made.json()["overdrawn"] is True
    assert made.json()["details"] == {"reason": "was never paid", "author": "developer"}
    again = buyer.call("POST", "/adjustments", body=body, key="a1", by_operator=True)
    assert again.json()["id"] == made.json()["id"]
    assert buyer.available() == "-10.00"
    zero = buyer.call(
        "POST", "/adjustments", body={**body, "amount": "0.00"}, key="a2", by_operator=True
    )
    assert zero.status_code == 422


def test_a_refund_in_the_dashboard_takes_the_credits_by_webhook(buyer: Buyer) -> None:
    buyer.stripe("POST", "/v1/refunds", charge=buyer.charge(), amount=1234)
    _comes(lambda: buyer.available() == "37.66", "the refund's webhook")
    assert buyer.entries()[0]["type"] == "refund"


def test_a_refund_that_fails_at_the_bank_gives_the_credits_back(buyer: Buyer) -> None:
    refund = buyer.stripe("POST", "/v1/refunds", charge=buyer.charge(), amount=1000)
    _comes(lambda: buyer.available() == "40.00", "the refund's webhook")
    buyer.control(f"/refunds/{refund['id']}/settle", outcome="failed")
    _comes(lambda: buyer.available() == "50.00", "the failure's webhook")
    assert [e["type"] for e in buyer.entries()] == ["refund_reversal", "refund", "purchase"]


def test_a_dispute_takes_the_money_and_a_won_one_brings_it_back(buyer: Buyer) -> None:
    dispute = buyer.control(f"/charges/{buyer.charge()}/dispute", amount=5000)
    _comes(lambda: buyer.available() == "0.00", "the dispute's webhook")
    path = f"/purchases/{buyer.purchase}/refunds"
    refused = buyer.call("POST", path, body={"reason": "x"}, key="r", by_operator=True)
    assert refused.status_code == 409
    buyer.control(f"/disputes/{dispute['id']}/decide", outcome="won")
    _comes(lambda: buyer.available() == "50.00", "the verdict's webhook")
    assert [e["type"] for e in buyer.entries()] == ["dispute_reversal", "dispute", "purchase"]


def test_an_inquiry_takes_nothing_until_it_escalates(buyer: Buyer) -> None:
    inquiry = buyer.control(f"/charges/{buyer.charge()}/dispute", inquiry=True)
    buyer.control(f"/disputes/{inquiry['id']}/escalate")
    _comes(lambda: buyer.available() == "0.00", "the chargeback's webhook")
    buyer.control(f"/disputes/{inquiry['id']}/decide", outcome="lost")
    _comes(lambda: len(buyer.entries()) == 2, "the verdict")
    assert buyer.available() == "0.00"
