"""Everything this small Stripe remembers: its objects, its clock, and the events it recorded."""

from __future__ import annotations

import copy
import secrets
import string
import threading
import time
from collections.abc import Callable

from devstack.stripe.call import Call
from devstack.stripe.cards import CardFacts
from devstack.stripe.errors import Json, missing

_ALPHABET = string.ascii_letters + string.digits

#: Stripe's prefix of each kind of object.
PREFIXES = {
    "customer": "cus",
    "tax_id": "txi",
    "payment_method": "pm",
    "setup_intent": "seti",
    "payment_intent": "pi",
    "charge": "ch",
    "refund": "re",
    "dispute": "dp",
    "event": "evt",
    "balance_transaction": "txn",
    "tax.calculation": "taxcalc",
    "tax.calculation_line_item": "tax_li",
    "tax.transaction": "tax",
    "tax.transaction_line_item": "tax_li",
    "radar.early_fraud_warning": "issfr",
    "webhook_endpoint": "we",
}

_WITHOUT_CREATED = (
    "tax.calculation",
    "tax.calculation_line_item",
    "tax.transaction_line_item",
)
_WITHOUT_LIVEMODE = ("balance_transaction", "refund")


def random_text(length: int) -> str:
    """Letters and digits, as Stripe's ids and secrets are made of."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


class State:
    """The objects by kind and id, oldest first. Hold `lock` while reading several or writing.

    Args:
        api_version: the version that events claim to be written in.
        seller_country: where the seller is, for reverse charge.
        base_url: this server's own address, for the pages that `next_action` points to.
    """

    def __init__(self, *, api_version: str, seller_country: str) -> None:
        self.lock = threading.RLock()
        self.api_version = api_version
        self.seller_country = seller_country
        self.base_url = ""
        self.objects: dict[str, dict[str, Json]] = {}
        self.cards: dict[str, CardFacts] = {}
        self.call: Call | None = None
        self.on_event: Callable[[Json], None] = lambda _event: None
        self._ahead_seconds = 0

    def now(self) -> int:
        """Seconds since 1970, plus what the clock was set ahead."""
        return int(time.time()) + self._ahead_seconds

    def advance(self, seconds: int) -> int:
        """Set the clock ahead; answers the new time."""
        self._ahead_seconds += seconds
        return self.now()

    def clear(self) -> None:
        """Forget every object and event, and set the clock right."""
        with self.lock:
            self.objects.clear()
            self.cards.clear()
            self._ahead_seconds = 0

    def new(self, kind: str, **fields: object) -> Json:
        """Make and keep an object with the members that most kinds share."""
        made: Json = {"id": f"{PREFIXES[kind]}_{random_text(24)}", "object": kind}
        if kind not in _WITHOUT_CREATED:
            made["created"] = self.now()
        if kind not in _WITHOUT_LIVEMODE:
            made["livemode"] = False
        made |= fields
        self.objects.setdefault(kind, {})[made["id"]] = made
        return made

    def all(self, kind: str) -> list[Json]:
        """Every object of a kind, oldest first."""
        with self.lock:
            return list(self.objects.get(kind, {}).values())

    def find(self, object_id: str) -> Json | None:
        """The object with this id, of whatever kind."""
        with self.lock:
            for kept in self.objects.values():
                if object_id in kept:
                    return kept[object_id]
        return None

    def get(self, kind: str, object_id: str, *, param: str, status: int = 400) -> Json:
        """The object with this id.

        Raises:
            ApiError: with `status` and Stripe's `resource_missing` when there is none.
        """
        found = self.objects.get(kind, {}).get(object_id)
        if found is None:
            raise missing(kind, object_id, param=param, status=status)
        return found

    def change(self, kept: Json, event: str | None = None, **changes: object) -> Json:
        """Change an object; with an event name, record that event if anything really changed."""
        previous = {
            name: copy.deepcopy(kept.get(name))
            for name, value in changes.items()
            if kept.get(name) != value
        }
        kept.update(changes)
        if event and previous:
            self.emit(event, kept, previous=previous)
        return kept

    def emit(self, name: str, about: Json, *, previous: Json | None = None) -> Json:
        """Record an event with a copy of the object as it is now, and hand it to delivery."""
        data: Json = {"object": copy.deepcopy(about)}
        if previous is not None:
            data["previous_attributes"] = previous
        call = self.call
        event = self.new(
            "event",
            api_version=self.api_version,
            data=data,
            pending_webhooks=0,
            request={
                "id": call.request_id if call else None,
                "idempotency_key": call.idempotency_key if call else None,
            },
            type=name,
        )
        self.on_event(event)
        return event
