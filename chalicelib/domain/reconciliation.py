"""What a comparison with the payment provider's books found: repaired, or for a person to see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.instant import format_instant
from chalicelib.domain.money import cents_to_nanos, format_usd
from chalicelib.domain.payment import Payment


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedPayment:
    """A payment in the provider's books, and what of it was refunded by now."""

    payment: Payment
    refunded_cents: int


class Difference(StrEnum):
    """How the books differed."""

    #: Paid, and not credited.
    NOT_CREDITED = "not_credited"
    #: Ended there in another way, and still open here.
    NOT_CONCLUDED = "not_concluded"
    #: Given up here, and still to be paid there.
    STILL_PAYABLE = "still_payable"
    #: Refunded or disputed, and the credits not taken; or the other way round.
    NOT_FOLLOWED = "not_followed"
    #: Ours by its metadata, but nothing here knows it.
    UNKNOWN_PURCHASE = "unknown_purchase"
    #: Another payment of the same purchase was credited.
    PAID_TWICE = "paid_twice"
    #: Charged is not what was to be charged.
    OTHER_AMOUNT = "other_amount"
    #: Credited, and not paid.
    NOT_PAID = "not_paid"
    #: Said to be credited, and the ledger has no such entry.
    NO_ENTRY = "no_entry"
    #: Something failed while it was looked into.
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference, and whether it is repaired."""

    difference: Difference
    repaired: bool
    payment_id: str
    organization_id: str | None
    purchase_id: str | None
    detail: str = ""


@dataclass(slots=True, kw_only=True)
class Reconciliation:
    """The report. The sums are of the payments made since `since`, as the run left them.

    `complete` says whether everything was looked at within the bounds of one run.
    """

    since: datetime
    payments: int = 0
    reversals: int = 0
    charged_cents: int = 0
    credited_nanos: int = 0
    tax_nanos: int = 0
    sent_back_cents: int = 0
    taken_back_nanos: int = 0
    complete: bool = True
    findings: list[Finding] = field(default_factory=list)

    @property
    def open(self) -> list[Finding]:
        """What a person must look at."""
        return [finding for finding in self.findings if not finding.repaired]

    @property
    def in_line(self) -> bool:
        """Whether every cent that was charged is credited, or tax."""
        accounted_nanos = self.credited_nanos + self.tax_nanos
        return not self.open and cents_to_nanos(self.charged_cents) == accounted_nanos

    def body(self) -> Mapping[str, object]:
        """The report as JSON-safe data, amounts in US dollars."""
        return {
            "since": format_instant(self.since),
            "complete": self.complete,
            "in_line": self.in_line,
            "payments": self.payments,
            "reversals": self.reversals,
            "charged": format_usd(cents_to_nanos(self.charged_cents)),
            "credited": format_usd(self.credited_nanos),
            "tax": format_usd(self.tax_nanos),
            "sent_back": format_usd(cents_to_nanos(self.sent_back_cents)),
            "taken_back": format_usd(self.taken_back_nanos),
            "findings": [
                {
                    "difference": finding.difference.value,
                    "repaired": finding.repaired,
                    "payment_id": finding.payment_id,
                    "organization_id": finding.organization_id,
                    "purchase_id": finding.purchase_id,
                    "detail": finding.detail,
                }
                for finding in self.findings
            ],
        }
