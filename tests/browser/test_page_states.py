"""The states that people meet: signing in, waiting, empty, blocked, offline, two tabs."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import NewVisitor
from tests.browser.visitor import READ, Visitor


def sign_in(visitor: Visitor, page: Page, *, unchecked: tuple[str, ...] = ()) -> None:
    page.goto(visitor.stack.url)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Organization").fill(visitor.organization)
    for scope in unchecked:
        page.get_by_label(scope).uncheck()
    page.get_by_role("button", name="Continue").click()


def test_signing_in_leads_back_to_the_page_without_the_code_in_its_address(
    visitor: NewVisitor,
) -> None:
    someone = visitor()
    sign_in(someone, someone.page)
    expect(someone.balance).to_have_text("$0.00")
    expect(someone.page).to_have_url(f"{someone.stack.url}/")
    expect(someone.page.locator(".organization")).to_contain_text(someone.organization)
    someone.page.reload()
    expect(someone.balance).to_have_text("$0.00")
    someone.button("Sign out").click()
    expect(someone.button("Sign in")).to_be_visible()


def test_an_answer_that_belongs_to_no_sign_in_is_refused(visitor: NewVisitor) -> None:
    someone = visitor()
    someone.page.goto(f"{someone.stack.url}/?code=stolen&state=forged")
    expect(someone.page.get_by_role("alert")).to_contain_text("Signing in")
    expect(someone.page).to_have_url(f"{someone.stack.url}/")
    expect(someone.button("Sign in")).to_be_visible()


def test_a_refusal_of_the_provider_is_shown_in_its_words(visitor: NewVisitor) -> None:
    someone = visitor()
    someone.page.goto(someone.stack.url)
    someone.page.evaluate(
        "sessionStorage.setItem('credits:sign-in', JSON.stringify({state: 's', verifier: 'v'}))"
    )
    someone.page.goto(
        f"{someone.stack.url}/?error=access_denied&error_description=Not+today.&state=s"
    )
    expect(someone.page.get_by_role("alert")).to_contain_text("Not today.")


def test_who_may_only_read_sees_everything_and_is_offered_nothing(visitor: NewVisitor) -> None:
    owner = visitor()
    owner.seed()
    owner.buy("50.00")
    reader = visitor(organization=owner.organization, scope=READ)
    reader.open()
    reader.expect_balance("$50.00")
    expect(reader.page.get_by_text("You can view billing, but not change it.")).to_be_visible()
    expect(reader.page.locator("#cards").get_by_text("Visa ••••")).to_be_visible()
    expect(reader.page.get_by_role("row", name="Purchase Paid $50.00")).to_be_visible()
    for name in ("Add Credits", "Add new", "Save changes", "Actions for Visa"):
        expect(reader.button(name)).to_have_count(0)
    expect(reader.page.get_by_role("switch", name="Auto top-up")).to_be_disabled()
    expect(reader.page.get_by_label("When credits fall below")).to_be_disabled()
    reader.page.keyboard.press("a")
    reader.page.keyboard.press("c")
    expect(reader.page.locator("dialog")).to_have_count(0)


def test_who_may_not_even_read_is_told_so(visitor: NewVisitor) -> None:
    stranger = visitor()
    sign_in(stranger, stranger.page, unchecked=("credits:read", "credits:write"))
    expect(stranger.page.get_by_role("heading", level=1)).to_contain_text("see these credits")
    expect(stranger.button("Sign in again")).to_be_visible()


def test_an_exhausted_account_has_a_banner_until_credits_are_added(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    customer.open()
    banner = customer.page.get_by_role("alert").filter(has_text="out of credits")
    expect(banner).to_contain_text("Requests of all projects are blocked until credits are added.")
    expect(customer.page.locator("#balance .badge")).to_have_text("Exhausted")
    customer.to_review("25")
    customer.pay_button.click()
    expect(customer.dialog.get_by_text("$25.00 was added")).to_be_visible()
    customer.button("Done", within=customer.dialog).click()
    expect(banner).to_have_count(0)
    expect(customer.page.locator("#balance .badge")).to_have_text("Active")


def test_a_suspended_account_is_told_whom_to_ask(visitor: NewVisitor) -> None:
    customer = visitor()
    body = {**customer.api().get("/credits"), "status": "suspended"}
    customer.page.route("**/credits", lambda route: route.fulfill(json=body))
    customer.open()
    banner = customer.page.get_by_role("alert").filter(has_text="This account is suspended")
    expect(banner).to_be_visible()
    expect(banner.get_by_role("link")).to_have_attribute("href", re.compile("^mailto:"))


def test_while_it_waits_it_shows_where_things_will_be(visitor: NewVisitor) -> None:
    customer = visitor()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    customer.page.route("**/v1/**", hold)
    token = customer.stack.token(organization_id=customer.organization, scope=READ)
    customer.context.add_init_script(f"sessionStorage.setItem('credits:token', '{token}')")
    customer.page.goto(customer.stack.url)
    expect(customer.page.locator("#balance .skeleton").first).to_be_visible()
    expect(customer.page.locator("#cards .skeleton")).to_be_visible()
    expect(customer.page.locator("#history .skeleton")).to_be_visible()
    for route in held:
        route.continue_()
    customer.page.unroute("**/v1/**")
    expect(customer.balance).to_be_visible()
    expect(customer.page.locator(".skeleton")).to_have_count(0)


def test_offline_is_said_and_online_again_brings_news(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    customer.open()
    customer.expect_balance("$0.00")
    customer.context.set_offline(True)
    notice = customer.page.locator(".notices").get_by_text("offline")
    expect(notice).to_be_visible()
    customer.buy("40.00")
    customer.expect_balance("$0.00")
    customer.context.set_offline(False)
    expect(notice).to_have_count(0)
    customer.expect_balance("$40.00")


def test_paying_while_offline_is_not_lost_and_goes_on_later(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    customer.open()
    customer.to_review("40")
    customer.context.set_offline(True)
    customer.pay_button.click()
    expect(customer.dialog.get_by_text("offline")).to_be_visible()
    customer.context.set_offline(False)
    customer.button("Check now", within=customer.dialog).click()
    expect(customer.dialog.get_by_text("$40.00 was added")).to_be_visible()
    assert len(customer.api().get("/transactions")["data"]) == 1


def test_a_part_that_fails_leaves_the_others_and_is_tried_again(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    customer.page.route(
        "**/payment-methods", lambda route: route.fulfill(status=503, json={"code": "busy"})
    )
    customer.open()
    cards = customer.page.locator("#cards")
    expect(cards.get_by_text("The server is busy.")).to_be_visible()
    customer.page.unroute("**/payment-methods")
    cards.get_by_role("button", name="Try again").click()
    expect(cards.get_by_text("Visa ••••")).to_be_visible()


def test_a_server_without_the_newer_routes_gets_a_page_without_their_parts(
    visitor: NewVisitor,
) -> None:
    customer = visitor()
    for path in ("**/balance-history?*", "**/usage?*"):
        customer.page.route(
            path, lambda route: route.fulfill(status=404, json={"code": "not_found"})
        )
    customer.open()
    customer.expect_balance("$0.00")
    expect(customer.page.locator("#spending")).to_be_hidden()
    expect(customer.page.get_by_text("Balance, last 30 days")).to_be_hidden()


def test_a_second_tab_sees_what_the_first_one_did(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    customer.open()
    other = customer.another_page()
    other.goto(customer.stack.url)
    expect(other.locator("#balance .amount")).to_have_text("$0.00")
    customer.page.bring_to_front()
    customer.to_review("20")
    customer.pay_button.click()
    expect(customer.dialog.get_by_text("$20.00 was added")).to_be_visible()
    expect(other.locator("#balance .amount")).to_have_text("$20.00")
    expect(other.get_by_role("row", name="Purchase Paid $20.00")).to_be_visible()


def test_usage_shows_as_spending_pace_and_held_credits(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    customer.buy("50.00")
    customer.spend("14.00")
    customer.api("gateway").post("/holds", {"amount": "6.00"})
    customer.open()
    customer.expect_balance("$30.00")
    expect(customer.page.get_by_text("$6.00 held for requests in progress")).to_be_visible()
    spending = customer.page.locator("#spending")
    for _ in range(20):  # the sums follow the ledger within a moment
        if spending.get_by_text("search").count():
            break
        customer.page.wait_for_timeout(500)
        customer.button("Refresh").click()
    expect(spending.get_by_text("search")).to_be_visible()
    expect(spending.get_by_text("$14.00").first).to_be_visible()
    expect(customer.page.get_by_text("You spend about $2.00 a day")).to_be_visible()
    expect(customer.page.get_by_text("credits last about 15 days")).to_be_visible()


def test_dark_and_light_follow_the_system_until_one_is_chosen(visitor: NewVisitor) -> None:
    customer = visitor(color_scheme="dark")
    customer.open()
    root = customer.page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    customer.page.emulate_media(color_scheme="light")
    expect(root).to_have_attribute("data-theme", "light")
    customer.button("Switch to dark colors").click()
    expect(root).to_have_attribute("data-theme", "dark")
    customer.page.reload()
    expect(root).to_have_attribute("data-theme", "dark")


def test_a_slow_network_only_takes_longer(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    session = customer.context.new_cdp_session(customer.page)
    session.send("Network.enable")
    slow = {"offline": False, "latency": 400, "downloadThroughput": 50_000}
    session.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": 20_000})
    customer.open()
    customer.to_review("20")
    customer.pay_button.dblclick()
    expect(customer.dialog.get_by_text("$20.00 was added")).to_be_visible()
    customer.expect_balance("$20.00")
    assert len(customer.api().get("/transactions")["data"]) == 1
