"""Refunds and disputes on the whole local stack: the API, the local Stripe and its webhooks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devstack.stack import Stack
from tests.support.buyer import Buyer, comes
from tests.support.contract import ContractSession


class Customer(Buyer):
    """One that has bought 50 USD of credits."""

    def __init__(self, stack: Stack, session: ContractSession) -> None:
        super().__init__(stack, session)
        bought = self.buy(self.save_card())
        assert bought.status_code == 201, bought.text
        self.purchase: str = bought.json()["id"]


@pytest.fixture
def buyer(stack: Stack) -> Iterator[Customer]:
    session = ContractSession(stack.url)
    yield Customer(stack, session)
    session.close()


def test_an_operator_refunds_a_part_and_is_answered_the_same_again(buyer: Customer) -> None:
    order = {"amount": "20.00", "reason": "ordered twice"}
    path = f"/purchases/{buyer.purchase}/refunds"
    refunded = buyer.call("POST", path, body=order, key="r1", by=buyer.operator)
    assert refunded.status_code == 201, refunded.text
    assert refunded.json()["credit_note"]["number"]
    again = buyer.call("POST", path, body=order, key="r1", by=buyer.operator)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == refunded.json()
    assert buyer.available() == "30.00"
    purchase = buyer.call("GET", f"/purchases/{buyer.purchase}").json()
    assert purchase["refunded_amount"] == "20.00"
    too_much = buyer.call(
        "POST", path, body={**order, "amount": "30.01"}, key="r2", by=buyer.operator
    )
    assert too_much.status_code == 422
    other = buyer.call("POST", path, body={"reason": "the rest"}, key="r3", by=buyer.operator)
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
def test_a_refund_that_makes_no_sense_is_refused(
    buyer: Customer, body: object, status: int
) -> None:
    path = f"/purchases/{buyer.purchase}/refunds"
    answer = buyer.call("POST", path, body=body, key="bad", by=buyer.operator)
    assert answer.status_code == status, answer.text


def test_only_operators_refund_and_adjust(buyer: Customer) -> None:
    for path in (f"/purchases/{buyer.purchase}/refunds", "/adjustments"):
        body = {"amount": "1.00", "reason": "me"}
        assert buyer.call("POST", path, body=body, key="k").status_code == 403
        assert buyer.call("POST", path, body=body, by=buyer.operator).status_code == 400
    unknown = "/purchases/pur_unknown/refunds"
    answer = buyer.call("POST", unknown, body={"reason": "x"}, key="k", by=buyer.operator)
    assert answer.status_code == 404


def test_an_adjustment_has_its_author_and_happens_once(buyer: Customer) -> None:
    body = {"amount": "-60.00", "reason": "was never paid"}
    made = buyer.call("POST", "/adjustments", body=body, key="a1", by=buyer.operator)
    assert made.status_code == 201, made.text
    assert made.json()["overdrawn"] is True
    assert made.json()["details"] == {"reason": "was never paid", "author": "developer"}
    again = buyer.call("POST", "/adjustments", body=body, key="a1", by=buyer.operator)
    assert again.json()["id"] == made.json()["id"]
    assert buyer.available() == "-10.00"
    zero = buyer.call(
        "POST", "/adjustments", body={**body, "amount": "0.00"}, key="a2", by=buyer.operator
    )
    assert zero.status_code == 422


def test_a_refund_in_the_dashboard_takes_the_credits_by_webhook(buyer: Customer) -> None:
    buyer.stripe("POST", "/v1/refunds", charge=buyer.charge_of(buyer.purchase), amount=1234)
    comes(lambda: buyer.available() == "37.66", "the refund's webhook")
    assert buyer.entries()[0]["type"] == "refund"


def test_a_refund_that_fails_at_the_bank_gives_the_credits_back(buyer: Customer) -> None:
    refund = buyer.stripe(
        "POST", "/v1/refunds", charge=buyer.charge_of(buyer.purchase), amount=1000
    )
    comes(lambda: buyer.available() == "40.00", "the refund's webhook")
    buyer.control(f"/refunds/{refund['id']}/settle", outcome="failed")
    comes(lambda: buyer.available() == "50.00", "the failure's webhook")
    assert [e["type"] for e in buyer.entries()] == ["refund_reversal", "refund", "purchase"]


def test_a_dispute_takes_the_money_and_a_won_one_brings_it_back(buyer: Customer) -> None:
    dispute = buyer.control(f"/charges/{buyer.charge_of(buyer.purchase)}/dispute", amount=5000)
    comes(lambda: buyer.available() == "0.00", "the dispute's webhook")
    path = f"/purchases/{buyer.purchase}/refunds"
    refused = buyer.call("POST", path, body={"reason": "x"}, key="r", by=buyer.operator)
    assert refused.status_code == 409
    buyer.control(f"/disputes/{dispute['id']}/decide", outcome="won")
    comes(lambda: buyer.available() == "50.00", "the verdict's webhook")
    assert [e["type"] for e in buyer.entries()] == ["dispute_reversal", "dispute", "purchase"]


def test_an_inquiry_takes_nothing_until_it_escalates(buyer: Customer) -> None:
    inquiry = buyer.control(f"/charges/{buyer.charge_of(buyer.purchase)}/dispute", inquiry=True)
    buyer.control(f"/disputes/{inquiry['id']}/escalate")
    comes(lambda: buyer.available() == "0.00", "the chargeback's webhook")
    buyer.control(f"/disputes/{inquiry['id']}/decide", outcome="lost")
    comes(lambda: len(buyer.entries()) == 2, "the verdict")
    assert buyer.available() == "0.00"
