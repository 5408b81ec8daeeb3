"""The steps of `make demo`, each of which checks what the contract promises."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from typing import Any

from devstack.client import Client, UnexpectedAnswerError, request
from devstack.seed import seed
from devstack.tokens import Issuer
from devstack.usage import UsageQueue

PATIENCE_SECONDS = 180.0
"""How long a step waits for the workers; they need a few seconds."""
PURCHASE = Decimal("50.00")
THRESHOLD = Decimal("20.00")
TOP_UP = Decimal("25.00")
REPORTS = ("8.00", "8.00", "8.00", "8.00")


class Walk:
    """The steps, and what they did to the balance."""

    def __init__(self, *, description: dict[str, str], issuer: Issuer, home: Path) -> None:
        self.organization = f"demo-{secrets.token_hex(4)}"
        self.rows: list[tuple[str, str, str]] = []
        self.description = description
        self.home = home
        self.usage = UsageQueue.of(description, organization_id=self.organization)
        self.customer = self._client(issuer, "credits:read credits:write")
        self.gateway = self._client(issuer, "gateway")

    def _client(self, issuer: Issuer, scope: str) -> Client:
        token = issuer.token(organization_id=self.organization, scope=scope)
        return Client(url=self.description["url"], organization_id=self.organization, token=token)

    def run(self) -> None:
        """Take every step in turn.

        Raises:
            UnexpectedAnswerError: the stack does not do what it promises.
        """
        for step in (
            self.begin_empty,
            self.save_card,
            self.buy,
            self.order_top_ups,
            self.use,
            self.read_history,
            self.download_invoice,
            self.use_up,
            self.prove_conservation,
        ):
            step()

    def begin_empty(self) -> None:
        """An organization exists from the first call about it, with nothing."""
        say(f"A new organization, {self.organization}. It needs no registration, and has nothing.")
        expect("available", self.available(), Decimal(0))
        access = self.gateway.get("/access")
        expect("access", (access["allowed"], access["reason"]), (False, "exhausted"))
        self.note("A new organization", "")

    def save_card(self) -> None:
        """Billing details and a test card of Stripe's."""
        say("It says whom to bill, and saves a test card at Stripe.")
        seed(self.description, self.customer)
        (card,) = self.customer.get("/payment-methods")["data"]
        say(f"  {card['brand']} ending in {card['last4']}")

    def buy(self) -> None:
        """A purchase is credited once, even when the request is repeated."""
        say(f"It buys {PURCHASE} USD; the request is sent twice, as after a lost answer.")
        (card,) = self.customer.get("/payment-methods")["data"]
        body = {"amount": str(PURCHASE), "payment_method_id": card["id"]}
        key = secrets.token_hex(8)
        first = self.customer.post("/purchases", body, key=key)
        again = self.customer.post("/purchases", body, key=key)
        expect("the repeated answer", again, first)
        expect("the purchase's status", first["status"], "succeeded")
        expect("available", self.available(), PURCHASE)
        access = self.gateway.get("/access")
        expect("access", (access["allowed"], access["reason"]), (True, None))
        self.note("Bought with a saved card", f"+{PURCHASE}")

    def order_top_ups(self) -> None:
        """A standing order, limited to one top-up a month."""
        say(f"It orders {TOP_UP} USD whenever less than {THRESHOLD} are left, once a month.")
        order = {
            "enabled": True,
            "threshold": str(THRESHOLD),
            "amount": str(TOP_UP),
            "monthly_limit": str(TOP_UP),
        }
        saved = self.customer.put("/auto-top-up", order)
        expect("the standing order", {name: saved[name] for name in order}, order)

    def use(self) -> None:
        """Usage by queue falls below the threshold, and the top-up arrives by itself."""
        say(
            f"Its gateway reports usage of {' + '.join(REPORTS)} USD; the first report three times."
        )
        for number, amount in enumerate(REPORTS):
            self.usage.send(f"{self.organization}-{number}", amount=amount)
        for _ in range(2):
            self.usage.send(f"{self.organization}-0", amount=REPORTS[0])
        used = sum(map(Decimal, REPORTS))
        after = PURCHASE - used + TOP_UP
        wait_for(f"the usage and the top-up: {after} available", lambda: self.available() == after)
        taken = [e for e in self.ledger() if Decimal(e["amount"]) < 0]
        expect("the number of deductions", len(taken), len(REPORTS))
        expect("what was deducted", sum(Decimal(entry["amount"]) for entry in taken), -used)
        self.rows.append(("Used, by four reports", f"-{used}", str(PURCHASE - used)))
        self.note("Topped up automatically", f"+{TOP_UP}")

    def read_history(self) -> None:
        """The history has both, newest first, by filter and by page."""
        say("Its history:")
        everything = self.customer.get("/transactions")["data"]
        expect("the history", [t["type"] for t in everything], ["auto_top_up", "purchase"])
        for line in everything:
            number = (line["invoice"] or {}).get("number", "")
            say(f"  {line['created_at']}  {line['type']:<12} {line['amount']:>8}  {number}")
        filtered = self.customer.get("/transactions", type="auto_top_up")["data"]
        expect("the filtered history", filtered, everything[:1])
        page = self.customer.get("/transactions", limit="1")
        rest = self.customer.get("/transactions", limit="1", cursor=page["next_cursor"])
        expect("the history by pages", page["data"] + rest["data"], everything)

    def download_invoice(self) -> None:
        """The invoice is a PDF by a short-lived link, which needs no token."""
        purchase = self.customer.get("/transactions", type="purchase")["data"][0]
        path = f"/transactions/{purchase['id']}/invoice"
        link = wait_for("the invoice", lambda: self._link(path))
        pdf = request("GET", link["url"])
        expect("the invoice's status", pdf.status_code, 200)
        expect("the invoice's first bytes", pdf.content[:5], b"%PDF-")
        file = self.home / f"invoice-{link['number']}.pdf"
        file.write_bytes(pdf.content)
        say(f"Its invoice {link['number']}, {len(pdf.content) // 1024} KB: {file}")

    def _link(self, path: str) -> dict[str, Any] | None:
        try:
            return self.customer.get(path)
        except UnexpectedAnswerError as error:
            if error.status == HTTPStatus.ACCEPTED:  # being prepared
                return None
            raise

    def use_up(self) -> None:
        """At zero, access is denied and a deduction refused; the month's limit holds."""
        left = self.available()
        say(f"It uses the remaining {left} USD. The month's limit allows no second top-up.")
        self.usage.send(f"{self.organization}-last", amount=str(left))
        wait_for("an empty account", lambda: self.available() == 0)
        self.note("Used up, by one report", f"-{left}")
        access = self.gateway.get("/access")
        expect("access", (access["allowed"], access["reason"]), (False, "exhausted"))
        refused = self.gateway.post("/deductions", {"amount": "0.01"}, expected=402)
        expect("the refusal", refused["code"], "insufficient_credits")
        say("  Access is denied, and a deduction is refused: insufficient_credits.")
        order = self.customer.get("/auto-top-up")
        expect("charged automatically", Decimal(order["spent_this_month"]), TOP_UP)
        expect("available", self.available(), Decimal(0))

    def prove_conservation(self) -> None:
        """The entries' sum is what the account has: the first law."""
        entries = self.ledger()
        expect("the number of ledger entries", len(entries), 2 + len(REPORTS) + 1)
        total = sum((Decimal(entry["amount"]) for entry in entries), Decimal(0))
        credits_ = self.customer.get("/credits")
        expect("the sum", total, Decimal(credits_["available"]) + Decimal(credits_["held"]))
        say(f"The sum of its {len(entries)} ledger entries is {total}: all that it has.")

    def ledger(self) -> list[dict[str, Any]]:
        """Every entry of the account, newest first, read in pages."""
        entries: list[dict[str, Any]] = []
        query: dict[str, str] = {}
        while True:
            page = self.customer.get("/ledger", limit="3", **query)
            entries += page["data"]
            if page["next_cursor"] is None:
                return entries
            query = {"cursor": page["next_cursor"]}

    def available(self) -> Decimal:
        """What the organization can spend now."""
        return Decimal(self.customer.get("/credits")["available"])

    def note(self, what: str, change: str) -> None:
        """Remember a line of the final table."""
        self.rows.append((what, change, str(self.available())))

    def table(self) -> str:
        """What happened, line by line."""
        lines = [f"  {'':<28}{'change':>10}{'available':>12}"]
        lines += [f"  {what:<28}{change:>10}{left:>12}" for what, change, left in self.rows]
        return "\n".join(lines)


def say(text: str) -> None:
    """Tell what happens."""
    print(text, flush=True)


def expect(what: str, found: object, wanted: object) -> None:
    """Raise UnexpectedAnswerError unless both are equal."""
    if found != wanted:
        raise UnexpectedAnswerError(f"{what}: expected {wanted!r}, found {found!r}")


def wait_for(what: str, look: Callable[[], Any]) -> Any:
    """Return the first truthy answer, or raise UnexpectedAnswerError when none comes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise UnexpectedAnswerError(f"{what} did not come within {PATIENCE_SECONDS:.0f} s")
