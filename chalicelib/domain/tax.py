"""The tax on a purchase, as it was calculated before the payment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """What the card is charged on top of the credits, in nano-dollars and whole cents.

    `rate_percent` is decimal text without needless zeros; `calculation_id` names the calculation
    that the payment reports to the tax authority, None where tax is off.
    """

    amount_nanos: int = 0
    rate_percent: str = "0"
    calculation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxNotes:
    """What invoices say of tax: in general, and where the buyer owes it."""

    general: str | None
    reverse_charge: str


#: Tax is off, or nothing is due.
NO_TAX = Tax()
