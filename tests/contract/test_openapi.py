"""The contract describes the application: its routes, and what they really answer."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator

import pytest
import requests
from openapi_spec_validator import validate

from app import app
from devstack.stack import Stack
from scripts.openapi import SERVED, served_text
from tests.support.contract import ContractSession, contract, operations

ADDRESS = {"line1": "1 Main St", "city": "Berlin", "postal_code": "10115", "country": "DE"}
DETAILS = {"name": "Acme GmbH", "address": ADDRESS}


@pytest.fixture
def session(stack: Stack) -> Iterator[ContractSession]:
    running = ContractSession(stack.url)
    yield running
    running.close()


def save_card(session: ContractSession, stack: Stack, organization: str, token: str) -> str:
    base = f"/v1/organizations/{organization}/payment-methods"
    setup = session.call("POST", f"{base}/setup", token=token).json()
    confirmed = requests.post(
        f"{stack.environment['STRIPE_API_BASE']}/v1/setup_intents/"
        f"{setup['client_secret'].partition('_secret')[0]}/confirm",
        data={"payment_method": "pm_card_visa"},
        auth=(stack.environment["STRIPE_API_KEY"], ""),
        timeout=30,
    )
    assert confirmed.json()["status"] == "succeeded", confirmed.text
    cards = session.call("GET", base, token=token).json()["data"]
    return str(cards[0]["id"])


def test_the_contract_is_valid_openapi() -> None:
    validate(contract())


def test_the_served_contract_is_the_documented_one() -> None:
    assert SERVED.read_text("utf-8") == served_text(), "run `make openapi`"


def test_the_contract_has_the_routes_of_the_application_and_no_others() -> None:
    # Preflights are the browsers' matter; the contract's text says which origins may call.
    routes = {
        (method, path)
        for path, methods in app.routes.items()
        for method in methods
        if method != "OPTIONS"
    }
    assert set(operations(contract())) == routes


def test_every_operation_says_which_scope_it_needs_or_that_it_is_open() -> None:
    for (method, path), operation in operations(contract()).items():
        if operation.get("security") != []:
            assert "Scope: " in operation["description"], f"{method} {path}"


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for operation in operations(contract()).values()]
    assert len(ids) == len(set(ids))


def test_a_buyers_session_is_answered_as_the_contract_says(
    session: ContractSession, stack: Stack
) -> None:
    organization = f"buyer-{uuid.uuid4().hex[:8]}"
    token = stack.token(organization_id=organization, scope="credits:read credits:write")
    base = f"/v1/organizations/{organization}"
    assert session.call("GET", f"{base}/credits", token=token).json()["status"] == "exhausted"
    assert session.call("GET", f"{base}/billing-details", token=token).json()["name"] is None
    card = save_card(session, stack, organization, token)
    order = {"amount": "50.00", "payment_method_id": card}
    assert session.call("POST", f"{base}/purchases", body=order, token=token).status_code == 400
    refused = session.call("POST", f"{base}/purchases", body=order, token=token, key="a")
    assert refused.status_code == 422, "there are no billing details yet"
    assert (
        session.call("PUT", f"{base}/billing-details", body=DETAILS, token=token).status_code == 200
    )
    bought = session.call("POST", f"{base}/purchases", body=order, token=token, key="a")
    assert bought.status_code == 201, bought.text
    again = session.call("POST", f"{base}/purchases", body=order, token=token, key="a")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == bought.json()
    purchase = bought.json()["id"]
    assert session.call("GET", f"{base}/purchases/{purchase}", token=token).status_code == 200
    history = session.call("GET", f"{base}/transactions?type=purchase&limit=1", token=token)
    assert [line["id"] for line in history.json()["data"]] == [purchase]
    invoice = f"{base}/transactions/{purchase}/invoice"
    as_json = {"Accept": "application/json"}
    for _ in range(50):
        link = session.call("GET", invoice, token=token, headers=as_json)
        if link.status_code == 200:
            break
        time.sleep(0.2)
    document = requests.get(link.json()["url"], timeout=30)
    assert document.content.startswith(b"%PDF-")
    assert session.call("GET", invoice, token=token).status_code == 302
    settings = {"enabled": True, "threshold": "10.00", "amount": "20.00", "monthly_limit": None}
    top_up = session.call("PUT", f"{base}/auto-top-up", body=settings, token=token)
    assert top_up.json()["enabled"] is True
    session.call("GET", f"{base}/auto-top-up", token=token)
    session.call("PUT", f"{base}/payment-methods/{card}/default", token=token)
    last = session.call("DELETE", f"{base}/payment-methods/{card}", token=token)
    assert last.status_code == 409, "the last card can't go while auto top-up is on"
    session.call("PUT", f"{base}/auto-top-up", body={"enabled": False}, token=token)
    gone = session.call("DELETE", f"{base}/payment-methods/{card}", token=token)
    assert gone.status_code == 204
    ledger = session.call("GET", f"{base}/ledger", token=token).json()["data"]
    assert [entry["amount"] for entry in ledger] == ["50.00"]


def test_a_gateways_session_is_answered_as_the_contract_says(
    session: ContractSession, stack: Stack
) -> None:
    organization = f"gateway-{uuid.uuid4().hex[:8]}"
    token = stack.token(organization_id="the-gateway", scope="gateway")
    base = f"/v1/organizations/{organization}"
    access = session.call("GET", f"{base}/access", token=token).json()
    assert access == {"allowed": False, "reason": "exhausted", "available": "0.00"}
    refused = session.call(
        "POST", f"{base}/deductions", body={"amount": "0.01"}, token=token, key="a"
    )
    assert refused.status_code == 402
    lines = [{"kind": "model", "provider": "openai", "model": "none-such", "input_tokens": 1}]
    unpriced = session.call(
        "POST", f"{base}/deductions", body={"usage": lines}, token=token, key="b"
    )
    assert unpriced.status_code == 422


def test_what_is_open_and_what_is_not_is_answered_as_the_contract_says(
    session: ContractSession,
) -> None:
    assert session.call("GET", "/healthz").json() == {"status": "ok"}
    assert session.call("GET", "/openapi.json").json() == json.loads(served_text())
    assert session.call("GET", "/v1/organizations/acme/credits").status_code == 401
    assert session.call("POST", "/webhooks/stripe", body={"id": "evt_1"}).status_code == 400
