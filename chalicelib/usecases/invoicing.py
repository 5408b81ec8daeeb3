"""The files of an invoice: made once, stored once, and given out by short-lived links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from chalicelib.domain.errors import NotFoundError
from chalicelib.domain.invoice import Invoice
from chalicelib.domain.numbering import IssuedInvoice
from chalicelib.domain.purchase import Purchase
from chalicelib.domain.write import Write
from chalicelib.ports import Documents, Invoices, Ledger, Purchases, Renderer

#: Long enough to follow a link, too short to share it.
LINK_SECONDS = 300
#: By then everything is due.
_END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)


class InvoiceFormat(StrEnum):
    """In what an invoice is stored."""

    PDF = "pdf"
    HTML = "html"


_CONTENT_TYPES = {
    InvoiceFormat.PDF: "application/pdf",
    InvoiceFormat.HTML: "text/html; charset=utf-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLink:
    """Where the file can be had until `expires_at`; without `url`, it is still being prepared."""

    number: str
    url: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoicing:
    """Stores and gives out the files of invoices."""

    ledger: Ledger
    purchases: Purchases
    invoices: Invoices
    documents: Documents
    renderer: Renderer

    def store(self, organization_id: str, number: str, *, now: datetime) -> IssuedInvoice:
        """Render and store the files. Done twice, the first files stay.

        Raises:
            LookupError: if there is no such invoice; no job should exist without one.
        """
        issued = self.invoices.get(organization_id, number)
        if issued is None:
            raise LookupError(f"there is no invoice {number} of {organization_id}")
        if issued.rendered:
            return issued
        for form, content in (
            (InvoiceFormat.PDF, self.renderer.render_pdf(issued.invoice)),
            (InvoiceFormat.HTML, self.renderer.render_html(issued.invoice).encode()),
        ):
            name = document_name(issued.invoice, form)
            self.documents.put_once(name, content, content_type=_CONTENT_TYPES[form])
        stored = issued.stored()
        # A rival that stored the same files may have said so first: then nothing is left to say.
        self.ledger.commit(Write(organization_id=organization_id, at=now, saves=(stored,)))
        return stored

    def missing(self, limit: int) -> Sequence[IssuedInvoice]:
        """Invoices whose files are not stored, the longest issued first."""
        return self.invoices.due(_END_OF_TIME, limit)

    def link(
        self, organization_id: str, purchase_id: str, form: InvoiceFormat, *, now: datetime
    ) -> InvoiceLink:
        """A link to the invoice of a purchase.

        Raises:
            NotFoundError: if there is no such purchase, or it was not paid.
        """
        purchase: Purchase | None = self.purchases.get(organization_id, purchase_id)
        if purchase is None or purchase.invoice_number is None:
            raise NotFoundError("There is no invoice for this transaction.")
        return self.link_to(organization_id, purchase.invoice_number, form, now=now)

    def link_to(
        self, organization_id: str, number: str, form: InvoiceFormat, *, now: datetime
    ) -> InvoiceLink:
        """A link to the invoice or the credit note with that number.

        Raises:
            NotFoundError: if the organization was issued no such document.
        """
        issued = self.invoices.get(organization_id, number)
        if issued is None:
            raise NotFoundError("There is no such document.")
        invoice = issued.invoice
        url = None
        if issued.rendered:
            url = self.documents.link(
                document_name(invoice, form),
                file_name=invoice.file_name(form.value),
                content_type=_CONTENT_TYPES[form],
                expires_in_seconds=LINK_SECONDS,
            )
        expires_at = now + timedelta(seconds=LINK_SECONDS)
        return InvoiceLink(number=invoice.number, url=url, expires_at=expires_at)


def document_name(invoice: Invoice, form: InvoiceFormat) -> str:
    """Under which name the file is stored."""
    return f"invoices/{invoice.organization_id}/{invoice.number}.{form.value}"
