"""The page's states, each with the way into it: for axe, and for the screenshots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Route, expect

from tests.browser.visitor import VISA, WRITE, Visitor

DAYS = 30
SATURDAY = 5
END_CENTS = 13_230


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A state of the page, and how a visitor comes into it."""

    name: str
    enter: Callable[[Visitor], None]
    scope: str = WRITE


def past_month(visitor: Visitor) -> None:
    """Answer as if the organization had been at work for a month, which no new stack can have.

    Everything else on the page is the stack's own.
    """
    days = _days()
    visitor.page.route("**/balance-history?*", lambda route: route.fulfill(json={"data": days}))
    visitor.page.route("**/usage?*", _usage)


def _days() -> list[dict[str, Any]]:
    """Days that end with the balance that `overview` has."""
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]
    added = {days[7]: 10_000, days[20]: 5_000}
    spent = {
        day: (290 + day.day * 7919 % 620 if day.weekday() < SATURDAY else 60 + day.day * 31 % 60)
        for day in days
    }
    cents = END_CENTS + sum(spent.values()) - sum(added.values())
    found = []
    for day in days:
        cents += added.get(day, 0) - spent[day]
        sums = {"available": cents, "spent": spent[day], "topped_up": added.get(day, 0)}
        shown = {name: f"{value // 100}.{value % 100:02}" for name, value in sums.items()}
        found.append({"day": day.isoformat(), "held": "0.00", "other": "0.00", **shown})
    return found


def _usage(route: Route) -> None:
    if "project" in route.request.url:
        sums = {"search": "71.24", "support-bot": "38.02", "playground": "11.5", None: "2.009"}
        rows = [{"project_id": name, "amount": amount} for name, amount in sums.items()]
    else:
        models = {"claude-sonnet-4-5": "64.1", "gpt-4o": "41.02", "gemini-2.5-flash": "17.65"}
        rows = [{"model": name, "amount": amount} for name, amount in models.items()]
    route.fulfill(json={"data": rows})


def overview(visitor: Visitor) -> None:
    """A customer of some weeks, with auto top-up on."""
    visitor.seed()
    for amount in ("25.00", "100.00", "50.00"):
        visitor.buy(amount)
    settings = {"threshold": "20.00", "amount": "100.00", "monthly_limit": "500.00"}
    visitor.api().put("/auto-top-up", {"enabled": True, **settings})
    visitor.spend("42.70")
    past_month(visitor)
    visitor.open()
    visitor.expect_balance("$132.30")
    expect(visitor.page.locator("#history tbody tr")).to_have_count(3)
    expect(visitor.page.get_by_role("img", name="Balance over")).to_be_visible()


def signed_out(visitor: Visitor) -> None:
    visitor.page.goto(visitor.stack.url)
    expect(visitor.button("Sign in")).to_be_visible()


def empty(visitor: Visitor) -> None:
    visitor.open()
    expect(visitor.page.get_by_text("No transactions yet")).to_be_visible()


def loading(visitor: Visitor) -> None:
    token = visitor.stack.token(organization_id=visitor.organization, scope=visitor.scope)
    visitor.context.add_init_script(f"sessionStorage.setItem('credits:token', '{token}')")
    visitor.page.route("**/v1/**", lambda _: None)
    visitor.page.goto(visitor.stack.url)
    expect(visitor.page.locator("#history .skeleton")).to_be_visible()


def failing(visitor: Visitor) -> None:
    empty(visitor)
    visitor.page.route("**/v1/**", lambda route: route.fulfill(status=400, json={"detail": "No."}))
    visitor.page.reload()
    expect(visitor.page.locator("#cards").get_by_role("button", name="Try again")).to_be_visible()


def suspended(visitor: Visitor) -> None:
    body = {**visitor.api().get("/credits"), "status": "suspended"}
    visitor.page.route("**/credits", lambda route: route.fulfill(json=body))
    visitor.open()
    expect(visitor.page.get_by_text("This account is suspended")).to_be_visible()


def read_only(visitor: Visitor) -> None:
    visitor.seed()
    visitor.buy("50.00")
    visitor.open()
    expect(visitor.page.get_by_text("You can view billing")).to_be_visible()


def offline(visitor: Visitor) -> None:
    visitor.seed()
    visitor.open()
    visitor.context.set_offline(True)
    expect(visitor.page.locator(".notices").get_by_text("offline")).to_be_visible()


def trouble(status: str) -> Callable[[Visitor], None]:
    """Auto top-up in one of its troubles."""

    def enter(visitor: Visitor) -> None:
        visitor.seed()
        standing = visitor.api().get("/credits")
        failure = {"code": "card_declined", "decline_code": "expired_card", "message": ""}
        standing["auto_top_up"] |= {
            "enabled": True,
            "threshold": "20.00",
            "amount": "100.00",
            "monthly_limit": "500.00",
            "status": status,
            "open_purchase_id": "pur_1",
            "retry_at": "2026-11-24T10:00:00Z",
            "last_failure": {**failure, "at": "2026-11-23T10:00:00Z", "purchase_id": None},
        }
        visitor.page.route("**/credits", lambda route: route.fulfill(json=standing))
        past_month(visitor)
        visitor.open()
        expect(visitor.page.locator("#top-up .notice")).to_be_visible()

    return enter


def amount_step(visitor: Visitor) -> None:
    overview(visitor)
    visitor.button("Add Credits").click()
    visitor.dialog.get_by_text("Add a tax ID").click()
    visitor.dialog.get_by_label("Country").select_option("DE")
    expect(visitor.dialog.get_by_label("Number")).to_be_visible()


def amount_refused(visitor: Visitor) -> None:
    empty(visitor)
    visitor.begin_purchase("3")
    visitor.go_on()
    expect(visitor.dialog.get_by_text("The least is $5.")).to_be_visible()


def payment_step(visitor: Visitor) -> None:
    overview(visitor)
    visitor.begin_purchase("100")
    visitor.go_on()
    expect(visitor.dialog.get_by_text("New card")).to_be_visible()


def new_card_step(visitor: Visitor) -> None:
    empty(visitor)
    visitor.begin_purchase("100")
    visitor.go_on()
    visitor.type_card(VISA)
    visitor.dialog.get_by_role("button", name="Continue").click()
    expect(visitor.dialog.get_by_text("Postal code is needed.")).to_be_visible()


def review_step(visitor: Visitor) -> None:
    overview(visitor)
    visitor.to_review("100")


def paying(visitor: Visitor) -> None:
    visitor.seed()
    visitor.open()
    visitor.to_review("100")
    visitor.page.route("**/purchases", lambda _: None)
    visitor.pay_button.click()
    expect(visitor.dialog.get_by_text("Your payment is being made")).to_be_visible()


def added(visitor: Visitor) -> None:
    overview(visitor)
    visitor.to_review("100")
    visitor.pay_button.click()
    expect(visitor.dialog.get_by_text("$100.00 was added")).to_be_visible()


def declined(visitor: Visitor) -> None:
    visitor.seed("pm_card_chargeCustomerFail")
    visitor.open()
    visitor.to_review("100")
    visitor.pay_button.click()
    expect(visitor.dialog.get_by_role("heading", name="declined")).to_be_visible()


def not_known(visitor: Visitor) -> None:
    visitor.seed()
    visitor.open()
    visitor.to_review("100")
    visitor.page.route("**/purchases", lambda route: route.abort())
    visitor.pay_button.click()
    expect(visitor.dialog.get_by_role("button", name="Check now")).to_be_visible()


def lost(visitor: Visitor) -> None:
    not_known(visitor)
    visitor.button("Later", within=visitor.dialog).click()
    expect(visitor.page.locator(".notices").get_by_text("its answer got lost")).to_be_visible()


def add_card(visitor: Visitor) -> None:
    empty(visitor)
    visitor.button("Add new").click()
    visitor.card_form()


def remove_card(visitor: Visitor) -> None:
    visitor.seed()
    visitor.open()
    visitor.button("Actions for Visa").click()
    visitor.page.get_by_role("menuitem", name="Remove").click()
    expect(visitor.dialog).to_be_visible()


def row_menu(visitor: Visitor) -> None:
    overview(visitor)
    visitor.button("Actions for Purchase of $100.00").click()
    expect(visitor.page.get_by_role("menu")).to_be_visible()


def filter_form(visitor: Visitor) -> None:
    overview(visitor)
    visitor.button("Filter").click()
    expect(visitor.page.get_by_role("dialog", name="Filter")).to_be_visible()


def chart_table(visitor: Visitor) -> None:
    overview(visitor)
    visitor.button("Show as table").click()
    visitor.button("By model").click()
    expect(visitor.page.get_by_role("region", name="Balance, last 30 days")).to_be_visible()


def keys(visitor: Visitor) -> None:
    empty(visitor)
    visitor.button("Keyboard shortcuts").click()
    expect(visitor.dialog).to_be_visible()


def expired(visitor: Visitor) -> None:
    empty(visitor)
    visitor.page.route("**/v1/**", lambda route: route.fulfill(status=401, json={}))
    visitor.button("Refresh").click()
    expect(visitor.dialog.get_by_role("heading", name="session")).to_be_visible()


STATES = (
    State(name="overview", enter=overview),
    State(name="signed-out", enter=signed_out),
    State(name="empty", enter=empty),
    State(name="loading", enter=loading),
    State(name="failing", enter=failing),
    State(name="suspended", enter=suspended),
    State(name="read-only", enter=read_only, scope="credits:read"),
    State(name="offline", enter=offline),
    State(name="session-expired", enter=expired),
    State(name="top-up-paused", enter=trouble("paused")),
    State(name="top-up-backing-off", enter=trouble("backing_off")),
    State(name="top-up-action-required", enter=trouble("action_required")),
    State(name="top-up-charging", enter=trouble("charging")),
    State(name="buy-amount", enter=amount_step),
    State(name="buy-amount-refused", enter=amount_refused),
    State(name="buy-payment", enter=payment_step),
    State(name="buy-new-card", enter=new_card_step),
    State(name="buy-review", enter=review_step),
    State(name="buy-paying", enter=paying),
    State(name="buy-added", enter=added),
    State(name="buy-declined", enter=declined),
    State(name="buy-not-known", enter=not_known),
    State(name="purchase-lost", enter=lost),
    State(name="add-card", enter=add_card),
    State(name="remove-card", enter=remove_card),
    State(name="row-menu", enter=row_menu),
    State(name="filter", enter=filter_form),
    State(name="chart-as-table", enter=chart_table),
    State(name="keyboard-shortcuts", enter=keys),
)
