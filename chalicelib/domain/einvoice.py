"""What EN 16931, the European standard of electronic invoices, makes of an invoice's tax and IDs.

The rules named in comments (BR-…) are the standard's own, as its published Schematron checks them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from chalicelib.domain.billing import TaxId
from chalicelib.domain.invoice import Invoice, TaxTreatment
from chalicelib.domain.invoice_tax import EU_COUNTRIES, tax_id_country

#: UNCL 5305: standard rate, reverse charge, exempt, outside the scope of VAT.
VatCategory = Literal["S", "AE", "E", "O"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VatBreakdown:
    """The one category that all lines of our invoices are in.

    `rate_percent` is None where the standard forbids a rate; `reason` says why there is no tax,
    `reason_code` the same by the code list VATEX.
    """

    category: VatCategory
    rate_percent: str | None
    reason: str | None = None
    reason_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyIds:
    """A party's tax IDs, sorted into the places that the standard has for them.

    `vat` (BT-31, BT-48) begins with its country's code. `registration` (BT-30, BT-47) is any
    other number of the company, `tax_registration` (BT-32) one under which a seller pays tax.
    """

    vat: str | None = None
    registration: str | None = None
    tax_registration: str | None = None


def vat_breakdown(invoice: Invoice) -> VatBreakdown:
    """The VAT category of an invoice, its rate and the reason where none is charged."""
    if invoice.tax_treatment is TaxTreatment.TAXED:
        return VatBreakdown(category="S", rate_percent=invoice.tax_rate_percent)
    note = invoice.tax_note
    if _reverse_charge_in_the_eu(invoice) and invoice.seller.tax_ids:  # BR-AE-02
        return VatBreakdown(
            category="AE",
            rate_percent="0",
            reason=note or "Reverse charge",
            reason_code="VATEX-EU-AE",
        )
    # Exempt (E) is for who is within a VAT's reach and yet charges none; it asks for the seller's
    # VAT ID (BR-E-02). All else is outside the scope of VAT (O), and then shows none (BR-O-02).
    if _vat_id(invoice.seller.tax_ids) is not None and _one_vat_area(invoice):
        return VatBreakdown(category="E", rate_percent="0", reason=note or "No tax is charged")
    return VatBreakdown(
        category="O",
        rate_percent=None,
        reason=note or "Not subject to VAT",
        reason_code="VATEX-EU-O",
    )


def seller_ids(invoice: Invoice) -> PartyIds:
    """The seller's IDs. There is always one to know him by (BR-CO-26), if need be his name."""
    tax_ids = invoice.seller.tax_ids
    vat = _vat_id(tax_ids)
    other = next((tax_id.value for tax_id in tax_ids if tax_id.value != vat), None)
    if vat_breakdown(invoice).category == "O":
        return PartyIds(registration=vat or other or invoice.seller.name)
    if vat is not None:
        return PartyIds(vat=vat, registration=other)
    return PartyIds(registration=other or invoice.seller.name, tax_registration=other)


def buyer_ids(invoice: Invoice) -> PartyIds:
    """The buyer's IDs, none if there was no tax ID."""
    tax_id = invoice.buyer.tax_id
    if tax_id is None:
        return PartyIds()
    if _is_vat_id(tax_id) and vat_breakdown(invoice).category != "O":
        return PartyIds(vat=tax_id.value)
    return PartyIds(registration=tax_id.value)


def _vat_id(tax_ids: tuple[TaxId, ...]) -> str | None:
    return next((tax_id.value for tax_id in tax_ids if _is_vat_id(tax_id)), None)


def _is_vat_id(tax_id: TaxId) -> bool:
    """Whether it is a VAT number that begins with its country's code (BR-CO-09)."""
    country = tax_id_country(tax_id)
    prefix = tax_id.value[:2]
    return tax_id.type.endswith("_vat") and country is not None and prefix in {country, _GREECE}


#: The one prefix that the standard takes though it is not the country's ISO code.
_GREECE: Final = "EL"


def _reverse_charge_in_the_eu(invoice: Invoice) -> bool:
    """Whether the buyer owes VAT of the EU; elsewhere his own country's law is no matter of AE."""
    return (
        invoice.tax_treatment is TaxTreatment.REVERSE_CHARGE
        and invoice.buyer.address.country in EU_COUNTRIES
    )


def _one_vat_area(invoice: Invoice) -> bool:
    seller, buyer = invoice.seller.address.country, invoice.buyer.address.country
    return seller == buyer or {seller, buyer} <= EU_COUNTRIES
