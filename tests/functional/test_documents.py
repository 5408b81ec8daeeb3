"""Invoices and credit notes by their numbers, over the real interfaces."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from devstack.stack import Stack
from tests.support.buyer import Buyer
from tests.support.contract import ContractSession

AS_JSON = {"Accept": "application/json"}


@pytest.fixture
def session(stack: Stack) -> Iterator[ContractSession]:
    running = ContractSession(stack.url)
    yield running
    running.close()


def downloaded(buyer: Buyer, path: str) -> requests.Response:
    """The file behind a link, once it is there."""
    for _ in range(150):
        answer = buyer.call("GET", path)
        if answer.status_code == 302:
            return requests.get(answer.headers["Location"], timeout=30)
        assert answer.status_code == 202, answer.text
        time.sleep(0.1)
    raise AssertionError(f"{path} was never stored")


def test_a_refunds_credit_note_is_listed_with_its_purchase_and_can_be_had(
    stack: Stack, session: ContractSession
) -> None:
    buyer = Buyer(stack, session)
    purchase = buyer.buy(buyer.save_card()).json()["id"]
    order = {"amount": "20.00", "reason": "ordered twice"}
    path = f"/purchases/{purchase}/refunds"
    refunded = buyer.call("POST", path, body=order, key="r", by=buyer.operator).json()
    (line,) = buyer.call("GET", "/transactions").json()["data"]
    (credit_note,) = line["credit_notes"]
    assert credit_note["number"] == refunded["credit_note"]["number"]
    assert credit_note["number"] != line["invoice"]["number"]
    route = credit_note["url"].partition(buyer.organization)[2]
    stored = downloaded(buyer, route)
    assert stored.content.startswith(b"%PDF-")
    name = f"credit-note-{credit_note['number']}.pdf"
    assert name in stored.headers["Content-Disposition"]
    page = downloaded(buyer, f"{route}?format=html").text
    assert "Credit note" in page
    assert line["invoice"]["number"] in page, "it says which invoice it corrects"
    assert "20.00" in page


def test_documents_of_others_and_unknown_numbers_do_not_exist(
    stack: Stack, session: ContractSession
) -> None:
    owner, stranger = Buyer(stack, session), Buyer(stack, session)
    bought = owner.buy(owner.save_card()).json()
    number = bought["invoice"]["number"]
    assert downloaded(owner, f"/documents/{number}").content.startswith(b"%PDF-")
    for answer in (
        stranger.call("GET", f"/documents/{number}"),
        stranger.call("GET", f"/transactions/{bought['id']}/invoice"),
        owner.call("GET", "/documents/1999-000001"),
    ):
        assert answer.status_code == 404
    assert owner.call("GET", f"/documents/{number}?format=docx").status_code == 422
