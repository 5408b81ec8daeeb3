"""Laws 3 and 4: one credit for each payment, one charge for each decision, within the limit."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulation.money import CENT_NANOS
from simulation.observer import Change, Observer, flag, number, text
from simulation.scheduler import current_or_none

if TYPE_CHECKING:
    from simulation.world import World

_CREDIT = "3 one payment, one credit"
_CHARGE = "4 one decision, one charge"
_LIMIT = "4 monthly limit"
#: Longer than a worker takes between asking for a payment and giving its purchase up.
_CONCLUDED_SECONDS = 30.0
_FINAL = {"succeeded", "failed", "canceled"}
_GIVEN_UP = {"failed", "canceled"}
_CREDITS = {"purchase", "auto_top_up"}


class Charges:
    """Looks at purchases, standing orders and Stripe's own books."""

    def __init__(self, world: World, observer: Observer) -> None:
        self._world = world
        self._observer = observer
        #: When each balance last rose to its threshold, and what by.
        self._risen: dict[str, tuple[float, str]] = {}
        #: When a bank last refused each payment.
        self._declined: dict[str, float] = {}
        observer.listeners.append(self.look)
        world.on_event.append(self.payment_changed)

    def look(self, changes: list[Change]) -> None:
        """Check one write."""
        for change in changes:
            if change.table == "ledger" and text(change.after, "kind") in _CREDITS:
                self._credit(change)
            elif change.table == "purchases":
                self._purchase(change)
            elif change.table == "top_ups":
                self._standing_order(change)
            elif change.table == "accounts":
                self._rise(change)

    def payment_changed(self, event: dict[str, Any]) -> None:
        """Stripe has recorded something: no purchase may be paid twice."""
        payment = event["data"]["object"]
        if event["type"] == "payment_intent.payment_failed":
            error = payment["last_payment_error"]
            if error is not None and error["code"] != "authentication_required":
                self._declined[payment["id"]] = self._world.scheduler.now
        if event["type"] == "refund.created":
            self._one_refund(payment)
        if event["type"] != "payment_intent.succeeded":
            return
        purchase_id = payment["metadata"].get("purchase_id")
        paid = [
            each["id"]
            for each in self._world.stripe.objects("payment_intent").values()
            if each["metadata"].get("purchase_id") == purchase_id and each["status"] == "succeeded"
        ]
        if purchase_id and len(paid) > 1:
            self._world.violated(_CHARGE, f"{purchase_id} was paid by {paid}")

    def _one_refund(self, refund: dict[str, Any]) -> None:
        request_id = refund["metadata"].get("refund_request_id")
        made = [
            each["id"]
            for each in self._world.stripe.objects("refund").values()
            if request_id and each["metadata"].get("refund_request_id") == request_id
        ]
        if len(made) > 1:
            self._world.violated("6 one order, one refund", f"{request_id} was sent back as {made}")

    def _credit(self, change: Change) -> None:
        entry = change.after
        organization_id = text(entry, "organization_id")
        purchase_id = change.key[0].partition("#purchase#")[2]
        purchase = self._observer.table("purchases").get((organization_id, purchase_id))
        if purchase is None or text(purchase, "status") != "succeeded":
            self._world.violated(_CREDIT, f"{change.key[0]} credits no purchase that was paid")
            return
        payment = self._world.stripe.objects("payment_intent").get(text(purchase, "payment_id"))
        if payment is None or payment["status"] != "succeeded":
            status = "unknown" if payment is None else payment["status"]
            self._world.violated(_CREDIT, f"{purchase_id} was credited, its payment is {status}")
            return
        charged = number(purchase, "amount") + number(purchase, "tax")
        if payment["amount"] * CENT_NANOS != charged or number(entry, "amount") != number(
            purchase, "amount"
        ):
            self._world.violated(_CREDIT, f"{purchase_id} was credited for another amount")

    def _purchase(self, change: Change) -> None:
        before, after = text(change.before, "status"), text(change.after, "status")
        if change.after is None:
            self._world.violated(_CREDIT, f"{change.key[1]} was deleted")
            return
        if before == "succeeded" and after != "succeeded":
            self._world.violated(_CREDIT, f"{change.key[1]} was paid, and is {after}")
        if after == "succeeded" and before != "succeeded":
            entry = self._observer.table("ledger").get(
                (f"{change.key[0]}#purchase#{change.key[1]}",)
            )
            if entry is None:
                self._world.violated(_CREDIT, f"{change.key[1]} has succeeded without a credit")
        if after in _GIVEN_UP and before not in _GIVEN_UP:
            self._given_up(change)
        if text(change.after, "type") == "auto_top_up":
            self._slot(change.key[0])

    def _given_up(self, change: Change) -> None:
        """What is given up can't be paid any more, was declined, or was abandoned for long."""
        purchase_id = change.key[1]
        automatic = text(change.after, "type") == "auto_top_up"
        patience = timedelta(hours=24 if automatic else 1)
        created_at = datetime.fromisoformat(text(change.after, "created_at"))
        for payment in self._world.stripe.objects("payment_intent").values():
            if payment["metadata"].get("purchase_id") != purchase_id:
                continue
            if payment["status"] != "canceled":
                self._world.violated(
                    _CHARGE,
                    f"{purchase_id} was given up, its payment is {payment['status']} at Stripe",
                )
            error = payment["last_payment_error"]
            waits = error is None or error["code"] == "authentication_required"
            # Who tries once more in the moment in which a decline is concluded comes too late.
            refused_at = self._declined.get(payment["id"], 0.0)
            waits = waits and self._world.scheduler.now > refused_at + _CONCLUDED_SECONDS
            # Closing an account ends what it had begun.
            account = self._observer.table("accounts").get((change.key[0],))
            waits = waits and not flag(account, "closed")
            if waits and self._world.now() < created_at + patience:
                self._world.violated(
                    _CREDIT, f"{purchase_id} was given up while the customer could still act"
                )

    def _standing_order(self, change: Change) -> None:
        before, after = (
            text(change.before, "open_purchase_id"),
            text(change.after, "open_purchase_id"),
        )
        if before and after and before != after:
            self._world.violated(_CHARGE, f"{change.key[0]} opened {after} while {before} was open")
        self._slot(change.key[0])
        if number(change.after, "month_spent") > number(change.before, "month_spent"):
            self._limit(change)
        if after and after != before:
            self._due(change)
        if change.before is not None and not before and after:
            paused = flag(change.before, "paused")
            off = not flag(change.before, "enabled")
            if paused or off:
                self._world.violated(_CHARGE, f"{change.key[0]} charges though paused or off")

    def _slot(self, organization_id: str) -> None:
        """The slot holds what is open, and the month's sum is what was claimed in it."""
        order = self._observer.table("top_ups").get((organization_id,))
        slot = text(order, "open_purchase_id")
        own = [
            item
            for key, item in self._observer.table("purchases").items()
            if key[0] == organization_id and text(item, "type") == "auto_top_up"
        ]
        still_open = [text(item, "id") for item in own if text(item, "status") not in _FINAL]
        if still_open != ([slot] if slot else []):
            self._world.violated(
                _CHARGE, f"{organization_id}: open are {still_open}, the slot has {slot or 'none'}"
            )
        month = text(order, "month")
        claimed = sum(
            number(item, "amount") + number(item, "tax")
            for item in own
            if text(item, "created_at")[:7] == month
            and text(item, "status") not in {"failed", "canceled"}
        )
        if order is not None and number(order, "month_spent") != claimed:
            self._world.violated(
                _LIMIT,
                f"{organization_id} has {number(order, 'month_spent')} down for {month}, "
                f"and claimed {claimed}",
            )

    def _due(self, change: Change) -> None:
        """Nobody is charged whose balance had risen before the charge was decided on."""
        organization_id = change.key[0]
        account = self._observer.table("accounts").get((organization_id,))
        if number(account, "available") < number(change.after, "threshold"):
            return
        at, kind = self._risen.get(organization_id, (0.0, ""))
        actor = current_or_none()
        began = actor.began if actor is not None else 0.0
        if at < began or kind == "auto_top_up":
            self._world.violated(
                _CHARGE, f"{organization_id} is charged though its balance is above the threshold"
            )

    def _rise(self, change: Change) -> None:
        order = self._observer.table("top_ups").get((change.key[0],))
        threshold = number(order, "threshold")
        below = number(change.before, "available") < threshold
        if below and number(change.after, "available") >= threshold:
            key = text(change.after, "last_write")
            entry = self._observer.table("ledger").get((f"{change.key[0]}#{key}",))
            self._risen[change.key[0]] = (self._world.scheduler.now, text(entry, "kind"))

    def _limit(self, change: Change) -> None:
        """What was claimed fits the limit that the standing order had when it was claimed."""
        limit = change.before and change.before.get("monthly_limit")
        if limit is None or "N" not in limit:
            return
        spent = number(change.after, "month_spent")
        if spent > int(limit["N"]):
            self._world.violated(
                _LIMIT, f"{change.key[0]} claimed {spent} of {limit['N']} nano-dollars"
            )

    def settled(self) -> None:
        """At the end of a history: each payment has its credit, and each credit its payment."""
        paid: Counter[str] = Counter()
        for payment in self._world.stripe.objects("payment_intent").values():
            purchase_id = payment["metadata"].get("purchase_id")
            if purchase_id and payment["status"] == "succeeded":
                paid[purchase_id] += 1
        for purchase_id, times in paid.items():
            if times > 1:
                self._world.violated(_CREDIT, f"{purchase_id} was paid {times} times")
        credited = {
            key[0].partition("#purchase#")[2]
            for key, item in self._observer.table("ledger").items()
            if text(item, "kind") in _CREDITS
        }
        if lacking := sorted(paid.keys() - credited):
            self._world.violated(_CREDIT, f"paid, and never credited: {lacking}")
        if unpaid := sorted(credited - paid.keys()):
            self._world.violated(_CREDIT, f"credited, and never paid: {unpaid}")
