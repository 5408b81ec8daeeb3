"""What must hold once the faults have stopped and the world has drained: nothing is left undone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from simulation.money import CENT_NANOS
from simulation.observer import Item, Observer, flag, number, text

if TYPE_CHECKING:
    from simulation.laws.balances import Balances
    from simulation.world import World

_REPORTS = "5 one report, one deduction"
_MODEL = "the simple book agrees"
_SPENDING = {"deduction", "usage", "settlement"}
_TOPPING_UP = {"purchase", "auto_top_up"}
_SWEEPS_APART = timedelta(hours=7)
#: What waits for the customer is given up after a day; by then it is looked at every two or three
#: hours, and by a sweep that comes seldom.
_WAITS_AT_MOST = timedelta(hours=27) + _SWEEPS_APART


class Settled:
    """Looks at everything, once."""

    def __init__(self, world: World, observer: Observer, balances: Balances) -> None:
        self._world = world
        self._observer = observer
        self._balances = balances

    def check(self) -> None:
        """Check it all."""
        self._purchases()
        self._holds()
        self._reports()
        self._top_ups()
        self._notices()
        self._roll_ups()
        self._book()

    def _purchases(self) -> None:
        now = self._world.now()
        for (_, purchase_id), row in self._observer.table("purchases").items():
            if text(row, "status") in {"succeeded", "failed", "canceled"}:
                continue
            young = text(row, "created_at") > (now - _WAITS_AT_MOST).isoformat()
            if not young or "check_at" not in row:
                self._world.violated(
                    "8 a crash loses nothing", f"{purchase_id} is still {text(row, 'status')}"
                )

    def _holds(self) -> None:
        for (_, hold_id), row in self._observer.table("holds").items():
            if text(row, "status") == "open":
                self._world.violated("8 every hold ends", f"{hold_id} is open")
        for (organization_id,), row in self._observer.table("accounts").items():
            if number(row, "held"):
                self._world.violated("8 every hold ends", f"{organization_id} holds something")

    def applied(self) -> Mapping[str, Mapping[str, Any]]:
        """The reports that were applied, with the content that was."""
        found: dict[str, Mapping[str, Any]] = {}
        for (organization_id, report_id), sent in self._world.book.reports.items():
            entry = self._observer.table("ledger").get((f"{organization_id}#report#{report_id}",))
            if entry is not None:
                counted = json.loads(text(entry, "details")).get("t", [0])[0]
                body = sent.applied(-number(entry, "amount"), traces=counted)
                found[f"{organization_id}/{report_id}"] = body
        return found

    def _reports(self) -> None:
        applied = self.applied()
        for (organization_id, report_id), sent in self._world.book.reports.items():
            if f"{organization_id}/{report_id}" not in applied:
                self._world.violated(_REPORTS, f"{report_id} was never applied")
            elif sent.contested:
                rejected = self._rejected(report_id)
                if not rejected:
                    self._world.violated(_REPORTS, f"{report_id}'s other content was not set aside")

    def _rejected(self, report_id: str) -> bool:
        url = self._world.cloud.environment["REJECTED_USAGE_QUEUE_URL"]
        return any(
            json.loads(message["Body"])["report_id"] == report_id
            for message in self._world.cloud.sqs.messages(url)
        )

    def _top_ups(self) -> None:
        """Whoever is below the threshold is being charged, waits for a reason, or must act."""
        now = self._world.now()
        for (organization_id,), order in self._observer.table("top_ups").items():
            account = self._observer.table("accounts").get((organization_id,))
            enabled = flag(order, "enabled")
            served = not flag(account, "suspended")
            low = number(account, "available") < number(order, "threshold")
            due = enabled and served and low
            paused = flag(order, "paused")
            # The simulated sweep comes seldom while nothing happens; it is due, but not forgotten.
            waits = text(order, "check_at") > (now - _SWEEPS_APART).strftime("%Y-%m-%dT%H:%M:%S")
            if not due or paused or waits or text(order, "open_purchase_id"):
                continue
            limit = order.get("monthly_limit", {}).get("N")
            spent = number(order, "month_spent")
            if text(order, "month") < now.strftime("%Y-%m"):
                spent = 0
            if limit is not None and spent + number(order, "amount") > int(limit):
                if not text(order, "check_at"):
                    self._world.violated("8 every due top-up", f"{organization_id} is forgotten")
                continue
            self._world.violated("8 every due top-up", f"{organization_id} is due, nobody charges")

    def _notices(self) -> None:
        bus = self._world.cloud.environment["EVENT_BUS"]
        heard = Counter(
            json.loads(event["Detail"])["id"] for event in self._world.cloud.events.published(bus)
        )
        for (organization_id, name), row in self._observer.table("notices").items():
            if "check_at" in row:
                self._world.violated("8 notices are passed on", f"{organization_id}'s {name}")
            elif "published_at" not in row:
                self._world.violated("8 notices are passed on", f"{name} never was")
        if len(heard) < len(self._observer.table("notices")):
            lacking = len(self._observer.table("notices")) - len(heard)
            self._world.violated("8 notices are passed on", f"{lacking} were never on the bus")

    def _roll_ups(self) -> None:
        """The days' sums are the ledger's."""
        ledger: dict[tuple[str, str], Counter[str]] = {}
        for row in self._observer.table("ledger").values():
            place = (text(row, "organization_id"), text(row, "recorded_at")[:10])
            sums = ledger.setdefault(place, Counter())
            sums[_part(row)] += number(row, "amount")
            sums["held"] += number(row, "held")
        days = {
            (key[0], key[1]): json.loads(text(row, "data"))
            for key, row in self._observer.table("usage_days").items()
            if "#" not in key[0]
        }
        for key in sorted(ledger.keys() | days.keys()):
            wanted, data = ledger.get(key, Counter()), days.get(key)
            bought, other, held = data["f"] if data else (0, 0, 0)
            spent = data["t"][0] if data else 0
            found = Counter({"bought": bought, "other": other, "held": held, "spent": -spent})
            if +found != +wanted or -found != -wanted:
                self._world.violated(
                    "roll-ups equal the ledger", f"{key}: {dict(found)}, not {dict(wanted)}"
                )

    def _book(self) -> None:
        """What balances should be, by what was answered and by what Stripe holds."""
        applied = self.applied()
        for organization_id in self._world.organizations:
            mine = [each for each in applied.values() if each["organization_id"] == organization_id]
            months = partial(self._month_of, organization_id)
            spent_nanos = self._world.book.spent_nanos(organization_id, mine, months)
            expected = self._paid_nanos(organization_id) - spent_nanos
            row = self._observer.table("accounts").get((organization_id,))
            found = number(row, "available") + number(row, "held")
            if found != expected:
                self._world.violated(
                    _MODEL,
                    f"{organization_id} should have {expected} nano-dollars and has {found} "
                    f"({found - expected:+d})",
                )

    def _month_of(self, organization_id: str, route: str, key: str) -> str:
        """The month in which a request was granted, which near its end no caller can know."""
        kind = "deduction" if route == "/deductions" else "settlement"
        row = self._observer.table("ledger").get((f"{organization_id}#{kind}#{key}",))
        return text(row, "recorded_at")[:7]

    def _paid_nanos(self, organization_id: str) -> int:
        """What Stripe took for the organization and didn't give back."""
        stripe = self._world.stripe
        total = 0
        for payment in stripe.payments_of(organization_id, "succeeded"):
            back = sum(
                refund["amount"]
                for refund in stripe.objects("refund").values()
                if refund["payment_intent"] == payment["id"]
                and refund["status"] in {"succeeded", "pending", "requires_action"}
            )
            back += sum(
                dispute["amount"]
                for dispute in stripe.objects("dispute").values()
                if dispute["payment_intent"] == payment["id"]
                and dispute["status"] in {"needs_response", "under_review", "lost"}
            )
            total += (payment["amount"] - min(payment["amount"], back)) * CENT_NANOS
        return total


def _part(row: Item) -> str:
    kind = text(row, "kind")
    return "spent" if kind in _SPENDING else "bought" if kind in _TOPPING_UP else "other"
