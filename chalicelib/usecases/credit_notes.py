"""The documents of refunds: credit notes, numbered in the write that takes the credits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.invoice import Invoice
from chalicelib.domain.invoicing import credit_note_for_refund, invoice_for_returned_refund
from chalicelib.domain.money import cents_to_nanos
from chalicelib.domain.numbering import IssuedInvoice, invoice_year
from chalicelib.domain.purchase import Purchase
from chalicelib.domain.reversal import FollowedReversal, Reversal, ReversalKind
from chalicelib.domain.write import Saved
from chalicelib.ports import Invoices, Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNotes:
    """Makes the documents of refunds, from the sequence that numbers invoices, too."""

    invoices: Invoices
    queue: Queue

    def document(
        self, purchase: Purchase, turned: FollowedReversal, reversal: Reversal, *, now: datetime
    ) -> tuple[str, tuple[Saved, ...]]:
        """The number and what is to be saved: a credit note, or an invoice if the refund failed.

        Raises:
            LookupError: if the purchase's own documents are missing; nothing like it should be.
        """
        sequence = self.invoices.sequence(invoice_year(now)).taken()
        number = sequence.number
        if turned.in_force:
            document = credit_note_for_refund(
                invoice=self._document(purchase, purchase.invoice_number),
                number=number,
                issued_at=now,
                refunded_at=reversal.created_at,
                transaction_id=turned.id,
                refund_nanos=cents_to_nanos(turned.amount_cents),
                refunded_before_nanos=cents_to_nanos(
                    purchase.reversals.in_force_cents(ReversalKind.REFUND)
                ),
                reason=reversal.reason,
            )
        else:
            credit_note = self._document(purchase, turned.document_number)
            document = invoice_for_returned_refund(
                credit_note=credit_note, number=number, issued_at=now
            )
        return number, (sequence, IssuedInvoice.new(document))

    def render(self, purchase: Purchase, number: str) -> None:
        """Have the document's files made; if the process dies here, the sweep has."""
        self.queue.invoice_job(purchase.organization_id, number)

    def _document(self, purchase: Purchase, number: str | None) -> Invoice:
        issued = None if number is None else self.invoices.get(purchase.organization_id, number)
        if issued is None:
            raise LookupError(f"purchase {purchase.id} lacks its document {number}")
        return issued.invoice
