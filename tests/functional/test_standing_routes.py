"""The operator's routes about what an account may do, as callers meet them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from devstack.emulator import Emulator
from tests.functional.api import Api, running_api

RULE = "must say why in 1 to 200 characters"


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> Iterator[Api]:
    with running_api(emulator) as running:
        yield running


@pytest.fixture
def org(api: Api) -> str:
    name = f"standing-{uuid.uuid4().hex[:8]}"
    api.fund(name, "40.00")
    return name


def test_suspended_is_403_for_gateways_and_the_ledger_says_who_and_why(api: Api, org: str) -> None:
    body = {"suspended": True, "reason": " chargebacks "}
    told = api.call("PUT", f"{org}/suspension", body=body, scope="operator").json()
    assert (told["standing"], told["entry"]["type"]) == ("suspended", "suspension")
    assert told["entry"]["details"] == {"reason": "chargebacks", "author": "ada"}
    access = api.call("GET", f"{org}/access", scope="gateway").json()
    assert access == {"allowed": False, "reason": "suspended", "available": "40.00"}
    for path in ("deductions", "holds"):
        refused = api.call(
            "POST", f"{org}/{path}", body={"amount": "1.00"}, scope="gateway", key=path
        )
        assert (refused.status, refused.code) == (403, "forbidden")
    assert api.call("GET", f"{org}/credits", scope="credits:read").json()["status"] == "suspended"
    again = api.call("PUT", f"{org}/suspension", body=body, scope="operator").json()
    assert again == {"organization_id": org, "standing": "suspended", "entry": None}
    resumed = api.call(
        "PUT", f"{org}/suspension", body={"suspended": False, "reason": "paid"}, scope="operator"
    )
    assert resumed.json()["standing"] == "open"
    spent = api.call("POST", f"{org}/deductions", body={"amount": "1.00"}, scope="gateway", key="n")
    assert spent.status == 201
    kinds = [
        e["type"] for e in api.call("GET", f"{org}/ledger", scope="credits:read").json()["data"]
    ]
    assert kinds == ["deduction", "resumption", "suspension", "purchase"]


def test_a_closed_account_is_paid_back_and_refuses_everything(api: Api, org: str) -> None:
    body = {"refund": True, "reason": "cancelled by letter"}
    closed = api.call("PUT", f"{org}/closure", body=body, scope="operator")
    assert closed.status == 200
    told = closed.json()
    (refund,) = told.pop("refunds")
    assert refund["amount"] == "40.00"
    assert told == {
        "organization_id": org,
        "complete": True,
        "available": "0.00",
        "forfeited": "0.00",
        "left": [],
    }
    assert api.call("PUT", f"{org}/closure", body=body, scope="operator").json()["complete"]
    cards = api.call("GET", f"{org}/payment-methods", scope="credits:read").json()["data"]
    assert cards == []
    setup = api.call("POST", f"{org}/payment-methods/setup", scope="credits:write")
    assert (setup.status, setup.code) == (403, "forbidden")
    order = {"amount": "10.00", "payment_method_id": "pm_1"}
    bought = api.call("POST", f"{org}/purchases", body=order, scope="credits:write", key="more")
    assert (bought.status, bought.code) == (403, "forbidden")
    resume = {"suspended": False, "reason": "a mistake"}
    conflict = api.call("PUT", f"{org}/suspension", body=resume, scope="operator")
    assert (conflict.status, conflict.code) == (409, "conflict")
    other = api.call("PUT", f"{org}/closure", body={**body, "refund": False}, scope="operator")
    assert (other.status, other.code) == (409, "conflict")
    invoices = api.call("GET", f"{org}/transactions", scope="credits:read").json()["data"]
    assert invoices[0]["invoice"]["number"], "the history stays"
    assert len(invoices[0]["credit_notes"]) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("suspension", {"suspended": "yes", "reason": "x"}),
        ("suspension", {"suspended": True}),
        ("suspension", {"suspended": True, "reason": "x", "other": 1}),
        ("closure", {"reason": "x"}),
        ("closure", {"refund": 1, "reason": "x"}),
    ],
)
def test_what_cannot_be_read_changes_nothing(
    api: Api, org: str, path: str, body: dict[str, object]
) -> None:
    answer = api.call("PUT", f"{org}/{path}", body=body, scope="operator")
    assert answer.status in {400, 422}
    assert api.call("GET", f"{org}/credits", scope="credits:read").json()["status"] == "active"


def test_a_reason_must_be_said(api: Api, org: str) -> None:
    body = {"suspended": True, "reason": "  "}
    refused = api.call("PUT", f"{org}/suspension", body=body, scope="operator")
    assert (refused.status, refused.json()["errors"]) == (
        422,
        [{"field": "reason", "detail": RULE}],
    )
