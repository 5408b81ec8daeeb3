"""An invoice as the machine-readable XML of Factur-X (ZUGFeRD), profile EN 16931.

The syntax is UN/CEFACT's Cross Industry Invoice. BT-… are the terms of EN 16931 that an element
carries; where the order of elements looks odd, it is the schema's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from xml.etree import ElementTree as ET

from chalicelib.adapters.printable_text import clipped, harmless
from chalicelib.domain.billing import Address
from chalicelib.domain.einvoice import (
    PartyIds,
    VatBreakdown,
    buyer_ids,
    seller_ids,
    vat_breakdown,
)
from chalicelib.domain.invoice import Invoice, InvoiceLine
from chalicelib.domain.money import format_usd

#: The name that readers look for among a PDF's attachments.
FILE_NAME: Final = "factur-x.xml"
PROFILE: Final = "urn:cen.eu:en16931:2017"

_NAMESPACES: Final = {
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}

#: UNTDID 1001 and 4461, UN/ECE Recommendation 20, UNTDID 5153, EAS.
_INVOICE: Final = "380"
_CREDIT_NOTE: Final = "381"
_BANK_CARD: Final = "48"
_ONLINE_SERVICE: Final = "68"
_ONE: Final = "C62"
_VAT: Final = "VAT"
_EMAIL: Final = "EM"

#: No rule limits a text's length, but nobody's bookkeeping expects a novel.
_MAX_TEXT: Final = 1000


class _Element:
    """An XML element to hang others on; empty ones, which the standard forbids, never appear."""

    def __init__(self, element: ET.Element) -> None:
        self._element = element

    def add(self, name: str, /, **attributes: str) -> _Element:
        return _Element(ET.SubElement(self._element, _tag(name), attributes))

    def text(self, name: str, content: str | None, /, **attributes: str) -> None:
        words = clipped(harmless(content or ""), _MAX_TEXT)
        if words:
            ET.SubElement(self._element, _tag(name), attributes).text = words

    def date(self, name: str, moment: datetime) -> None:
        self.add(name).text("udt:DateTimeString", f"{moment:%Y%m%d}", format="102")


def factur_x_xml(invoice: Invoice) -> bytes:
    """The invoice as UTF-8 XML; the same invoice always gives the same bytes."""
    for prefix, uri in _NAMESPACES.items():
        ET.register_namespace(prefix, uri)
    root = ET.Element(_tag("rsm:CrossIndustryInvoice"))
    document = _Element(root)
    context = document.add("rsm:ExchangedDocumentContext")
    context.add("ram:GuidelineSpecifiedDocumentContextParameter").text("ram:ID", PROFILE)  # BT-24
    _add_header(document.add("rsm:ExchangedDocument"), invoice)
    vat = vat_breakdown(invoice)
    deal = document.add("rsm:SupplyChainTradeTransaction")
    for position, line in enumerate(invoice.lines, start=1):
        _add_line(deal.add("ram:IncludedSupplyChainTradeLineItem"), position, line, vat)
    _add_parties(deal.add("ram:ApplicableHeaderTradeAgreement"), invoice)
    delivery = deal.add("ram:ApplicableHeaderTradeDelivery")
    delivery.add("ram:ActualDeliverySupplyChainEvent").date(
        "ram:OccurrenceDateTime", invoice.supplied_at
    )  # BT-72
    _add_settlement(deal.add("ram:ApplicableHeaderTradeSettlement"), invoice, vat)
    xml: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return xml


def _add_header(header: _Element, invoice: Invoice) -> None:
    header.text("ram:ID", invoice.number)  # BT-1
    header.text("ram:TypeCode", _CREDIT_NOTE if invoice.is_credit_note else _INVOICE)  # BT-3
    header.date("ram:IssueDateTime", invoice.issued_at)  # BT-2
    if invoice.reason and harmless(invoice.reason):
        header.add("ram:IncludedNote").text("ram:Content", invoice.reason)  # BT-22


def _add_line(item: _Element, position: int, line: InvoiceLine, vat: VatBreakdown) -> None:
    item.add("ram:AssociatedDocumentLineDocument").text("ram:LineID", str(position))  # BT-126
    item.add("ram:SpecifiedTradeProduct").text("ram:Name", line.description)  # BT-153
    price = item.add("ram:SpecifiedLineTradeAgreement").add("ram:NetPriceProductTradePrice")
    price.text("ram:ChargeAmount", format_usd(line.unit_net_nanos))  # BT-146
    delivery = item.add("ram:SpecifiedLineTradeDelivery")
    delivery.text("ram:BilledQuantity", str(line.quantity), unitCode=_ONE)  # BT-129
    settlement = item.add("ram:SpecifiedLineTradeSettlement")
    tax = settlement.add("ram:ApplicableTradeTax")
    tax.text("ram:TypeCode", _VAT)
    tax.text("ram:CategoryCode", vat.category)  # BT-151
    tax.text("ram:RateApplicablePercent", vat.rate_percent)  # BT-152
    total = settlement.add("ram:SpecifiedTradeSettlementLineMonetarySummation")
    total.text("ram:LineTotalAmount", format_usd(line.net_nanos))  # BT-131


def _add_parties(agreement: _Element, invoice: Invoice) -> None:
    seller, buyer = invoice.seller, invoice.buyer
    agreement.text("ram:BuyerReference", invoice.organization_id)  # BT-10
    _add_party(
        agreement.add("ram:SellerTradeParty"),
        seller.name,
        seller.address,
        seller.email,
        seller_ids(invoice),
    )
    _add_party(
        agreement.add("ram:BuyerTradeParty"),
        buyer.name,
        buyer.address,
        buyer.email,
        buyer_ids(invoice),
    )
    order = agreement.add("ram:SellerOrderReferencedDocument")
    order.text("ram:IssuerAssignedID", invoice.purchase_id)  # BT-14


def _add_party(
    party: _Element, name: str, address: Address, email: str | None, ids: PartyIds
) -> None:
    party.text("ram:Name", harmless(name) or "(no name given)")  # BT-27, BT-44
    if ids.registration:
        party.add("ram:SpecifiedLegalOrganization").text("ram:ID", ids.registration)
    place = party.add("ram:PostalTradeAddress")
    place.text("ram:PostcodeCode", address.postal_code)
    place.text("ram:LineOne", address.line1)
    place.text("ram:LineTwo", address.line2)
    place.text("ram:CityName", address.city)
    place.text("ram:CountryID", address.country)
    place.text("ram:CountrySubDivisionName", address.state)
    if email and harmless(email):
        mailbox = party.add("ram:URIUniversalCommunication")
        mailbox.text("ram:URIID", email, schemeID=_EMAIL)  # BT-34, BT-49
    for number, scheme in ((ids.vat, "VA"), (ids.tax_registration, "FC")):
        if number:
            party.add("ram:SpecifiedTaxRegistration").text("ram:ID", number, schemeID=scheme)


def _add_settlement(settlement: _Element, invoice: Invoice, vat: VatBreakdown) -> None:
    net, tax, total = (
        format_usd(nanos) for nanos in (invoice.net_nanos, invoice.tax_nanos, invoice.total_nanos)
    )
    settlement.text("ram:PaymentReference", invoice.transaction_id)  # BT-83
    settlement.text("ram:InvoiceCurrencyCode", invoice.currency)  # BT-5
    means = settlement.add("ram:SpecifiedTradeSettlementPaymentMeans")
    means.text("ram:TypeCode", _BANK_CARD if invoice.payment.last4 else _ONLINE_SERVICE)  # BT-81
    means.text("ram:Information", invoice.payment.brand)  # BT-82
    if invoice.payment.last4:
        card = means.add("ram:ApplicableTradeSettlementFinancialCard")
        card.text("ram:ID", invoice.payment.last4)  # BT-87
    breakdown = settlement.add("ram:ApplicableTradeTax")
    breakdown.text("ram:CalculatedAmount", tax)  # BT-117
    breakdown.text("ram:TypeCode", _VAT)
    breakdown.text("ram:ExemptionReason", vat.reason)  # BT-120
    breakdown.text("ram:BasisAmount", net)  # BT-116
    breakdown.text("ram:CategoryCode", vat.category)  # BT-118
    breakdown.text("ram:ExemptionReasonCode", vat.reason_code)  # BT-121
    breakdown.text("ram:RateApplicablePercent", vat.rate_percent)  # BT-119
    sums = settlement.add("ram:SpecifiedTradeSettlementHeaderMonetarySummation")
    sums.text("ram:LineTotalAmount", net)  # BT-106
    sums.text("ram:TaxBasisTotalAmount", net)  # BT-109
    sums.text("ram:TaxTotalAmount", tax, currencyID=invoice.currency)  # BT-110
    sums.text("ram:GrandTotalAmount", total)  # BT-112
    sums.text("ram:TotalPrepaidAmount", total)  # BT-113
    sums.text("ram:DuePayableAmount", "0.00")  # BT-115
    if invoice.corrects_number is not None:
        corrected = settlement.add("ram:InvoiceReferencedDocument")
        corrected.text("ram:IssuerAssignedID", invoice.corrects_number)  # BT-25


def _tag(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"
