"""Every way a card payment can go, by Stripe's own test cards and nothing that only ours can do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.config import Settings
from chalicelib.domain.topup import TopUpStatus
from chalicelib.wiring import Services, now
from devstack.stack import Stack
from tests.support.buyer import Buyer, comes


@pytest.fixture
def services(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Services:
    """The application in this process, to be told that it is later than it is."""
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    return Services(Settings(stack.environment))


def _purchase(buyer: Buyer, purchase: str) -> Any:
    return buyer.call("GET", f"/purchases/{purchase}").json()


def test_a_purchase_is_charged_credited_and_invoiced_once(buyer: Buyer) -> None:
    card = buyer.save_card()
    bought = buyer.buy(card, "25.00", key="once")
    assert bought.status_code == 201, bought.text
    assert bought.json()["status"] == "succeeded"
    assert bought.json()["invoice"]["number"]
    again = buyer.buy(card, "25.00", key="once")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == bought.json()
    assert buyer.available() == "25.00"
    intent = buyer.intent_of(bought.json()["id"])
    assert (intent["status"], intent["amount_received"]) == ("succeeded", 2500)


def test_a_decline_is_answered_with_its_reason_and_leaves_nothing_to_pay(buyer: Buyer) -> None:
    refused = buyer.buy(buyer.attach_card("pm_card_chargeCustomerFail"), key="refused")
    assert refused.status_code == 402
    problem = refused.json()
    assert (problem["code"], problem["decline_code"]) == ("card_declined", "generic_decline")
    assert problem["detail"]
    assert buyer.buy(buyer.attach_card("pm_card_visa"), key="other").status_code == 201
    purchase = _purchase(buyer, problem["purchase_id"])
    assert purchase["status"] == "failed"
    assert buyer.intent_of(problem["purchase_id"])["status"] == "canceled"


def test_a_purchase_abandoned_in_3d_secure_is_cancelled_after_an_hour(
    services: Services, buyer: Buyer
) -> None:
    card = buyer.attach_card("pm_card_threeDSecure2Required")
    waiting = buyer.buy(card).json()
    assert waiting["status"] == "requires_action"
    assert waiting["client_secret"].startswith("pi_")
    assert buyer.available() == "0.00"
    services.sweeping.sweep(now=now() + timedelta(minutes=55))
    assert _purchase(buyer, waiting["id"])["client_secret"] == waiting["client_secret"]
    services.sweeping.sweep(now=now() + timedelta(minutes=61))
    assert buyer.intent_of(waiting["id"])["status"] == "canceled"
    after = _purchase(buyer, waiting["id"])
    assert after["status"] == "canceled"
    assert "client_secret" not in after


def test_usage_below_the_threshold_is_topped_up_off_session_once(buyer: Buyer) -> None:
    buyer.buy(buyer.save_card(), "10.00")
    buyer.top_up(threshold="10.00", amount="15.00")
    buyer.spend("2.50")
    comes(lambda: buyer.available() == "22.50", "the top-up")
    assert [entry["type"] for entry in buyer.entries()] == [
        "auto_top_up",
        "deduction",
        "purchase",
    ]
    assert buyer.top_up_status() == TopUpStatus.IDLE


def test_a_declined_top_up_backs_off_and_says_why(buyer: Buyer) -> None:
    buyer.attach_card("pm_card_chargeCustomerFail")
    buyer.top_up()
    comes(lambda: buyer.top_up_status() == TopUpStatus.BACKING_OFF, "the decline")
    told = buyer.call("GET", "/auto-top-up").json()
    assert told["last_failure"]["decline_code"] == "generic_decline"
    assert told["retry_at"]
    assert told["spent_this_month"] == "0.00"


def test_a_top_up_that_needs_the_customer_can_be_finished_as_the_same_payment(
    buyer: Buyer,
) -> None:
    card = buyer.attach_card("pm_card_authenticationRequired")
    buyer.top_up()
    comes(lambda: buyer.top_up_status() == TopUpStatus.ACTION_REQUIRED, "the bank's wish")
    purchase = buyer.call("GET", "/auto-top-up").json()["open_purchase_id"]
    waiting = _purchase(buyer, purchase)
    assert waiting["status"] == "requires_action"
    intent = buyer.intent_of(purchase)
    assert waiting["client_secret"] == intent["client_secret"]
    assert intent["status"] == "requires_payment_method"
    challenged = buyer.stripe(
        "POST", f"/v1/payment_intents/{intent['id']}/confirm", payment_method=card
    )
    assert challenged["status"] == "requires_action"
    if not buyer.plays_the_bank:
        return
    buyer.control(f"/payment_intents/{intent['id']}/authenticate", outcome="accept")
    comes(lambda: buyer.available() == "25.00", "the credit")
    assert buyer.top_up_status() == TopUpStatus.IDLE


def test_a_refund_takes_the_credits_whoever_makes_it(buyer: Buyer) -> None:
    bought = buyer.buy(buyer.save_card()).json()["id"]
    order = {"amount": "20.00", "reason": "ordered twice"}
    path = f"/purchases/{bought}/refunds"
    refunded = buyer.call("POST", path, body=order, key="r1", by=buyer.operator)
    assert refunded.status_code == 201, refunded.text
    assert buyer.available() == "30.00"
    buyer.stripe("POST", "/v1/refunds", payment_intent=buyer.intent_of(bought)["id"], amount=500)
    comes(lambda: buyer.available() == "25.00", "the dashboard's refund")
    too_much = {"amount": "25.01", "reason": "greedy"}
    refused = buyer.call("POST", path, body=too_much, key="r2", by=buyer.operator)
    assert refused.status_code == 422


def test_a_dispute_takes_the_credits_and_a_won_one_brings_them_back(buyer: Buyer) -> None:
    bought = buyer.buy(buyer.attach_card("pm_card_createDispute")).json()["id"]
    comes(lambda: len(buyer.entries()) > 1, "the dispute")
    assert buyer.available() == "0.00"
    intent = buyer.intent_of(bought)["id"]
    (dispute,) = buyer.stripe("GET", f"/v1/disputes?payment_intent={intent}")["data"]
    evidence = {"evidence[uncategorized_text]": "winning_evidence", "submit": "true"}
    buyer.stripe("POST", f"/v1/disputes/{dispute['id']}", **evidence)
    comes(lambda: buyer.available() == "50.00", "the verdict")


def test_a_card_that_is_gone_at_stripe_is_not_offered_any_more(buyer: Buyer) -> None:
    card = buyer.save_card()
    buyer.buy(card)
    buyer.top_up()
    buyer.stripe("POST", f"/v1/payment_methods/{card}/detach")
    comes(lambda: buyer.top_up_status() == TopUpStatus.PAUSED, "the news of the card")
    assert buyer.call("GET", "/payment-methods").json()["data"] == []


def test_the_books_agree_in_the_end(services: Services, buyer: Buyer) -> None:
    buyer.buy(buyer.save_card())
    later = now() + timedelta(hours=1)
    report = services.reconciling.reconcile(window=timedelta(hours=3), now=later)
    own = [f for f in report.findings if f.organization_id == buyer.organization]
    assert own == []
