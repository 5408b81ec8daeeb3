"""The invoice and the credit note as values: all that is printed on them, frozen at purchase.

A value is complete in itself, so that the same document can be made again years later, whatever
has become of the seller's configuration, the buyer's address or the card.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from chalicelib.domain.billing import Address, BillingDetails, TaxId
from chalicelib.domain.money import NANOS_PER_CENT
from chalicelib.domain.purchase import PurchaseType


class InvoiceKind(StrEnum):
    """Whether money was taken or given back."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class TaxTreatment(StrEnum):
    """How a tax authority sees the amount.

    Taxed; not taxed because the buyer owes the tax himself; or not taxed because the seller
    collects none, be it that tax is off or that nothing is due.
    """

    TAXED = "taxed"
    REVERSE_CHARGE = "reverse_charge"
    NOT_COLLECTED = "not_collected"


PaperSize = Literal["a4", "us-letter"]

#: Where office paper is US Letter; everywhere else it is A4. From the Unicode CLDR's
#: supplemental measurement data (`paperSize`).
US_LETTER_COUNTRIES: Final = frozenset(
    "BZ CA CL CO CR GT MX NI PA PH PR SV US VE".split()  # noqa: SIM905 - reads as the source does
)

#: Goes into file names and headers as it is, hence the narrow alphabet.
_NUMBER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?")
_RATE = re.compile(r"(?:0|[1-9][0-9]?)(?:\.[0-9]{0,3}[1-9])?|100")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Who issues the invoice; from the configuration at the time of purchase."""

    name: str
    address: Address
    tax_ids: tuple[TaxId, ...] = ()
    email: str | None = None
    website: str | None = None
    logo_svg: str | None = None
    footer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """What was supplied; `net_nanos` is `quantity` times `unit_net_nanos`."""

    description: str
    quantity: int
    unit_net_nanos: int
    net_nanos: int

    def __post_init__(self) -> None:
        if self.quantity < 1:
            raise ValueError("a line's quantity must be at least 1")
        if self.unit_net_nanos * self.quantity != self.net_nanos:
            raise ValueError("a line's net must be its quantity times its unit price")


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPayment:
    """How and when it was paid, or given back; `brand` as Stripe spells it, such as `visa`.

    `last4` is None for methods that have no card number, such as `link`.
    """

    brand: str
    last4: str | None
    paid_at: datetime

    def __post_init__(self) -> None:
        _require_utc("payment.paid_at", self.paid_at)
        if self.last4 is not None and not re.fullmatch(r"[0-9]{4}", self.last4):
            raise ValueError("payment.last4 must be four digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice, or a credit note that corrects one; it never changes.

    Amounts are nano-dollars, whole cents and never negative: a credit note says by its kind that
    they are given back. `tax_rate_percent` is decimal text without needless zeros, such as "19"
    or "8.875". `corrects_number` and `reason` belong to credit notes.

    Raises:
        ValueError: if the parts don't add up, or a part can't stand on a document.
    """

    number: str
    kind: InvoiceKind
    organization_id: str
    purchase_id: str
    purchase_type: PurchaseType
    transaction_id: str
    issued_at: datetime
    supplied_at: datetime
    seller: Seller
    buyer: BillingDetails
    lines: tuple[InvoiceLine, ...]
    net_nanos: int
    tax_nanos: int
    total_nanos: int
    payment: CardPayment
    tax_rate_percent: str = "0"
    tax_treatment: TaxTreatment = TaxTreatment.NOT_COLLECTED
    tax_note: str | None = None
    currency: Literal["USD"] = "USD"
    corrects_number: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if not _NUMBER.fullmatch(self.number):
            raise ValueError("number must be letters, digits and hyphens")
        _require_utc("issued_at", self.issued_at)
        _require_utc("supplied_at", self.supplied_at)
        if self.currency != "USD":
            raise ValueError("currency must be USD")
        self._check_kind()
        self._check_amounts()
        self._check_tax()

    def _check_kind(self) -> None:
        if self.is_credit_note != (self.corrects_number is not None):
            raise ValueError("a credit note names the invoice it corrects, an invoice names none")
        if self.reason is not None and not self.is_credit_note:
            raise ValueError("a reason belongs to a credit note")

    def _check_amounts(self) -> None:
        if not self.lines:
            raise ValueError("there must be at least one line")
        amounts = (self.net_nanos, self.tax_nanos, self.total_nanos)
        if any(nanos < 0 for nanos in amounts) or self.total_nanos == 0:
            raise ValueError("amounts must not be negative, nor the total zero")
        if any(nanos % NANOS_PER_CENT for nanos in (*amounts, *(x.net_nanos for x in self.lines))):
            raise ValueError("amounts must be whole cents")
        if sum(line.net_nanos for line in self.lines) != self.net_nanos:
            raise ValueError("the lines must add up to the net amount")
        if self.net_nanos + self.tax_nanos != self.total_nanos:
            raise ValueError("net and tax must add up to the total")

    def _check_tax(self) -> None:
        if not _RATE.fullmatch(self.tax_rate_percent):
            raise ValueError('tax_rate_percent must be decimal text, such as "19" or "8.875"')
        if (self.tax_treatment is TaxTreatment.TAXED) != (self.tax_rate_percent != "0"):
            raise ValueError("exactly what is taxed has a tax rate")
        if self.tax_nanos and self.tax_treatment is not TaxTreatment.TAXED:
            raise ValueError("what is not taxed has no tax amount")

    @property
    def is_credit_note(self) -> bool:
        """Whether the amounts are given back."""
        return self.kind is InvoiceKind.CREDIT_NOTE

    @property
    def paper_size(self) -> PaperSize:
        """The paper of the buyer's country."""
        return "us-letter" if self.buyer.address.country in US_LETTER_COUNTRIES else "a4"

    def file_name(self, extension: str = "pdf") -> str:
        """What a person finds the saved file by, such as `invoice-2026-000123.pdf`."""
        return f"{self.kind.replace('_', '-')}-{self.number}.{extension}"


def _require_utc(field: str, value: datetime) -> None:
    if value.utcoffset() != timedelta(0):
        raise ValueError(f"{field} must be in UTC")
