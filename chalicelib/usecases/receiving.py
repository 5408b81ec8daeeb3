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
from chalicelib.usecases.reversing import Reversing

_PAYMENTS = ("payment_intent.*",)
_REVERSALS = ("charge.refunded", "charge.refund.*", "refund.*", "charge.dispute.*")


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
        return Reception.IRRELEVANT

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
