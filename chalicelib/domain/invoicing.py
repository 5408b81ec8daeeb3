"""How an invoice comes from a paid purchase, and a credit note from an invoice and a refund."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from chalicelib.domain.billing import BillingDetails
from chalicelib.domain.invoice import (
    CardPayment,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    Seller,
    TaxTreatment,
)
from chalicelib.domain.invoice_tax import DEFAULT_REVERSE_CHARGE_NOTE, tax_treatment_for
from chalicelib.domain.money import cents_to_nanos, nanos_to_cents, share_cents
from chalicelib.domain.purchase import PurchaseType

_DESCRIPTIONS: Final[dict[PurchaseType, str]] = {
    PurchaseType.PURCHASE: "AI gateway credits, manual purchase",
    PurchaseType.AUTO_TOP_UP: "AI gateway credits, automatic top-up",
}


def invoice_for_purchase(
    *,
    number: str,
    organization_id: str,
    purchase_id: str,
    purchase_type: PurchaseType,
    transaction_id: str,
    issued_at: datetime,
    supplied_at: datetime,
    seller: Seller,
    buyer: BillingDetails,
    net_nanos: int,
    payment: CardPayment,
    tax_nanos: int = 0,
    tax_rate_percent: str = "0",
    tax_note: str | None = None,
    reverse_charge_note: str = DEFAULT_REVERSE_CHARGE_NOTE,
) -> Invoice:
    """The invoice of one paid purchase of credits, with its one line.

    `tax_note` is what the configuration says about tax in general, such as a small business's
    exemption; the reverse charge's own note takes its place where that applies.

    Raises:
        ValueError: as `Invoice` does.
    """
    treatment = tax_treatment_for(
        seller=seller.address, buyer=buyer, tax_rate_percent=tax_rate_percent
    )
    return Invoice(
        number=number,
        kind=InvoiceKind.INVOICE,
        organization_id=organization_id,
        purchase_id=purchase_id,
        purchase_type=purchase_type,
        transaction_id=transaction_id,
        issued_at=issued_at,
        supplied_at=supplied_at,
        seller=seller,
        buyer=buyer,
        lines=(_one_line(_DESCRIPTIONS[purchase_type], net_nanos),),
        net_nanos=net_nanos,
        tax_nanos=tax_nanos,
        total_nanos=net_nanos + tax_nanos,
        payment=payment,
        tax_rate_percent=tax_rate_percent,
        tax_treatment=treatment,
        tax_note=_note(treatment, tax_note, reverse_charge_note),
    )


def credit_note_for_refund(
    *,
    invoice: Invoice,
    number: str,
    issued_at: datetime,
    refunded_at: datetime,
    transaction_id: str,
    refund_nanos: int,
    refunded_before_nanos: int = 0,
    reason: str | None = None,
) -> Invoice:
    """The credit note over a refund of `refund_nanos`, tax included, of an invoice.

    `refunded_before_nanos` is what earlier credit notes of the same invoice gave back in all. The
    tax in it is shared out so that the credit notes of a fully refunded invoice add up to its net
    and its tax to the cent. Seller, buyer and card stay as they were on the invoice.

    Raises:
        ValueError: for more than is left, for less than a cent, and as `Invoice` does.
    """
    if invoice.is_credit_note:
        raise ValueError("a credit note corrects an invoice, not another credit note")
    after_nanos = refunded_before_nanos + refund_nanos
    if refund_nanos <= 0 or refunded_before_nanos < 0 or after_nanos > invoice.total_nanos:
        raise ValueError("a refund must be positive and not more than is left")
    tax_nanos = _tax_share(invoice, after_nanos) - _tax_share(invoice, refunded_before_nanos)
    net_nanos = refund_nanos - tax_nanos
    return replace(
        invoice,
        number=number,
        kind=InvoiceKind.CREDIT_NOTE,
        issued_at=issued_at,
        supplied_at=refunded_at,
        transaction_id=transaction_id,
        lines=(_one_line(f"Refund: {_DESCRIPTIONS[invoice.purchase_type]}", net_nanos),),
        net_nanos=net_nanos,
        tax_nanos=tax_nanos,
        total_nanos=refund_nanos,
        payment=replace(invoice.payment, paid_at=refunded_at),
        corrects_number=invoice.number,
        reason=reason,
    )


def invoice_for_returned_refund(
    *, credit_note: Invoice, number: str, issued_at: datetime
) -> Invoice:
    """The invoice over what a credit note gave back, once its refund has come back to us.

    Raises:
        ValueError: if it is no credit note.
    """
    if not credit_note.is_credit_note:
        raise ValueError("only a credit note can be taken back")
    description = f"Refund returned (credit note {credit_note.number})"
    return replace(
        credit_note,
        number=number,
        kind=InvoiceKind.INVOICE,
        issued_at=issued_at,
        supplied_at=issued_at,
        lines=(_one_line(description, credit_note.net_nanos),),
        payment=replace(credit_note.payment, paid_at=issued_at),
        corrects_number=None,
        reason=None,
    )


def _one_line(description: str, net_nanos: int) -> InvoiceLine:
    return InvoiceLine(
        description=description, quantity=1, unit_net_nanos=net_nanos, net_nanos=net_nanos
    )


def _note(treatment: TaxTreatment, tax_note: str | None, reverse_charge_note: str) -> str | None:
    return reverse_charge_note if treatment is TaxTreatment.REVERSE_CHARGE else tax_note


def _tax_share(invoice: Invoice, gross_nanos: int) -> int:
    """The tax within the first `gross_nanos` of an invoice, rounded half up to whole cents."""
    share = share_cents(
        nanos_to_cents(gross_nanos),
        of_cents=nanos_to_cents(invoice.tax_nanos),
        whole_cents=nanos_to_cents(invoice.total_nanos),
    )
    return cents_to_nanos(share)
