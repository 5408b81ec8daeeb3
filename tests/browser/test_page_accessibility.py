"""Whether everybody can use the page: axe's rules in every state, and the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.conftest import NewVisitor
from tests.browser.states import STATES, State
from tests.browser.visitor import Visitor

WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 320, "height": 640}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # Frames are Stripe's; what is in them isn't this page's.
    "iframes": False,
}


def violations(page: Page) -> list[str]:
    """What axe finds on the page, each in a line."""
    # A color that is still changing would be measured somewhere on its way.
    page.evaluate("Promise.all(document.getAnimations().map((running) => running.finished))")
    found: dict[str, Any] = Axe().run(page, options=RULES).response
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_axe_finds_nothing_light_and_dark_narrow_and_wide(
    visitor: NewVisitor, state: State
) -> None:
    someone = visitor(viewport=WIDE, scope=state.scope, reduced_motion="reduce")
    state.enter(someone)
    for scheme in SCHEMES:
        someone.page.emulate_media(color_scheme=scheme)
        for size in (WIDE, NARROW):
            someone.page.set_viewport_size(size)
            assert violations(someone.page) == [], (scheme, size)
            width = someone.page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"], "the page has to be scrolled sideways"


def tab_to(visitor: Visitor, name: str) -> None:
    """Press Tab until the focus is on what has this name."""
    for _ in range(60):
        visitor.page.keyboard.press("Tab")
        focused = visitor.page.evaluate(
            "() => { const e = document.activeElement;"
            "return e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent; }"
        )
        if name in focused:
            return
    raise AssertionError(f"Tab never comes to {name}")


def test_credits_are_bought_with_the_keyboard_alone(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    customer.open()
    keyboard = customer.page.keyboard
    tab_to(customer, "Add Credits")
    keyboard.press("Enter")
    expect(customer.dialog.get_by_label("Amount", exact=True)).to_be_focused()
    keyboard.type("42")
    keyboard.press("Enter")
    expect(customer.dialog.get_by_role("radio", name="Visa")).to_be_visible()
    tab_to(customer, "Continue")
    keyboard.press("Enter")
    expect(customer.pay_button).to_be_visible()
    tab_to(customer, "Pay $42.00")
    keyboard.press("Enter")
    expect(customer.dialog.get_by_text("$42.00 was added")).to_be_visible()
    tab_to(customer, "Done")
    keyboard.press("Enter")
    expect(customer.page.locator("dialog")).to_have_count(0)
    expect(customer.button("Add Credits")).to_be_focused()


@pytest.mark.parametrize("opener", ["Add Credits", "Add new", "Keyboard shortcuts"])
def test_a_dialog_keeps_the_focus_and_gives_it_back(visitor: NewVisitor, opener: str) -> None:
    customer = visitor()
    customer.seed()
    customer.open()
    button = customer.button(opener)
    button.click()
    for _ in range(25):
        customer.page.keyboard.press("Tab")
        inside = customer.page.evaluate(
            "!document.querySelector('main').contains(document.activeElement)"
        )
        assert inside
    # A key that is pressed in Stripe's frame stays there, by the browser's rules.
    for _ in range(10):
        if not customer.page.evaluate("document.activeElement.matches('iframe')"):
            break
        customer.page.keyboard.press("Tab")
    customer.page.keyboard.press("Escape")
    expect(customer.page.locator("dialog")).to_have_count(0)
    expect(button).to_be_focused()


KEYS: dict[str, Callable[[Visitor], None]] = {
    "a": lambda visitor: expect(visitor.dialog.get_by_role("heading")).to_have_text("Add credits"),
    "c": lambda visitor: expect(visitor.dialog.get_by_role("heading").first).to_have_text(
        "Add a payment method"
    ),
    "t": lambda visitor: expect(visitor.page.locator("#top-up h2")).to_be_focused(),
    "h": lambda visitor: expect(visitor.page.locator("#history h2")).to_be_focused(),
    "f": lambda visitor: expect(
        visitor.page.get_by_role("dialog", name="Filter").get_by_label("Type")
    ).to_be_focused(),
    "d": lambda visitor: expect(visitor.page.locator("html")).to_have_attribute(
        "data-theme", "dark"
    ),
    "?": lambda visitor: expect(visitor.dialog.get_by_role("heading")).to_have_text(
        "Keyboard shortcuts"
    ),
}


@pytest.mark.parametrize("key", KEYS)
def test_a_shortcut_does_what_the_help_says(visitor: NewVisitor, key: str) -> None:
    customer = visitor(color_scheme="light")
    customer.open()
    customer.page.keyboard.press(key)
    KEYS[key](customer)


def test_shortcuts_can_be_turned_off_and_never_work_while_typing(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.open()
    customer.page.get_by_label("When credits fall below").press_sequentially("a")
    expect(customer.page.locator("dialog")).to_have_count(0)
    customer.button("Keyboard shortcuts").click()
    customer.dialog.get_by_role("switch", name="Use single-key shortcuts").uncheck()
    customer.page.keyboard.press("Escape")
    customer.page.keyboard.press("a")
    expect(customer.page.locator("dialog")).to_have_count(0)


def test_the_chart_is_read_day_by_day_and_as_a_table(visitor: NewVisitor) -> None:
    customer = visitor()
    days = [
        {
            "day": f"2026-10-{day:02}",
            "available": f"{day}.50",
            "held": "0.00",
            "spent": "1.00",
            "topped_up": "30.00" if day == 29 else "0.00",
            "other": "0.00",
        }
        for day in range(1, 31)
    ]
    customer.page.route("**/balance-history?*", lambda route: route.fulfill(json={"data": days}))
    customer.open()
    chart = customer.page.get_by_role("img", name="Balance over the last 30 days, from $1.50")
    chart.focus()
    customer.page.keyboard.press("ArrowLeft")
    status = customer.page.locator("#balance [role=status]")
    expect(status).to_have_text("Oct 29, 2026: $29.50, $30.00 added")
    customer.page.keyboard.press("Home")
    expect(status).to_have_text("Oct 1, 2026: $1.50")
    customer.button("Show as table").click()
    table = customer.page.get_by_role("region", name="Balance, last 30 days")
    expect(table.get_by_role("row", name="Oct 29, 2026 $29.50 $30.00")).to_be_visible()


def test_four_times_larger_text_needs_no_sideways_scrolling(visitor: NewVisitor) -> None:
    customer = visitor(viewport={"width": 1280, "height": 1024})
    customer.seed()
    customer.buy("50.00")
    customer.open()
    customer.page.set_viewport_size({"width": 320, "height": 256})  # 1280 by 1024 at 400 %
    width = customer.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 320
    customer.button("Add Credits").click()
    expect(customer.button("Continue with")).to_be_in_viewport()
