"""What the payment provider tells us: an event is only a reason to ask how things stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import cast

from chalicelib.domain.purchase import Purchase
from chalicelib.ports import Payments, Purchases, Refunds
from chalicelib.usecases.concluding import Concluding
from chalicelib.usecases.keeping_cards import KeepingCards
from chalicelib.usecases.reversing import Reversing

_PAYMENTS = ("payment_intent.*",)
_REVERSALS = ("charge.refunded", "charge.refund.*", "refund.*", "charge.dispute.*")
_CARDS = ("payment_method.detached", "payment_method.*updated")
_CUSTOMERS = ("setup_intent.succeeded", *_CARDS, "customer.deleted", "customer.tax_id.*")


class Reception(StrEnum):
    """What was made of an event."""

    HANDLED = "handled"
    #: Of a kind that changes nothing here.
    IRRELEVANT = "irrelevant"
    #: About somebody else's payment in the same account of the provider.
    FOREIGN = "foreign"


_HANDLED = Reception.HANDLED


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiving:
    """Acts on events, in any order and any number of times."""

    purchases: Purchases
    payments: Payments
    refunds: Refunds
    concluding: Concluding
    reversing: Reversing
    keeping_cards: KeepingCards

    def receive(self, event: Mapping[str, object], *, now: datetime) -> Reception:
        """Bring what the event is about in line with how it is now at the provider.

        Raises:
            LookupError: if a payment of ours has no purchase; nothing like it should exist.
        """
        kind, object_id = cast("str", event["type"]), cast("str", event["object_id"])
        if _is(kind, _PAYMENTS):
            return Reception.FOREIGN if self._conclude(object_id, now=now) is None else _HANDLED
        if _is(kind, _REVERSALS):
            payment_id = self.refunds.payment_behind(object_id)
            # A refund may be heard of before the payment that it sends back.
            credited = None if payment_id is None else self._conclude(payment_id, now=now)
            if credited is None:
                return Reception.FOREIGN
            self.reversing.follow(credited, now=now)
            return _HANDLED
        if _is(kind, _CUSTOMERS):
            ours = self._customer(kind, event, now=now)
            return _HANDLED if ours else Reception.FOREIGN
        return Reception.IRRELEVANT

    def _customer(self, kind: str, event: Mapping[str, object], *, now: datetime) -> bool:
        if kind == "setup_intent.succeeded":
            return self.keeping_cards.card_saved(cast("str", event["object_id"]), now=now)
        # Detached and deleted objects don't tell any more whose they were: the event does.
        customer_id = cast("str | None", event.get("customer_id"))
        if customer_id is None:
            return False
        if _is(kind, _CARDS):
            return self.keeping_cards.cards_changed(customer_id, now=now)
        if kind == "customer.deleted":
            organization_id = cast("str | None", event.get("organization_id"))
            return organization_id is not None and self.keeping_cards.customer_deleted(
                organization_id, customer_id, now=now
            )
        return self.keeping_cards.tax_ids_changed(customer_id)

    def _conclude(self, payment_id: str, *, now: datetime) -> Purchase | None:
        """The purchase, in line with its payment; None if the payment isn't ours."""
        payment = self.payments.payment(payment_id)
        if payment.organization_id is None or payment.purchase_id is None:
            return None
        purchase = self.purchases.get(payment.organization_id, payment.purchase_id)
        if purchase is None:
            raise LookupError(f"{payment.id} was paid for {payment.purchase_id}, which is unknown")
        return self.concluding.conclude(purchase, payment, now=now)


def _is(kind: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(kind, pattern) for pattern in patterns)
