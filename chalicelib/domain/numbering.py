"""Invoice numbers: one sequence per year, and what is kept of each invoice that was issued."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from chalicelib.domain.invoice import Invoice

#: The job that renders an invoice normally has long ended by then.
_FIRST_CHECK = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceSequence:
    """The invoices of one year. `last` is taken together with the fact that it numbers."""

    year: int
    last: int = 0

    def taken(self) -> InvoiceSequence:
        """The sequence once its next number belongs to somebody."""
        return replace(self, last=self.last + 1)

    @property
    def number(self) -> str:
        """The number taken last, as printed: "2026-000123"."""
        return f"{self.year}-{self.last:06d}"


def invoice_year(at: datetime) -> int:
    """The year whose sequence numbers an invoice issued at `at`."""
    return at.astimezone(UTC).year


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedInvoice:
    """An invoice that has its number, and whether its files are stored.

    `check_at` is when the sweep looks after them, None once they are.
    """

    invoice: Invoice
    check_at: datetime | None
    version: int = 1

    @classmethod
    def new(cls, invoice: Invoice) -> IssuedInvoice:
        """A new invoice, to be rendered by a job."""
        return cls(invoice=invoice, check_at=invoice.issued_at + _FIRST_CHECK)

    def stored(self) -> IssuedInvoice:
        """The invoice once its files are where links point."""
        return replace(self, check_at=None, version=self.version + 1)

    def retried(self, now: datetime) -> IssuedInvoice:
        """The invoice after a job that failed to store its files."""
        return replace(self, check_at=now + _FIRST_CHECK, version=self.version + 1)

    @property
    def rendered(self) -> bool:
        """Whether its files are stored."""
        return self.check_at is None
