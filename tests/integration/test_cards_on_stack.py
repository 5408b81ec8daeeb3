"""Saved cards that change at Stripe, on the whole local stack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devstack.stack import Stack
from tests.support.buyer import Buyer, comes
from tests.support.contract import ContractSession


@pytest.fixture
def buyer(stack: Stack) -> Iterator[Buyer]:
    session = ContractSession(stack.url)
    yield Buyer(stack, session)
    session.close()


def _paused_for(buyer: Buyer, code: str) -> bool:
    top_up = buyer.call("GET", "/auto-top-up").json()
    return bool(top_up["status"] == "paused" and top_up["last_failure"]["code"] == code)


def test_the_saving_of_a_card_keeps_its_mandate_at_stripe_too(buyer: Buyer) -> None:
    setup = buyer.call("POST", "/payment-methods/setup").json()
    assert "until I turn auto top-up off" in setup["mandate"]
    intent = setup["client_secret"].partition("_secret")[0]
    metadata = buyer.stripe("GET", f"/v1/setup_intents/{intent}")["metadata"]
    assert metadata["agreed_by"] == "developer"
    assert metadata["mandate_version"]
    assert metadata["agreed_at"].endswith("Z")


def test_a_last_card_that_is_removed_in_the_dashboard_pauses_auto_top_up(buyer: Buyer) -> None:
    card = buyer.save_card()
    buyer.buy(card)
    buyer.top_up()
    buyer.control(f"/payment_methods/{card}/detach")
    comes(lambda: _paused_for(buyer, "no_payment_method"), "the pause")
    buyer.spend("45.00")
    buyer.save_card("pm_card_mastercard")
    comes(lambda: buyer.available() == "30.00", "the top-up with the new card")


def test_a_card_that_becomes_one_of_another_brand_is_not_charged(
    stack: Stack, buyer: Buyer
) -> None:
    card = buyer.save_card()
    buyer.buy(card)
    buyer.top_up()
    table = stack.environment["CUSTOMERS_TABLE"]
    key = {"organization_id": {"S": buyer.organization}}
    dynamodb = stack.cloud.client("dynamodb")
    comes(lambda: "mandates" in dynamodb.get_item(TableName=table, Key=key)["Item"], "the mandate")
    buyer.control(f"/payment_methods/{card}/replace", number="5555555555554444")
    comes(lambda: _paused_for(buyer, "card_brand_changed"), "the pause")


def test_a_customer_deleted_in_the_dashboard_can_save_a_card_and_buy_again(buyer: Buyer) -> None:
    buyer.buy(buyer.save_card())
    buyer.top_up()
    before = buyer.call("POST", "/payment-methods/setup").json()["customer_id"]
    buyer.stripe("DELETE", f"/v1/customers/{before}")
    comes(lambda: _paused_for(buyer, "no_payment_method"), "the pause")
    assert buyer.call("GET", "/payment-methods").json()["data"] == []
    card = buyer.save_card()
    assert buyer.call("POST", "/payment-methods/setup").json()["customer_id"] != before
    assert buyer.buy(card).status_code == 201
