"""The Books port on Stripe: its lists of payments, refunds and disputes, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from stripe import StripeClient

from chalicelib.adapters.stripe_errors import translated
from chalicelib.adapters.stripe_payments import payment_of
from chalicelib.domain.reconciliation import BookedPayment
from chalicelib.ports import Page

if TYPE_CHECKING:
    from stripe import PaymentIntent

_PAGE = 100


class StripeBooks:
    """The Books port. Lists are consistent at Stripe, searches are not."""

    def __init__(self, client: StripeClient) -> None:
        self._api = client.v1

    def payments(self, since: datetime, until: datetime, after: str | None) -> Page[BookedPayment]:
        """See the port."""
        params = _page(since, until, after)
        params["expand"] = ["data.latest_charge"]
        with translated():
            found = self._api.payment_intents.list(params=params)
        items = [_booked(intent) for intent in found.data]
        return Page(items=items, after=found.data[-1].id if found.has_more else None)

    def refunded(self, since: datetime, until: datetime, after: str | None) -> Page[str]:
        """See the port."""
        with translated():
            found = self._api.refunds.list(params=_page(since, until, after))
        return Page(
            items=_payments_of(found.data), after=found.data[-1].id if found.has_more else None
        )

    def disputed(self, since: datetime, until: datetime, after: str | None) -> Page[str]:
        """See the port."""
        with translated():
            found = self._api.disputes.list(params=_page(since, until, after))
        return Page(
            items=_payments_of(found.data), after=found.data[-1].id if found.has_more else None
        )


def _page(since: datetime, until: datetime, after: str | None) -> Any:
    """The parameters that these lists share; each of them types them anew."""
    created = {"gte": int(since.timestamp()), "lte": int(until.timestamp())}
    params: dict[str, Any] = {"created": created, "limit": _PAGE}
    return params if after is None else {**params, "starting_after": after}


def _booked(intent: PaymentIntent) -> BookedPayment:
    charge = intent.latest_charge
    refunded = 0 if charge is None or isinstance(charge, str) else charge.amount_refunded
    return BookedPayment(payment=payment_of(intent), refunded_cents=refunded)


def _payments_of(items: Sequence[Any]) -> list[str]:
    """The payments behind refunds or disputes, each once; those without one aren't ours."""
    return list(dict.fromkeys(item.payment_intent for item in items if item.payment_intent))
