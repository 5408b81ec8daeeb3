"""Every flow of the application, so that each function does all that it ever does.

Each is a function of a running stack. A new route or a new duty of a function belongs in here:
`test_policies.py` fails until it does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from app import app
from devstack.client import request
from devstack.stack import Stack
from tests.support.actor import FAR_OFF, LONG_AGO, Actor, wait_for
from tests.support.rights import AHEAD

DECLINED = "pm_card_chargeCustomerFail"
NEEDS_ACTION = "pm_card_authenticationRequired"
PROCESSING = "pm_card_processing"
SENDER = "billing@gateway.example"
#: More invoices than a request packs by itself.
MANY_INVOICES = 21
#: Enough for two of them to take the same version.
OPERATORS = 16
#: More projects than a day's row has room for.
MANY_PROJECTS = 70


def amount(text: str) -> dict[str, Any]:
    """A line of usage that has its price."""
    return {"kind": "amount", "amount": text, "description": "search"}


MODEL = {"kind": "model", "provider": "openai", "model": "gpt-4o", "calls": 1, "input_tokens": 9}
TRACES = {"kind": "traces", "count": 12}


def reading(stack: Stack) -> None:
    """Whatever can be asked."""
    actor = Actor(stack, "reading")
    for path in ("/credits", "/ledger", "/auto-top-up", "/transactions", "/billing-details"):
        actor.customer.get(path)
    for grouping in ("project", "model", "day"):
        actor.customer.get("/usage", group_by=grouping)
    actor.customer.get("/balance-history")
    actor.gateway.get("/access")
    for path, token in (
        ("/", ""),
        ("/static/0/main.js", ""),
        ("/healthz", ""),
        ("/openapi.json", ""),
        (f"/v1/organizations/{actor.name}/transactions.csv", actor.customer.token),
        ("/v1/tax-id-types", actor.customer.token),
        ("/v1/prices/quote?provider=openai&model=gpt-4o", actor.gateway.token),
        (f"/v1/prices/traces?organization_id={actor.name}", actor.gateway.token),
        ("/v1/prices", actor.operator.token),
        ("/v1/prices/history", actor.operator.token),
    ):
        answer = request("GET", stack.url + path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code in {200, 404}, f"{path}: {answer.text}"


def preflighting(stack: Stack) -> None:
    """A page of another origin asks what it may do; nothing, unless it is configured."""
    for path in app.routes:
        if path.startswith("/v1/"):
            filled = re.sub(r"\{\w+\}", "x", path)
            assert request("OPTIONS", stack.url + filled).status_code == 404


def pricing(stack: Stack) -> None:
    """Operators decide what an organization pays, several at the same moment."""
    actor = Actor(stack, "pricing")
    headers = {"Authorization": f"Bearer {actor.operator.token}"}

    def decide(percent: int) -> int:
        terms = {"scope": {"organization_id": actor.name}, "mark_up_percent": str(percent)}
        return request("PUT", f"{stack.url}/v1/prices", json=terms, headers=headers).status_code

    with ThreadPoolExecutor(OPERATORS) as operators:
        assert set(operators.map(decide, range(2 * OPERATORS))) <= {200, 503}
    for path in ("/history/1", "/history?limit=1", "?limit=1"):
        request("GET", f"{stack.url}/v1/prices{path}", headers=headers).raise_for_status()


def buying(stack: Stack) -> None:
    """Cards, purchases that succeed and fail at once, and their invoices."""
    actor = Actor(stack, "buying")
    card, other = actor.save_card(), actor.save_card("pm_card_mastercard")
    actor.customer.call("DELETE", f"/payment-methods/{other}", expected=204)
    actor.customer.get("/payment-methods")
    preview = {"amount": "50.00", "payment_method_id": card, "preview": True}
    actor.customer.post("/purchases", preview, expected=200)
    with actor.unheard():
        bought = actor.buy("50.00", card, key="one")
        assert actor.buy("50.00", card, key="one") == bought
        actor.buy("50.00", actor.save_card(DECLINED), expected=402)
    path = f"/transactions/{bought['id']}/invoice"
    wait_for("the invoice", lambda: "url" in _prepared(actor, path))
    actor.customer.get(path, format="html")
    actor.customer.get(f"/documents/{bought['invoice']['number']}")


def _prepared(actor: Actor, path: str, **query: str) -> dict[str, Any]:
    """What is being prepared, or a link to it once it is."""
    answer = request(
        "GET",
        f"{actor.stack.url}/v1/organizations/{actor.name}{path}",
        params=query,
        headers={
            "Authorization": f"Bearer {actor.customer.token}",
            "Accept": "application/json",
        },
    )
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def concluding_on_demand(stack: Stack) -> None:
    """No webhook comes, so that the buyer's question settles the purchase."""
    actor = Actor(stack, "asking")
    card = actor.save_card(NEEDS_ACTION)
    with actor.unheard():
        for outcome, status in (("accept", "succeeded"), ("refuse", "failed")):
            bought = actor.buy("25.00", card)
            intent = actor.intent_of(bought["id"])
            actor.control(f"/payment_intents/{intent}/authenticate", outcome=outcome)
            found = actor.customer.get(f"/purchases/{bought['id']}")
            assert found["status"] == status


def concluding_by_webhook(stack: Stack) -> None:
    """The webhook settles what waited for the buyer."""
    actor = Actor(stack, "hearing")
    card = actor.save_card(NEEDS_ACTION)
    bought = actor.buy("25.00", card)
    actor.control(
        f"/payment_intents/{actor.intent_of(bought['id'])}/authenticate", outcome="accept"
    )
    actor.wait_for_available("25")
    actor.order_top_ups()
    refused = actor.buy("25.00", card)
    intent = actor.intent_of(refused["id"])
    actor.control(f"/payment_intents/{intent}/authenticate", outcome="refuse")
    _wait_for_purchase(actor, refused["id"], "failed")


def _wait_for_purchase(actor: Actor, purchase_id: str, status: str) -> None:
    """Wait until the stored purchase has a status, without the question that would settle it."""

    def has_it() -> bool:
        statuses: dict[str, str] = {
            row["id"]["S"]: row["status"]["S"] for row in actor.rows("PurchasesTable")
        }
        return statuses[purchase_id] == status

    wait_for(f"{purchase_id} to be {status}", has_it)


def spending(stack: Stack) -> None:
    """Deductions and holds, granted, refused, and replayed."""
    actor = Actor(stack, "spending")
    actor.buy("50.00", actor.save_card())
    actor.order_top_ups(monthly_limit="25.00")
    actor.gateway.post("/deductions", {"amount": "1.00"}, key="first")
    actor.gateway.post("/deductions", {"amount": "1.00"}, key="first")
    actor.gateway.post("/deductions", {"amount": "1000.00"}, expected=402)
    actor.gateway.post("/deductions", {"usage": [MODEL, TRACES, amount("0.50")]})
    # A key whose usage has no price any more is still answered from the ledger.
    odd = {**MODEL, "model": "nobody-sells-this"}
    actor.gateway.post("/deductions", {"usage": [odd]}, expected=422)
    hold = actor.gateway.post("/holds", {"amount": "5.00"})
    part = {"usage": [MODEL, TRACES], "final": False}
    for body in (part, {"amount": "1.00"}):
        actor.gateway.post(f"/holds/{hold['id']}/settle", body, expected=200)
    hold = actor.gateway.post("/holds", {"amount": "5.00"})
    actor.gateway.post(f"/holds/{hold['id']}/release", {}, expected=200)
    actor.gateway.post("/holds", {"amount": "1000.00"}, expected=402)
    # Below the threshold, by a deduction and by a hold that is settled.
    actor.gateway.post("/deductions", {"amount": str(actor.available() - 15)})
    wait_for("the top-up", lambda: actor.available() == Decimal(40))


def metering(stack: Stack) -> None:
    """Usage by queue: in batches, of holds, without a price, and below the threshold."""
    actor = Actor(stack, "metering")
    actor.buy("50.00", actor.save_card())
    actor.order_top_ups(monthly_limit="25.00")
    hold = actor.gateway.post("/holds", {"amount": "5.00"})
    first = actor.report(amount("10.00"))
    of_hold = actor.report(amount("5.00"), hold_id=hold["id"], final=True)
    odd = actor.report({**MODEL, "model": "nobody-sells-this"})
    actor.send(first, of_hold, odd, first, {"no": "report"})
    actor.wait_for_available("35")
    actor.send(actor.report(MODEL), actor.report(TRACES), actor.report(amount("18.00")))
    wait_for("the top-up", lambda: Decimal(40) < actor.available() < Decimal(42))
    # Alone in its batch, a report that was applied before.
    actor.send(first)
    # The writes of a batch are listed together.
    assert actor.customer.get("/ledger", limit="100")["data"]


def rolling_up(stack: Stack) -> None:
    """More groups in a day than its row has room for."""
    actor = Actor(stack, "rolling")
    actor.operator.post("/adjustments", {"amount": "10.00", "reason": "a present"})
    reports = [
        actor.report(amount("0.01"), project_id=f"p{number}") for number in range(MANY_PROJECTS)
    ]
    for start in range(0, len(reports), 10):
        actor.send(*reports[start : start + 10])

    def groups() -> int:
        return len(actor.customer.get("/usage", group_by="project")["data"])

    wait_for("every project", lambda: groups() == MANY_PROJECTS)


def topping_up(stack: Stack) -> None:
    """Top-ups that succeed, are declined, need action, and meet the month's limit."""
    actor = Actor(stack, "topping")
    actor.save_card()
    actor.send(actor.report(amount("10.00")))
    actor.wait_for_available("-10")
    with actor.unheard():
        # Two are needed, of which one is all that the month has room for at first.
        actor.order_top_ups(monthly_limit="25.00")
        actor.wait_for_available("15")
        actor.order_top_ups(monthly_limit="50.00")
        actor.wait_for_available("40")
        actor.gateway.post("/deductions", {"amount": "30.00"})
        _wait_for_quiet(actor)
        actor.save_card(DECLINED)
        actor.order_top_ups()
        actor.wait_for_top_up("backing_off")
        actor.save_card(NEEDS_ACTION)
        actor.order_top_ups()
        actor.wait_for_top_up("action_required")
        bare = Actor(stack, "cardless")
        card = bare.save_card()
        bare.operator.post("/adjustments", {"amount": "30.00", "reason": "a present"})
        bare.order_top_ups()
        bare.control(f"/payment_methods/{card}/detach")
        bare.gateway.post("/deductions", {"amount": "20.00"})
        bare.wait_for_top_up("paused")


def _wait_for_quiet(actor: Actor) -> None:
    """Wait until nothing brings the sweep to the account."""
    wait_for("an account without a mark", lambda: "low" not in actor.rows("AccountsTable")[0])


def topping_up_later(stack: Stack) -> None:
    """Charges that are decided later, and told by webhook."""
    for outcome, status in (("succeeded", "idle"), ("failed", "backing_off")):
        actor = Actor(stack, outcome)
        actor.save_card(PROCESSING)
        actor.send(actor.report(amount("10.00")))
        actor.wait_for_available("-10")
        actor.order_top_ups(monthly_limit="25.00")
        intent = _open_charge(actor)
        actor.control(f"/payment_intents/{intent}/finish", outcome=outcome)
        actor.wait_for_top_up(status)


def _open_charge(actor: Actor) -> str:
    def charged() -> list[dict[str, Any]]:
        rows = actor.rows("PurchasesTable")
        return [row for row in rows if row["status"]["S"] == "processing"]

    (row,) = wait_for("the open charge", charged)
    return actor.intent_of(row["id"]["S"])


def reversing(stack: Stack) -> None:
    """Refunds by the operator and in Stripe's dashboard, and a dispute."""
    actor = Actor(stack, "reversing")
    bought = actor.buy("50.00", actor.save_card())
    actor.order_top_ups()
    order = {"amount": "5.00", "reason": "a mistake"}
    with actor.unheard():
        actor.operator.post(f"/purchases/{bought['id']}/refunds", order, key="once")
        actor.operator.post(f"/purchases/{bought['id']}/refunds", order, key="once")
    actor.operator.post("/adjustments", {"amount": "-1.00", "reason": "a mistake"})
    actor.wait_for_available("44")
    _send_back(actor, bought["id"])


def _send_back(actor: Actor, purchase_id: str) -> None:
    """Refund a part in the dashboard and, once that is known here, dispute the rest."""
    before = actor.available()
    intent = actor.intent_of(purchase_id)
    actor.stripe("POST", "/refunds", payment_intent=intent, amount=500)
    actor.wait_for_available(str(before - 5))
    charge = actor.stripe("GET", f"/payment_intents/{intent}")["latest_charge"]
    actor.control(f"/charges/{charge}/dispute")
    actor.wait_for_top_up("paused")


def standing(stack: Stack) -> None:
    """An account is suspended, goes on, and is closed with all that is open."""
    actor = Actor(stack, "standing")
    actor.buy("30.00", actor.save_card())
    actor.order_top_ups()
    actor.buy("25.00", actor.save_card(NEEDS_ACTION))
    actor.gateway.post("/holds", {"amount": "5.00"})
    for suspended in (True, False):
        actor.operator.put("/suspension", {"suspended": suspended, "reason": "a test"})
    actor.operator.post("/adjustments", {"amount": "2.00", "reason": "a present"})
    closed = actor.operator.put("/closure", {"refund": True, "reason": "a test"})
    assert (closed["complete"], closed["forfeited"]) == (True, "2.00")


def reconciling(stack: Stack) -> None:
    """What no webhook told and no sweep asked about is found in Stripe's books."""
    actor = Actor(stack, "reconciled")
    card = actor.save_card(NEEDS_ACTION)
    with actor.unheard(), hour_ahead(stack):
        intent = actor.intent_of(actor.buy("25.00", card)["id"])
        actor.control(f"/payment_intents/{intent}/authenticate", outcome="accept")
        _wait_until_done(actor, "PurchasesTable")
        intent = actor.intent_of(actor.buy("25.00", card)["id"])
        actor.stripe("POST", f"/payment_intents/{intent}/cancel")
        _wait_until_done(actor, "PurchasesTable")
        for outcome in ("succeeded", "failed"):
            topped = Actor(stack, f"reconciled-{outcome}")
            topped.save_card(PROCESSING)
            topped.send(topped.report(amount("10.00")))
            topped.wait_for_available("-10")
            topped.order_top_ups(monthly_limit="25.00")
            intent = _open_charge(topped)
            topped.control(f"/payment_intents/{intent}/finish", outcome=outcome)
            if outcome == "failed":
                topped.stripe("POST", f"/payment_intents/{intent}/cancel")
            _wait_until_done(topped, "PurchasesTable")
        refunded = Actor(stack, "reconciled-refund")
        bought = refunded.buy("50.00", refunded.save_card())
        refunded.order_top_ups()
        _send_back(refunded, bought["id"])


@contextmanager
def hour_ahead(stack: Stack) -> Iterator[None]:
    """Put the reconciliation's clock ahead: it leaves alone what may be under way."""
    mark = Path(stack.environment[AHEAD])
    mark.touch()
    try:
        yield
    finally:
        mark.unlink()


def archiving(stack: Stack) -> None:
    """A month's invoices in one file: packed by the request, and by a worker when many."""
    actor = Actor(stack, "archiving")
    card = actor.save_card()
    month = actor.buy("5.00", card)["created_at"][:7]
    _wait_until_done(actor, "InvoicesTable")
    # As if its job had been lost: whoever packs the file makes up for it.
    actor.make_due("InvoicesTable", "number", check_at=FAR_OFF)
    assert "url" in _prepared(actor, "/invoices.zip", month=month)
    for _ in range(MANY_INVOICES):
        actor.buy("5.00", card)
    wait_for("the archive", lambda: "url" in _prepared(actor, "/invoices.zip", month=month))


def _wait_until_done(actor: Actor, table: str) -> None:
    """Wait until no row of a table is due: every file is stored, every notice passed on."""
    wait_for(table, lambda: all("due" not in row for row in actor.rows(table)))


def sweeping(stack: Stack) -> None:
    """What is left undone is finished: purchases, hints, invoices, archives, notices, holds."""
    actor = Actor(stack, "swept")
    hold = _short_hold(actor)
    card = actor.save_card(NEEDS_ACTION)
    with actor.unheard():
        for outcome, status in (("accept", "succeeded"), ("refuse", "failed")):
            bought = actor.buy("25.00", card)
            intent = actor.intent_of(bought["id"])
            actor.control(f"/payment_intents/{intent}/authenticate", outcome=outcome)
            _make_purchase_due(actor, bought["id"])
            _wait_for_purchase(actor, bought["id"], status)
        _sweep_top_ups(stack)
    month = bought["created_at"][:7]
    _wait_until_done(actor, "InvoicesTable")
    wait_for("the archive", lambda: "url" in _prepared(actor, "/invoices.zip", month=month))
    for table, sort_key in (("InvoicesTable", "number"), ("ArchivesTable", "name")):
        actor.make_due(table, sort_key)
    actor.make_due("NoticesTable", "name", forget="published_at, mailed_at")
    _wait_until_done(actor, "InvoicesTable")
    _wait_until_done(actor, "NoticesTable")
    key = {"organization_id": {"S": actor.name}}
    actor.change("AccountsTable", key, low="due", low_since=LONG_AGO)
    _wait_for_quiet(actor)

    def ended() -> bool:
        (row,) = (row for row in actor.rows("HoldsTable") if row["id"]["S"] == hold)
        return "due" not in row

    wait_for("the end of the hold", ended)


def _short_hold(actor: Actor) -> str:
    actor.operator.post("/adjustments", {"amount": "1.00", "reason": "a present"})
    order = {"amount": "1.00", "expires_in_seconds": 10}
    hold: str = actor.gateway.post("/holds", order)["id"]
    return hold


def _make_purchase_due(actor: Actor, purchase_id: str) -> None:
    key = {"organization_id": {"S": actor.name}, "id": {"S": purchase_id}}
    actor.change("PurchasesTable", key, due="due", check_at=LONG_AGO)


def _sweep_top_ups(stack: Stack) -> None:
    """Charges that are decided later, and of which no webhook tells."""
    for outcome, status in (("succeeded", "idle"), ("failed", "backing_off")):
        actor = Actor(stack, f"swept-{outcome}")
        actor.save_card(PROCESSING)
        actor.order_top_ups()
        intent = _open_charge(actor)
        actor.control(f"/payment_intents/{intent}/finish", outcome=outcome)
        (row,) = actor.rows("PurchasesTable")
        _make_purchase_due(actor, row["id"]["S"])
        actor.wait_for_top_up(status)


FLOWS: tuple[Callable[[Stack], None], ...] = (
    reading,
    preflighting,
    pricing,
    buying,
    concluding_on_demand,
    concluding_by_webhook,
    spending,
    metering,
    rolling_up,
    topping_up,
    topping_up_later,
    reversing,
    standing,
    reconciling,
    archiving,
    sweeping,
)
