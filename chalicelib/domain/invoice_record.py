"""An invoice as plain JSON data for keeping, and the same invoice back from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.billing import Address, BillingDetails, TaxId
from chalicelib.domain.invoice import (
    CardPayment,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    Seller,
    TaxTreatment,
)
from chalicelib.domain.money import format_usd, parse_usd
from chalicelib.domain.purchase import PurchaseType

#: Kept records are read for ever: a change of shape takes a new number, and the old one stays
#: readable.
RECORD_VERSION: Final = 1


def invoice_to_dict(invoice: Invoice) -> dict[str, Any]:
    """The whole invoice as JSON data: money as dollar strings, times as RFC 3339, no floats."""
    return {
        "version": RECORD_VERSION,
        "number": invoice.number,
        "kind": invoice.kind.value,
        "organization_id": invoice.organization_id,
        "purchase_id": invoice.purchase_id,
        "purchase_type": invoice.purchase_type.value,
        "transaction_id": invoice.transaction_id,
        "issued_at": _time_to_text(invoice.issued_at),
        "supplied_at": _time_to_text(invoice.supplied_at),
        "seller": _seller_to_dict(invoice.seller),
        "buyer": _buyer_to_dict(invoice.buyer),
        "lines": [_line_to_dict(line) for line in invoice.lines],
        "net": format_usd(invoice.net_nanos),
        "tax": format_usd(invoice.tax_nanos),
        "total": format_usd(invoice.total_nanos),
        "currency": invoice.currency,
        "tax_rate_percent": invoice.tax_rate_percent,
        "tax_treatment": invoice.tax_treatment.value,
        "tax_note": invoice.tax_note,
        "payment": {
            "brand": invoice.payment.brand,
            "last4": invoice.payment.last4,
            "paid_at": _time_to_text(invoice.payment.paid_at),
        },
        "corrects_number": invoice.corrects_number,
        "reason": invoice.reason,
    }


def invoice_from_dict(data: Mapping[str, Any]) -> Invoice:
    """The invoice that `invoice_to_dict` wrote.

    Raises:
        ValueError: if it is of an unknown version, or its parts contradict each other.
        KeyError: if a part is missing; nothing is guessed.
    """
    if data["version"] != RECORD_VERSION:
        raise ValueError(f"invoice record of unknown version {data['version']!r}")
    payment = data["payment"]
    return Invoice(
        number=data["number"],
        kind=InvoiceKind(data["kind"]),
        organization_id=data["organization_id"],
        purchase_id=data["purchase_id"],
        purchase_type=PurchaseType(data["purchase_type"]),
        transaction_id=data["transaction_id"],
        issued_at=datetime.fromisoformat(data["issued_at"]),
        supplied_at=datetime.fromisoformat(data["supplied_at"]),
        seller=_seller_from_dict(data["seller"]),
        buyer=_buyer_from_dict(data["buyer"]),
        lines=tuple(_line_from_dict(line) for line in data["lines"]),
        net_nanos=parse_usd(data["net"]),
        tax_nanos=parse_usd(data["tax"]),
        total_nanos=parse_usd(data["total"]),
        currency=data["currency"],
        tax_rate_percent=data["tax_rate_percent"],
        tax_treatment=TaxTreatment(data["tax_treatment"]),
        tax_note=data["tax_note"],
        payment=CardPayment(
            brand=payment["brand"],
            last4=payment["last4"],
            paid_at=datetime.fromisoformat(payment["paid_at"]),
        ),
        corrects_number=data["corrects_number"],
        reason=data["reason"],
    )


def _time_to_text(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _seller_to_dict(seller: Seller) -> dict[str, Any]:
    return {
        "name": seller.name,
        "address": _address_to_dict(seller.address),
        "tax_ids": [_tax_id_to_dict(tax_id) for tax_id in seller.tax_ids],
        "email": seller.email,
        "website": seller.website,
        "logo_svg": seller.logo_svg,
        "footer": seller.footer,
    }


def _seller_from_dict(data: Mapping[str, Any]) -> Seller:
    return Seller(
        name=data["name"],
        address=Address(**data["address"]),
        tax_ids=tuple(TaxId(**tax_id) for tax_id in data["tax_ids"]),
        email=data["email"],
        website=data["website"],
        logo_svg=data["logo_svg"],
        footer=data["footer"],
    )


def _buyer_to_dict(buyer: BillingDetails) -> dict[str, Any]:
    return {
        "name": buyer.name,
        "address": _address_to_dict(buyer.address),
        "email": buyer.email,
        "tax_id": None if buyer.tax_id is None else _tax_id_to_dict(buyer.tax_id),
    }


def _buyer_from_dict(data: Mapping[str, Any]) -> BillingDetails:
    tax_id = data["tax_id"]
    return BillingDetails(
        name=data["name"],
        address=Address(**data["address"]),
        email=data["email"],
        tax_id=None if tax_id is None else TaxId(**tax_id),
    )


def _address_to_dict(address: Address) -> dict[str, Any]:
    return {
        "line1": address.line1,
        "line2": address.line2,
        "city": address.city,
        "state": address.state,
        "postal_code": address.postal_code,
        "country": address.country,
    }


def _tax_id_to_dict(tax_id: TaxId) -> dict[str, Any]:
    return {"type": tax_id.type, "value": tax_id.value}


def _line_to_dict(line: InvoiceLine) -> dict[str, Any]:
    return {
        "description": line.description,
        "quantity": line.quantity,
        "unit_net": format_usd(line.unit_net_nanos),
        "net": format_usd(line.net_nanos),
    }


def _line_from_dict(data: Mapping[str, Any]) -> InvoiceLine:
    return InvoiceLine(
        description=data["description"],
        quantity=data["quantity"],
        unit_net_nanos=parse_usd(data["unit_net"]),
        net_nanos=parse_usd(data["net"]),
    )
