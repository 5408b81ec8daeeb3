"""Add Credits, from the button to the balance, in every way that it can go."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import NewVisitor
from tests.browser.visitor import ALWAYS_ASKS, DECLINED_LATER, VISA, Visitor


@pytest.fixture
def customer(visitor: NewVisitor) -> Visitor:
    """Somebody with a card and an address on file, in front of the page."""
    known = visitor()
    known.seed()
    known.open()
    return known


def purchases_of(customer: Visitor) -> list[Any]:
    found: list[Any] = customer.api().get("/transactions")["data"]
    return found


def test_credits_are_bought_with_the_saved_card_and_the_balance_is_new_at_once(
    customer: Visitor,
) -> None:
    customer.expect_balance("$0.00")
    customer.to_review("25")
    expect(customer.dialog.get_by_text("Visa •••• 4242")).to_be_visible()
    expect(customer.dialog.get_by_text("Demo GmbH")).to_be_visible()
    customer.pay_button.click()
    expect(customer.dialog.get_by_text("$25.00 was added")).to_be_visible()
    expect(customer.dialog.get_by_text("You have $25.00 available now.")).to_be_visible()
    customer.button("Done", within=customer.dialog).click()
    customer.expect_balance("$25.00")
    expect(customer.page.get_by_role("row", name="Purchase Paid $25.00")).to_be_visible()
    expect(customer.button("Add Credits")).to_be_focused()


def test_a_new_customer_buys_with_a_new_card_and_address(visitor: NewVisitor) -> None:
    newcomer = visitor()
    newcomer.open()
    newcomer.button("Add Credits").click()
    newcomer.button("$100", within=newcomer.dialog, exact=True).click()
    newcomer.go_on()
    newcomer.type_card(VISA)
    newcomer.type_address("Ada Lovelace")
    newcomer.go_on()
    expect(newcomer.dialog.get_by_text("Visa •••• 4242")).to_be_visible()
    newcomer.pay_button.click()
    expect(newcomer.dialog.get_by_text("$100.00 was added")).to_be_visible()
    assert newcomer.api().get("/billing-details")["name"] == "Ada Lovelace"
    newcomer.button("Done", within=newcomer.dialog).click()
    expect(newcomer.page.locator("#cards").get_by_text("Visa •••• 4242")).to_be_visible()
    newcomer.expect_balance("$100.00")


def test_a_preset_is_one_click_and_another_amount_is_typed(customer: Visitor) -> None:
    customer.button("Add Credits").click()
    ten = customer.button("$10", within=customer.dialog, exact=True)
    ten.click()
    expect(ten).to_have_attribute("aria-pressed", "true")
    expect(customer.button("Continue with $10.00")).to_be_visible()
    customer.dialog.get_by_label("Amount", exact=True).fill("1,234.50")
    expect(customer.button("Continue with $1,234.50")).to_be_visible()
    expect(ten).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("4.99", "The least is $5."),
        ("10000.01", "The most is $10,000."),
        ("5.001", "Enter an amount in dollars and cents"),
        ("ten", "Enter an amount in dollars and cents"),
        ("", "Enter an amount in dollars and cents"),
    ],
)
def test_an_amount_that_can_not_be_bought_is_refused_beside_its_field(
    customer: Visitor, typed: str, problem: str
) -> None:
    customer.begin_purchase(typed)
    customer.go_on()
    amount = customer.dialog.get_by_label("Amount", exact=True)
    expect(amount).to_be_focused()
    expect(amount).to_have_attribute("aria-invalid", "true")
    expect(amount).to_have_accessible_description(re.compile(re.escape(f"$10,000 {problem}")))


def test_a_tax_id_is_chosen_by_country_and_printed_on_the_invoice(customer: Visitor) -> None:
    customer.begin_purchase("20")
    customer.dialog.get_by_text("Add a tax ID").click()
    customer.dialog.get_by_label("Country").select_option("DE")
    number = customer.dialog.get_by_label("Number")
    expect(customer.dialog.get_by_label("Type")).to_have_value("eu_vat")
    expect(number).to_have_attribute("placeholder", "DE136695976")
    number.fill("DE136695976")
    customer.go_on()
    customer.go_on()
    expect(customer.dialog.get_by_text("DE136695976")).to_be_visible()
    customer.pay_button.click()
    expect(customer.dialog.get_by_text("$20.00 was added")).to_be_visible()
    kept = customer.api().get("/billing-details")["tax_id"]
    assert kept == {"type": "eu_vat", "value": "DE136695976"}


def test_a_wrong_tax_id_leads_back_to_its_field(customer: Visitor) -> None:
    customer.begin_purchase("20")
    customer.dialog.get_by_text("Add a tax ID").click()
    customer.dialog.get_by_label("Country").select_option("DE")
    customer.dialog.get_by_label("Type").select_option("eu_vat")
    customer.dialog.get_by_label("Number").fill("DE000")
    customer.go_on()
    customer.go_on()
    customer.pay_button.click()
    number = customer.dialog.get_by_label("Number")
    expect(number).to_have_attribute("aria-invalid", "true")
    expect(number).to_be_focused()
    assert purchases_of(customer) == []


def test_a_declined_card_says_why_and_another_amount_or_card_goes_on(
    visitor: NewVisitor,
) -> None:
    unlucky = visitor()
    unlucky.seed("pm_card_chargeCustomerFail")
    unlucky.open()
    unlucky.to_review("30")
    unlucky.pay_button.click()
    expect(unlucky.dialog.get_by_role("heading", name="The payment was declined")).to_be_visible()
    expect(unlucky.dialog.get_by_role("alert")).to_contain_text("Your bank declined the payment")
    unlucky.button("Use another card", within=unlucky.dialog).click()
    unlucky.dialog.get_by_label("New card").check()
    unlucky.type_card(VISA)
    unlucky.go_on()
    unlucky.pay_button.click()
    expect(unlucky.dialog.get_by_text("$30.00 was added")).to_be_visible()
    assert len(purchases_of(unlucky)) == 1


def test_a_card_that_can_not_be_saved_says_so_in_the_form(visitor: NewVisitor) -> None:
    newcomer = visitor()
    newcomer.open()
    newcomer.begin_purchase("30")
    newcomer.go_on()
    newcomer.type_card("4000000000009995")
    newcomer.type_address()
    newcomer.go_on()
    expect(newcomer.dialog.get_by_text("The card has insufficient funds.")).to_be_visible()
    newcomer.type_card(VISA)
    newcomer.go_on()
    expect(newcomer.pay_button).to_be_visible()


@pytest.mark.parametrize("decision", ["Accept", "Refuse"])
def test_the_bank_is_asked_and_its_answer_counts(visitor: NewVisitor, decision: str) -> None:
    careful = visitor()
    careful.seed("pm_card_visa", attached="pm_card_authenticationRequired")
    careful.open()
    careful.to_review("40")
    careful.pay_button.click()
    careful.bank().get_by_role("button", name=decision).click()
    if decision == "Accept":
        expect(careful.dialog.get_by_text("$40.00 was added")).to_be_visible()
        careful.expect_balance("$40.00")
        return
    expect(careful.dialog.get_by_role("heading", name="confirmed")).to_be_visible()
    expect(careful.dialog.get_by_role("alert")).to_contain_text("confirmed with your bank")
    careful.expect_balance("$0.00")
    careful.button("Try again", within=careful.dialog).click()
    careful.pay_button.click()
    careful.bank().get_by_role("button", name="Accept").click()
    expect(careful.dialog.get_by_text("$40.00 was added")).to_be_visible()
    careful.expect_balance("$40.00")


def test_a_double_click_charges_once(customer: Visitor) -> None:
    customer.to_review("15")
    customer.pay_button.dblclick()
    expect(customer.dialog.get_by_text("$15.00 was added")).to_be_visible()
    customer.expect_balance("$15.00")
    assert len(purchases_of(customer)) == 1


def test_an_answer_that_gets_lost_is_asked_for_again_under_the_same_key(
    customer: Visitor,
) -> None:
    keys: list[str] = []

    def lose_first(route: Route) -> None:
        if '"preview"' in (route.request.post_data or ""):
            route.continue_()
            return
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            route.continue_()
            return
        route.fetch()  # the server does its work
        route.abort("connectionreset")

    customer.page.route("**/purchases", lose_first)
    customer.to_review("35")
    customer.pay_button.click()
    expect(customer.dialog.get_by_role("heading", name="know yet")).to_be_visible()
    customer.button("Check now", within=customer.dialog).click()
    expect(customer.dialog.get_by_text("$35.00 was added")).to_be_visible()
    assert len(set(keys)) == 1
    assert len(purchases_of(customer)) == 1
    customer.expect_balance("$35.00")


def test_who_tried_too_many_cards_is_told_at_once_and_not_kept_waiting(customer: Visitor) -> None:
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.headers["idempotency-key"])
        detail = "Too many purchases of the last hour were not paid. Please try again later."
        problem = {"type": "about:blank", "title": "Too Many Requests", "status": 429}
        route.fulfill(
            status=429,
            headers={"Retry-After": "3000"},
            json={**problem, "code": "busy", "detail": detail},
        )

    customer.to_review("35")
    customer.page.route("**/purchases", refuse)
    customer.pay_button.click()
    expect(customer.dialog.get_by_text("Too many purchases of the last hour")).to_be_visible()
    assert len(asked) == 1
    assert purchases_of(customer) == []


def test_a_lost_purchase_is_still_known_after_a_reload(customer: Visitor) -> None:
    def lose(route: Route) -> None:
        if '"preview"' in (route.request.post_data or ""):
            route.continue_()
            return
        route.fetch()
        route.abort("connectionreset")

    customer.page.route("**/purchases", lose)
    customer.to_review("45")
    customer.pay_button.click()
    expect(customer.dialog.get_by_role("heading", name="know yet")).to_be_visible()
    customer.page.unroute("**/purchases")
    customer.page.reload()
    notice = customer.page.get_by_text("A purchase of $45.00 was sent, but its answer got lost")
    expect(notice).to_be_visible()
    customer.page.locator(".notice").get_by_role("button", name="Check now").click()
    expect(customer.dialog.get_by_text("$45.00 was added")).to_be_visible()
    expect(notice).to_be_hidden()
    assert len(purchases_of(customer)) == 1


def test_the_back_button_goes_a_step_back_then_closes_the_dialog(customer: Visitor) -> None:
    customer.to_review("60")
    customer.page.go_back()
    expect(customer.dialog.get_by_text("New card")).to_be_visible()
    customer.page.go_back()
    amount = customer.dialog.get_by_label("Amount", exact=True)
    expect(amount).to_have_value("60")
    customer.page.go_back()
    expect(customer.page.locator("dialog")).to_have_count(0)
    expect(customer.balance).to_be_visible()
    customer.button("Add Credits").click()
    expect(customer.dialog.get_by_label("Amount", exact=True)).to_have_value("60")


def test_the_back_button_can_not_leave_a_payment_under_way(customer: Visitor) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    customer.to_review("12")
    customer.page.route("**/purchases", hold)
    customer.pay_button.click()
    expect(customer.dialog.get_by_text("Your payment is being made")).to_be_visible()
    customer.page.evaluate("history.back()")
    customer.page.keyboard.press("Escape")
    expect(customer.dialog.get_by_text("Your payment is being made")).to_be_visible()
    held[0].continue_()
    expect(customer.dialog.get_by_text("$12.00 was added")).to_be_visible()
    customer.expect_balance("$12.00")


def test_what_was_typed_survives_a_session_that_ends(customer: Visitor) -> None:
    customer.begin_purchase("77")
    customer.go_on()
    customer.button("Change", within=customer.dialog).click()
    customer.dialog.get_by_label("Full name or company").fill("Grace Hopper")
    customer.go_on()
    expect(customer.pay_button).to_be_visible()
    customer.page.route("**/purchases", lambda route: route.fulfill(status=401, json={}))
    customer.pay_button.click()
    expect(customer.dialog.get_by_role("heading", name="Your session has ended")).to_be_visible()
    customer.page.unroute("**/purchases")
    customer.button("Sign in again", within=customer.dialog).click()
    customer.page.get_by_label("Organization").fill(customer.organization)
    customer.button("Continue").click()
    expect(customer.balance).to_be_visible()
    expect(customer.dialog.get_by_label("Amount", exact=True)).to_have_value("77")
    customer.go_on()
    expect(customer.dialog.get_by_label("Full name or company")).to_have_value("Grace Hopper")
    customer.go_on()
    customer.pay_button.click()
    expect(customer.dialog.get_by_text("$77.00 was added")).to_be_visible()
    assert customer.api().get("/billing-details")["name"] == "Grace Hopper"


def test_a_server_that_is_busy_is_waited_for_under_the_same_key(customer: Visitor) -> None:
    keys: list[str] = []

    def busy_first(route: Route) -> None:
        if '"preview"' in (route.request.post_data or ""):
            route.continue_()
            return
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            problem = {"code": "busy", "status": 503, "detail": "", "title": "", "type": ""}
            route.fulfill(status=503, json=problem, headers={"Retry-After": "1"})
        else:
            route.continue_()

    customer.page.route("**/purchases", busy_first)
    customer.to_review("18")
    customer.pay_button.click()
    expect(customer.dialog.get_by_text("$18.00 was added")).to_be_visible()
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_a_card_that_declines_when_charged_is_named_so(visitor: NewVisitor) -> None:
    newcomer = visitor()
    newcomer.open()
    newcomer.begin_purchase("22")
    newcomer.go_on()
    newcomer.type_card(DECLINED_LATER)
    newcomer.type_address()
    newcomer.go_on()
    newcomer.pay_button.click()
    expect(newcomer.dialog.get_by_role("heading", name="declined")).to_be_visible()
    newcomer.button("Change the amount", within=newcomer.dialog).click()
    expect(newcomer.dialog.get_by_label("Amount", exact=True)).to_have_value("22")


def test_a_new_card_that_asks_for_3_d_secure_is_saved_and_then_charged(
    visitor: NewVisitor,
) -> None:
    newcomer = visitor()
    newcomer.open()
    newcomer.begin_purchase("26")
    newcomer.go_on()
    newcomer.type_card(ALWAYS_ASKS)
    newcomer.type_address()
    newcomer.go_on()
    newcomer.bank().get_by_role("button", name="Accept").click()
    newcomer.pay_button.click()
    newcomer.bank().get_by_role("button", name="Accept").click()
    expect(newcomer.dialog.get_by_text("$26.00 was added")).to_be_visible()
