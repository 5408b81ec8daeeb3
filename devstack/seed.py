"""The organization `demo`, with billing details and a saved test card, made as a customer would."""

from __future__ import annotations

import time
from collections.abc import Mapping

from devstack.client import Client, UnexpectedAnswerError, confirm_card

DEMO_ORGANIZATION = "demo"
TEST_CARD = "pm_card_visa"
CARD_SECONDS = 60.0
BILLING_DETAILS = {
    "name": "Demo GmbH",
    "email": "billing@demo.example",
    "address": {
        "line1": "Torstrasse 1",
        "city": "Berlin",
        "postal_code": "10119",
        "country": "DE",
    },
    "tax_id": None,
}


def seed(description: Mapping[str, str], client: Client) -> None:
    """Give the client's organization billing details and a card.

    Raises:
        UnexpectedAnswerError: a route did not do what the contract promises.
    """
    client.put("/billing-details", BILLING_DETAILS)
    add_card(description, client)


def add_card(
    description: Mapping[str, str], client: Client, *, payment_method: str = TEST_CARD
) -> None:
    """Save a test card of Stripe's, and wait until the organization has it."""
    setup = client.call("POST", "/payment-methods/setup", body={})
    confirm_card(
        setup,
        stripe_api_base=description["stripe_api_base"],
        stripe_api_key=description["stripe_api_key"],
        payment_method=payment_method,
    )
    deadline = time.monotonic() + CARD_SECONDS
    while not client.get("/payment-methods")["data"]:
        if time.monotonic() > deadline:
            raise UnexpectedAnswerError("The saved card is not listed by GET /payment-methods.")
        time.sleep(0.1)
