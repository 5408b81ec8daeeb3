"""What the payment provider tells us: an event is only a reason to ask how things stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import cast

from chalicelib.ports import Payments, Purchases
from chalicelib.usecases.concluding import Concluding


class Reception(StrEnum):
    """What was made of an event."""

    HANDLED = "handled"
    #: Of a kind that changes nothing here.
    IRRELEVANT = "irrelevant"
    #: About somebody else's payment in the same account of the provider.
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiving:
    """Acts on events, in any order and any number of times."""

    purchases: Purchases
    payments: Payments
    concluding: Concluding

    def receive(self, event: Mapping[str, object], *, now: datetime) -> Reception:
        """Bring what the event is about in line with how it is now at the provider.

        Raises:
            LookupError: if a payment of ours has no purchase; nothing like it should exist.
        """
        kind = cast("str", event["type"])
        if not kind.startswith("payment_intent."):
            return Reception.IRRELEVANT
        payment = self.payments.payment(cast("str", event["object_id"]))
        if payment.organization_id is None or payment.purchase_id is None:
            return Reception.FOREIGN
        purchase = self.purchases.get(payment.organization_id, payment.purchase_id)
        if purchase is None:
            raise LookupError(f"{payment.id} was paid for {payment.purchase_id}, which is unknown")
        self.concluding.conclude(purchase, payment, now=now)
        return Reception.HANDLED
