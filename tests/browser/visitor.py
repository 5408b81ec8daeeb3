"""A customer in front of the page: opens it, does what people do, and notes what goes wrong."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from re import Pattern
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FrameLocator,
    Locator,
    Page,
    expect,
)
from stripe import StripeClient

from devstack.client import Client
from devstack.seed import BILLING_DETAILS, add_card
from devstack.stack import Stack

READ = "credits:read"
WRITE = "credits:read credits:write"
VISA = "4242424242424242"
MASTERCARD = "5555555555554444"
ALWAYS_ASKS = "4000002760003184"
DECLINED_LATER = "4000000000000341"
#: The browser itself says these of every answer that is a refusal; the tests say which they want.
_EXPECTED = ("Failed to load resource", "net::ERR_")


@dataclass
class Visitor:
    """One browser context with one page; everything that goes wrong in it is in `faults`."""

    stack: Stack
    context: BrowserContext
    page: Page
    organization: str
    scope: str
    faults: list[str] = field(default_factory=list)

    def api(self, scope: str = WRITE) -> Client:
        """The organization's API, for what happens elsewhere."""
        token = self.stack.token(organization_id=self.organization, scope=scope)
        return Client(url=self.stack.url, organization_id=self.organization, token=token)

    def open(self, path: str = "/") -> None:
        """Open the page as somebody who has signed in."""
        token = self.stack.token(organization_id=self.organization, scope=self.scope)
        self.context.add_init_script(
            "if (location.port && !sessionStorage.getItem('signed-in')) {"
            "sessionStorage.setItem('signed-in', '1');"
            f"sessionStorage.setItem('credits:token', {json.dumps(token)}); }}"
        )
        self.page.goto(self.stack.url + path)
        expect(self.balance).to_be_visible()

    def another_page(self) -> Page:
        """Another tab of the same browser."""
        page = self.context.new_page()
        watch(page, self.faults)
        return page

    @property
    def balance(self) -> Locator:
        """The figure on top."""
        return self.page.locator("#balance .amount")

    @property
    def dialog(self) -> Locator:
        """The dialog that is open."""
        return self.page.locator("dialog[open]").last

    def button(
        self, name: str | Pattern[str], *, within: Locator | None = None, exact: bool = False
    ) -> Locator:
        """A button by its name, in the open dialog or wherever it is."""
        return (within or self.page).get_by_role("button", name=name, exact=exact)

    def expect_balance(self, text: str) -> None:
        """Wait until the page shows this balance."""
        expect(self.balance).to_have_text(text)

    def card_form(self) -> FrameLocator:
        """The frame of the local Stripe's card form, when it is there."""
        # Within the frame all is visible even while the page hides it.
        expect(self.page.locator("iframe[title^='Card details']").last).to_be_visible()
        frame = self.page.frame_locator("iframe[title^='Card details']")
        expect(frame.get_by_label("Card number")).to_be_visible()
        return frame

    def type_card(self, number: str) -> None:
        """Type a card into Stripe's form."""
        frame = self.card_form()
        frame.get_by_label("Card number").fill(number)
        frame.get_by_label("Expiration date").fill("12 / 40")
        frame.get_by_label("Security code").fill("123")

    def type_address(self, name: str = "Ada Lovelace") -> None:
        """Type name and billing address where they are asked for."""
        dialog = self.dialog
        dialog.get_by_label("Full name or company").fill(name)
        dialog.get_by_label("Country or region").select_option("DE")
        dialog.get_by_label("Address", exact=True).fill("Torstrasse 1")
        dialog.get_by_label("Postal code").fill("10119")
        dialog.get_by_label("City").fill("Berlin")

    def begin_purchase(self, amount: str = "50") -> None:
        """Open Add Credits and type the amount."""
        self.button("Add Credits").click()
        self.dialog.get_by_label("Amount", exact=True).fill(amount)

    def go_on(self) -> None:
        """Go to the dialog's next step."""
        self.dialog.get_by_role("button", name="Continue").click()

    def to_review(self, amount: str = "50") -> None:
        """Come to the last step with what is on file."""
        self.begin_purchase(amount)
        self.go_on()
        expect(self.dialog.get_by_text("Name and billing address")).to_be_visible()
        self.go_on()
        expect(self.pay_button).to_be_visible()

    @property
    def pay_button(self) -> Locator:
        """The button that charges."""
        return self.dialog.get_by_role("button", name="Pay $")

    def bank(self) -> FrameLocator:
        """The bank's 3-D Secure challenge."""
        return self.page.frame_locator("iframe[title^='3-D Secure']")

    def seed(self, card: str = "pm_card_visa", *, attached: str | None = None) -> None:
        """Give the organization billing details and a saved card, as an earlier visit would.

        `attached` replaces the card by one that can only be saved with its owner's help.
        """
        client = self.api()
        client.put("/billing-details", BILLING_DETAILS)
        description = self.stack.description()
        add_card(description, client, payment_method=card)
        if attached is not None:
            before = client.get("/payment-methods")["data"]
            self._attach(attached)
            for old in before:
                client.call("DELETE", f"/payment-methods/{old['id']}", expected=204)

    def _attach(self, card: str) -> None:
        setup = self.api().call("POST", "/payment-methods/setup", body={})
        description = self.stack.description()
        stripe = StripeClient(
            description["stripe_api_key"],
            base_addresses={"api": description["stripe_api_base"]},
        )
        stripe.v1.payment_methods.attach(card, params={"customer": setup["customer_id"]})

    def buy(self, amount: str = "50.00") -> dict[str, Any]:
        """Buy credits by the API."""
        client = self.api()
        card = client.get("/payment-methods")["data"][0]["id"]
        return client.post("/purchases", {"amount": amount, "payment_method_id": card})

    def spend(self, amount: str) -> dict[str, Any]:
        """Deduct credits as a gateway does."""
        return self.api("gateway").post("/deductions", {"amount": amount, "project_id": "search"})


def visit(
    browser: Browser,
    stack: Stack,
    *,
    organization: str | None = None,
    scope: str = WRITE,
    **context: Any,
) -> Visitor:
    """A visitor with an organization of their own, who hasn't opened the page yet."""
    options = {"viewport": {"width": 1280, "height": 900}, "locale": "en-US", **context}
    opened = browser.new_context(**options)
    opened.set_default_timeout(45_000)
    page = opened.new_page()
    visitor = Visitor(
        stack=stack,
        context=opened,
        page=page,
        organization=organization or f"org-{uuid.uuid4().hex[:12]}",
        scope=scope,
    )
    watch(page, visitor.faults)
    return visitor


def watch(page: Page, faults: list[str]) -> None:
    """Note every error of a script, and whatever the security policy stopped."""

    def console(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_EXPECTED):
            faults.append(message.text)

    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", console)
