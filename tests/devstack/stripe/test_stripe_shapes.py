"""Every object that the local Stripe answers has the members that stripe-python promises."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import requests
import stripe

from devstack.stripe.cards import BY_NAME
from devstack.stripe.server import LocalStripe
from tests.devstack.stripe.shapes import class_of, problems

Control = Callable[..., dict[str, Any]]
KINDS = {
    "balance_transaction",
    "charge",
    "customer",
    "dispute",
    "event",
    "payment_intent",
    "payment_method",
    "radar.early_fraud_warning",
    "refund",
    "setup_intent",
    "tax.calculation",
    "tax.calculation_line_item",
    "tax.transaction",
    "tax.transaction_line_item",
    "tax_id",
    "webhook_endpoint",
}


def play_everything(client: stripe.StripeClient, control: Control) -> None:
    """Use every test card in every way, and answer whatever comes of it."""
    address: Any = {"country": "DE", "line1": "Allee 1", "city": "Berlin", "postal_code": "10115"}
    customer = client.v1.customers.create(
        params={
            "name": "Ada",
            "address": address,
            "shipping": {"name": "Ada", "address": {"country": "DE"}},
            "tax_id_data": [{"type": "eu_vat", "value": "DE123456789"}],
            "metadata": {"a": "b"},
        }
    ).id
    calculation = client.v1.tax.calculations.create(
        params={
            "currency": "usd",
            "customer": customer,
            "line_items": [{"amount": 5_000, "reference": "credits"}],
        }
    )
    common: Any = {"amount": 5_950, "currency": "usd", "customer": customer, "confirm": True}
    ways: list[Any] = [
        {"off_session": True, "hooks": {"inputs": {"tax": {"calculation": calculation.id}}}},
        {"return_url": "https://shop.example/", "setup_future_usage": "off_session"},
        {"allowed_payment_method_types": ["card"], "description": "credits"},
    ]
    for card in BY_NAME:
        for way in ways:
            with contextlib.suppress(stripe.CardError):
                client.v1.payment_intents.create(params=common | {"payment_method": card} | way)
        with contextlib.suppress(stripe.CardError):
            client.v1.setup_intents.create(
                params={
                    "customer": customer,
                    "payment_method": card,
                    "confirm": True,
                    "return_url": "https://shop.example/",
                }
            )
    answer_everything(client, control)


def answer_everything(client: stripe.StripeClient, control: Control) -> None:
    """Pass challenges, decide what is processing, refund, and fight disputes."""
    outcomes = iter(["accept", "refuse"] * 100)
    for kind in ("payment_intent", "setup_intent"):
        for intent in control("GET", f"/objects/{kind}")["data"]:
            if intent["status"] == "requires_action":
                path = f"/{kind}s/{intent['id']}/authenticate"
                control("POST", path, outcome=next(outcomes))
            elif intent["status"] == "processing":
                control("POST", f"/payment_intents/{intent['id']}/finish", outcome="failed")
    for charge in control("GET", "/objects/charge")["data"]:
        with contextlib.suppress(stripe.InvalidRequestError):
            refund = client.v1.refunds.create(params={"charge": charge["id"], "amount": 1_190})
            if refund.status == "pending":
                control("POST", f"/refunds/{refund.id}/settle", outcome="failed")
    for number, dispute in enumerate(control("GET", "/objects/dispute")["data"]):
        text = "winning_evidence" if number % 2 else "losing_evidence"
        client.v1.disputes.update(dispute["id"], params={"evidence": {"uncategorized_text": text}})


@pytest.fixture
def played(local: LocalStripe, client: stripe.StripeClient, control: Control) -> LocalStripe:
    play_everything(client, control)
    return local


def test_every_object_has_the_shape_that_stripe_python_promises(played: LocalStripe) -> None:
    assert played.state.objects.keys() == KINDS
    found = [
        problem
        for kind in sorted(KINDS)
        for made in played.state.all(kind)
        for problem in problems(made, class_of(kind), kind)
    ]
    assert sorted(set(found)) == []


def test_every_event_carries_an_object_of_the_right_shape(played: LocalStripe) -> None:
    found = []
    for event in played.state.all("event"):
        carried = event["data"]["object"]
        shape = class_of(carried["object"])
        found += list(problems(carried, shape, f"{event['type']}: {carried['object']}"))
    assert sorted(set(found)) == []


def test_what_is_answered_over_http_has_the_same_shape(
    played: LocalStripe, client: stripe.StripeClient
) -> None:
    paths = {
        "customer": "customers",
        "payment_intent": "payment_intents",
        "setup_intent": "setup_intents",
        "charge": "charges",
        "refund": "refunds",
        "dispute": "disputes",
        "event": "events",
        "balance_transaction": "balance_transactions",
        "payment_method": "payment_methods",
        "tax.calculation": "tax/calculations",
        "tax.transaction": "tax/transactions",
    }
    headers = {"Authorization": f"Bearer {played.api_key}"}
    with requests.Session() as session:
        for kind, path in paths.items():
            name = played.state.all(kind)[-1]["id"]
            url = f"{played.url}/v1/{path}/{name}"
            answer = session.get(url, headers=headers, timeout=20)
            assert answer.status_code == 200
            assert list(problems(answer.json(), class_of(kind), kind)) == []


def test_the_comparison_finds_what_is_wrong(local: LocalStripe, customer: str) -> None:
    made = dict(local.state.all("customer")[0])
    del made["livemode"]
    made |= {"created": "now", "tax_exempt": "sometimes", "nickname": "A"}
    found = sorted(problems(made, class_of("customer"), "customer"))
    assert [line.split(" ")[0] for line in found] == [
        "customer.created",
        "customer.livemode",
        "customer.nickname",
        "customer.tax_exempt",
    ]
