"""The Taxes port on Stripe Tax: calculated before the payment, which then reports it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from stripe import StripeClient

from chalicelib.adapters.stripe_errors import translated
from chalicelib.domain.billing import BillingDetails
from chalicelib.domain.money import cents_to_nanos, nanos_to_cents
from chalicelib.domain.tax import Tax

if TYPE_CHECKING:
    from stripe.tax import Calculation


class StripeTaxes:
    """The Taxes port; `tax_code` is Stripe's word for what is sold."""

    def __init__(self, client: StripeClient, *, tax_code: str) -> None:
        self._api = client.v1
        self._tax_code = tax_code

    def quote(self, amount_nanos: int, buyer: BillingDetails) -> Tax:
        """See the port."""
        with translated():
            calculation = self._api.tax.calculations.create(
                params={
                    "currency": "usd",
                    "line_items": [
                        {
                            "amount": nanos_to_cents(amount_nanos),
                            "reference": "credits",
                            "tax_behavior": "exclusive",
                            "tax_code": self._tax_code,
                        }
                    ],
                    "customer_details": _customer_details(buyer),
                }
            )
        return Tax(
            amount_nanos=cents_to_nanos(calculation.tax_amount_exclusive),
            rate_percent=_rate_percent(calculation),
            calculation_id=calculation.id,
        )


def _customer_details(buyer: BillingDetails) -> Any:
    address = buyer.address
    details: dict[str, Any] = {
        "address_source": "billing",
        "address": {
            "line1": address.line1,
            "line2": address.line2 or "",
            "city": address.city,
            "state": address.state or "",
            "postal_code": address.postal_code,
            "country": address.country,
        },
    }
    if buyer.tax_id is not None:
        details["tax_ids"] = [{"type": buyer.tax_id.type, "value": buyer.tax_id.value}]
    return details


def _rate_percent(calculation: Calculation) -> str:
    """The rates of all authorities together; "0" where no tax came out."""
    if not calculation.tax_amount_exclusive:
        return "0"
    rates: Sequence[Any] = [part.tax_rate_details for part in calculation.tax_breakdown]
    percent = sum((Decimal(rate.percentage_decimal) for rate in rates), Decimal(0))
    return f"{percent.normalize():f}"
