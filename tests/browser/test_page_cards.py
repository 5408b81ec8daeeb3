"""The Payment Method panel: adding, choosing and removing cards."""

from __future__ import annotations

from playwright.sync_api import Route, expect

from tests.browser.conftest import NewVisitor
from tests.browser.visitor import MASTERCARD, VISA, Visitor


def menu_of(customer: Visitor, card: str) -> None:
    customer.button(f"Actions for {card}").click()


def choose(customer: Visitor, item: str) -> None:
    customer.page.get_by_role("menuitem", name=item).click()


def test_a_card_is_added_made_default_and_removed(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    customer.open()
    cards = customer.page.locator("#cards")
    customer.button("Add new").click()
    customer.type_card(MASTERCARD)
    customer.button("Save card", within=customer.dialog).click()
    expect(customer.page.get_by_text("The card was saved.")).to_be_visible()
    mastercard = cards.get_by_role("listitem").filter(has_text="Mastercard")
    expect(mastercard.get_by_text("Default")).to_be_visible()
    menu_of(customer, "Visa ending in 4242")
    choose(customer, "Make default")
    visa = cards.get_by_role("listitem").filter(has_text="Visa")
    expect(visa.get_by_text("Default")).to_be_visible()
    menu_of(customer, "Mastercard ending in 4444")
    choose(customer, "Remove")
    expect(customer.dialog.get_by_role("heading")).to_have_text("Remove Mastercard ending in 4444?")
    customer.button("Remove", within=customer.dialog).click()
    expect(mastercard).to_have_count(0)
    assert [card["brand"] for card in customer.api().get("/payment-methods")["data"]] == ["visa"]


def test_the_last_card_can_not_be_removed_while_auto_top_up_needs_it(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    customer.buy("50.00")
    customer.api().put(
        "/auto-top-up",
        {"enabled": True, "threshold": "20.00", "amount": "25.00", "monthly_limit": None},
    )
    customer.open()
    menu_of(customer, "Visa ending in 4242")
    item = customer.page.get_by_role("menuitem", name="Remove")
    expect(item).to_contain_text("turn it off first")
    item.click(force=True)
    expect(customer.page.locator("dialog")).to_have_count(0)


def test_the_menu_is_worked_by_the_keyboard_and_gives_the_focus_back(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    customer.open()
    button = customer.button("Actions for Visa ending in 4242")
    button.focus()
    customer.page.keyboard.press("ArrowDown")
    expect(customer.page.get_by_role("menuitem", name="Remove")).to_be_focused()
    customer.page.keyboard.press("Escape")
    expect(customer.page.get_by_role("menu")).to_have_count(0)
    expect(button).to_be_focused()


def test_what_saving_a_card_allows_is_shown_before_it_is_saved(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    mandate = customer.api().call("POST", "/payment-methods/setup", body={})["mandate"]
    customer.open()
    customer.button("Add new").click()
    expect(customer.dialog.get_by_text(mandate)).to_be_visible()
    customer.page.keyboard.press("Escape")
    customer.begin_purchase("50")
    customer.go_on()
    customer.dialog.get_by_label("New card").check()
    expect(customer.dialog.get_by_text(mandate)).to_be_visible()


def test_an_incomplete_card_is_said_to_be_so(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    customer.open()
    customer.button("Add new").click()
    customer.card_form().get_by_label("Card number").fill("4242")
    customer.button("Save card", within=customer.dialog).click()
    expect(customer.dialog.get_by_text("Please complete the card details.")).to_be_visible()


def test_a_card_form_that_does_not_load_can_be_tried_again(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()

    def cut(route: Route) -> None:
        route.abort("internetdisconnected")

    customer.page.route("**/v3/", cut)
    customer.open()
    customer.button("Add new").click()
    expect(customer.dialog.get_by_text("The card form could")).to_be_visible()
    customer.page.unroute("**/v3/")
    customer.button("Try again", within=customer.dialog).click()
    customer.type_card(VISA)
    customer.button("Save card", within=customer.dialog).click()
    expect(customer.page.get_by_text("The card was saved.")).to_be_visible()


def test_an_old_and_an_expiring_card_are_marked(visitor: NewVisitor) -> None:
    customer = visitor()

    def card(name: str, month: int, year: int) -> dict[str, object]:
        expiry = {"exp_month": month, "exp_year": year}
        return {"id": name, "brand": "visa", "last4": "4242", "default": False, **expiry}

    cards = {"data": [card("pm_1", 1, 2020), card("pm_2", 12, 2060)], "next_cursor": None}
    customer.page.route("**/payment-methods", lambda route: route.fulfill(json=cards))
    customer.open()
    expect(customer.page.locator("#cards").get_by_text("Expired 01/20")).to_be_visible()
    expect(customer.page.locator("#cards").get_by_text("Expires 12/60")).to_be_visible()


def test_the_card_form_loads_once_and_keeps_what_is_typed(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    loads: list[str] = []
    customer.page.on(
        "request", lambda request: loads.append(request.url) if "/v3/card" in request.url else None
    )
    customer.open()
    customer.button("Add new").click()
    customer.type_card(MASTERCARD)
    customer.button("Save card", within=customer.dialog).click()
    expect(customer.page.get_by_text("The card was saved.")).to_be_visible()
    assert len([url for url in loads if url.endswith("/v3/card")]) == 1


def test_saving_before_the_card_form_is_there_waits_for_it(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    customer.page.route("**/payment-methods/setup", hold)
    customer.open()
    with customer.page.expect_request("**/payment-methods/setup"):
        customer.button("Add new").click()
    save = customer.button("Save card", within=customer.dialog)
    save.click()
    expect(save).to_have_attribute("aria-busy", "true")
    (route,) = held
    route.continue_()
    expect(customer.dialog.get_by_text("Please complete")).to_be_visible()
    customer.type_card(MASTERCARD)
    save.click()
    expect(customer.page.get_by_text("The card was saved.")).to_be_visible()
