"""The Auto top-up panel: turning it on and off, what it says, and how trouble is resolved."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import NewVisitor
from tests.browser.visitor import VISA, Visitor


@pytest.fixture
def customer(visitor: NewVisitor) -> Visitor:
    known = visitor()
    known.seed()
    return known


def panel(customer: Visitor) -> Locator:
    return customer.page.locator("#top-up")


def turn_on(customer: Visitor, *, threshold: str, amount: str, limit: str = "") -> None:
    form = panel(customer)
    form.get_by_role("switch", name="Auto top-up").check()
    form.get_by_label("When credits fall below").fill(threshold)
    form.get_by_label("Add this amount").fill(amount)
    form.get_by_label("Monthly limit").fill(limit)
    customer.button("Save changes").click()


def wait_for_status(customer: Visitor, status: str) -> None:
    """Until the top-up's worker has come so far."""
    deadline = time.monotonic() + 30
    while customer.api().get("/auto-top-up")["status"] != status:
        assert time.monotonic() < deadline, f"auto top-up never became {status}"
        time.sleep(0.2)


def wait_for_balance(customer: Visitor, available: str) -> None:
    """Until the top-up has been credited."""
    deadline = time.monotonic() + 30
    while customer.api().get("/credits")["available"] != available:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def come_back(customer: Visitor) -> None:
    """Turn to the page again, which then looks for news."""
    customer.button("Refresh").click()


def test_it_is_turned_on_charges_at_once_when_low_and_is_turned_off(customer: Visitor) -> None:
    customer.open()
    turn_on(customer, threshold="20", amount="25", limit="100")
    expect(customer.page.get_by_text("Auto top-up is on.")).to_be_visible()
    wait_for_status(customer, "idle")
    saved = customer.api().get("/auto-top-up")
    assert saved["enabled"]
    assert (saved["threshold"], saved["amount"], saved["monthly_limit"]) == (
        "20.00",
        "25.00",
        "100.00",
    )
    wait_for_balance(customer, "25.00")
    come_back(customer)
    customer.expect_balance("$25.00")
    expect(customer.page.get_by_role("row", name="Auto Top-up Paid $25.00")).to_be_visible()
    expect(panel(customer).get_by_text("$25.00 of $100.00 topped up this month")).to_be_visible()
    panel(customer).get_by_role("switch", name="Auto top-up").uncheck()
    customer.button("Save changes").click()
    expect(customer.page.get_by_text("Auto top-up is off.")).to_be_visible()
    assert not customer.api().get("/auto-top-up")["enabled"]


def test_before_it_is_turned_on_it_says_what_that_allows_and_charges(customer: Visitor) -> None:
    customer.open()
    panel(customer).get_by_role("switch", name="Auto top-up").check()
    expect(panel(customer).get_by_text("you allow")).to_be_visible()
    expect(
        panel(customer).get_by_text("saving charges $100.00 to Visa ending in 4242 right away")
    ).to_be_visible()


@pytest.mark.parametrize(
    ("label", "value", "problem"),
    [
        ("When credits fall below", "soon", "Enter an amount"),
        ("Add this amount", "4", "The least is $5."),
        ("Add this amount", "10001", "The most is $10,000."),
        ("Monthly limit", "24.99", "be less than one top-up."),
    ],
)
def test_settings_that_make_no_sense_are_refused_beside_their_field(
    customer: Visitor, label: str, value: str, problem: str
) -> None:
    customer.open()
    panel(customer).get_by_role("switch", name="Auto top-up").check()
    panel(customer).get_by_label("Add this amount").fill("25")
    field = panel(customer).get_by_label(label)
    field.fill(value)
    customer.button("Save changes").click()
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description(re.compile(re.escape(problem)))
    assert not customer.api().get("/auto-top-up")["enabled"]


def test_without_a_card_it_asks_for_one(visitor: NewVisitor) -> None:
    newcomer = visitor()
    newcomer.open()
    turn_on(newcomer, threshold="20", amount="25")
    expect(panel(newcomer).get_by_text("Auto top-up needs a payment method.")).to_be_visible()
    panel(newcomer).get_by_role("button", name="Add a card").click()
    newcomer.type_card(VISA)
    newcomer.type_address()
    newcomer.button("Save card", within=newcomer.dialog).click()
    expect(newcomer.page.get_by_text("The card was saved.")).to_be_visible()
    expect(panel(newcomer).get_by_role("switch", name="Auto top-up")).to_be_checked()
    newcomer.button("Save changes").click()
    expect(newcomer.page.get_by_text("Auto top-up is on.")).to_be_visible()


def test_what_is_being_typed_is_not_overwritten_by_news(customer: Visitor) -> None:
    customer.open()
    threshold = panel(customer).get_by_label("When credits fall below")
    threshold.fill("33")
    come_back(customer)
    expect(customer.page.get_by_text("Everything is up to date.")).to_be_visible()
    expect(threshold).to_have_value("33")


def test_a_charge_that_failed_is_explained_and_another_card_resolves_it(
    visitor: NewVisitor,
) -> None:
    unlucky = visitor()
    unlucky.seed("pm_card_chargeCustomerFail")
    unlucky.open()
    turn_on(unlucky, threshold="20", amount="25")
    wait_for_status(unlucky, "backing_off")
    come_back(unlucky)
    expect(panel(unlucky).get_by_text("Your bank declined the payment")).to_be_visible()
    expect(panel(unlucky).get_by_text("The next attempt is at")).to_be_visible()
    panel(unlucky).get_by_role("button", name="Use another card").click()
    unlucky.type_card(VISA)
    unlucky.button("Save card", within=unlucky.dialog).click()
    expect(unlucky.page.get_by_text("The card was saved.")).to_be_visible()
    wait_for_status(unlucky, "idle")
    come_back(unlucky)
    expect(panel(unlucky).get_by_text("Your bank declined the payment")).to_have_count(0)


def test_a_top_up_that_the_bank_wants_confirmed_is_confirmed_here(visitor: NewVisitor) -> None:
    careful = visitor()
    careful.seed(attached="pm_card_authenticationRequired")
    careful.open()
    turn_on(careful, threshold="20", amount="25")
    wait_for_status(careful, "action_required")
    come_back(careful)
    notice = careful.page.locator(".notices")
    expect(notice.get_by_text("Your bank wants you to confirm a top-up")).to_be_visible()
    notice.get_by_role("button", name="Confirm payment").click()
    careful.bank().get_by_role("button", name="Accept").click()
    careful.expect_balance("$25.00")
    expect(notice.get_by_text("Your bank wants you to confirm a top-up")).to_have_count(0)


def test_a_paused_top_up_says_why_and_goes_on_when_told_to(visitor: NewVisitor) -> None:
    unlucky = visitor()
    unlucky.seed()
    unlucky.open()
    answer = {
        **unlucky.api().get("/auto-top-up"),
        "enabled": True,
        "threshold": "20.00",
        "amount": "25.00",
        "status": "paused",
        "last_failure": {
            "code": "card_declined",
            "decline_code": "expired_card",
            "message": "Your card has expired.",
            "at": "2026-11-23T10:00:00Z",
            "purchase_id": None,
        },
    }
    standing = {**unlucky.api().get("/credits"), "auto_top_up": answer}
    unlucky.page.route("**/credits", lambda route: route.fulfill(json=standing))
    come_back(unlucky)
    expect(panel(unlucky).get_by_text("The card has expired.")).to_be_visible()
    expect(panel(unlucky).get_by_text("Nothing more is charged until you resume")).to_be_visible()
    unlucky.page.unroute("**/credits")
    panel(unlucky).get_by_role("button", name="Resume").click()
    expect(unlucky.page.get_by_text("Auto top-up goes on.")).to_be_visible()
    assert unlucky.api().get("/auto-top-up")["enabled"]


def test_a_charge_under_way_is_watched_until_it_is_done(customer: Visitor) -> None:
    standing = customer.api().get("/credits")
    standing["auto_top_up"] |= {"enabled": True, "status": "charging", "amount": "25.00"}
    customer.page.route("**/credits", lambda route: route.fulfill(json=standing))
    customer.open()
    expect(panel(customer).get_by_text("$25.00 is being charged.")).to_be_visible()
    customer.page.unroute("**/credits")
    expect(panel(customer).get_by_text("$25.00 is being charged.")).to_have_count(0)


def test_the_monthly_limit_is_said_to_be_reached(customer: Visitor) -> None:
    customer.api().put(
        "/auto-top-up",
        {"enabled": True, "threshold": "20.00", "amount": "25.00", "monthly_limit": "30.00"},
    )
    wait_for_status(customer, "idle")
    deadline = time.monotonic() + 30
    while customer.api().get("/auto-top-up")["spent_this_month"] != "25.00":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    customer.open()
    expect(panel(customer).get_by_text("The monthly limit is reached.")).to_be_visible()
