from __future__ import annotations

import io
from dataclasses import replace

import pikepdf
import pytest
from lxml import etree

from chalicelib.adapters.factur_x import factur_x_xml
from chalicelib.adapters.factur_x_mark import NotMarkableError, with_factur_x_mark
from chalicelib.domain.billing import TaxId
from chalicelib.domain.einvoice import buyer_ids, seller_ids, vat_breakdown
from chalicelib.domain.invoice import CardPayment, Invoice, Seller
from tests.documents.samples import (
    AMERICAN,
    ARABIC,
    FRENCH,
    GALLERY,
    GERMAN,
    MOMENT,
    SELLER,
    credit_note,
    domestic,
    invoice_for,
    of_many_lines,
)
from tests.documents.validators import einvoice_failures

RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"

US_SELLER = replace(
    SELLER, address=AMERICAN.address, tax_ids=(TaxId(type="us_ein", value="98-7654321"),)
)
NO_ID_SELLER = replace(US_SELLER, tax_ids=())
TWO_ID_SELLER = replace(SELLER, tax_ids=(TaxId(type="de_stn", value="1234567890"), *SELLER.tax_ids))

SITUATIONS = {
    **GALLERY,
    "reverse charge within the EU": invoice_for(FRENCH),
    "reverse charge by an American": invoice_for(FRENCH, seller=US_SELLER),
    "reverse charge by nobody known": invoice_for(FRENCH, seller=NO_ID_SELLER),
    "sales tax": invoice_for(AMERICAN, seller=US_SELLER, tax_cents=444, tax_rate_percent="8.875"),
    "no tax in America": invoice_for(AMERICAN, seller=US_SELLER),
    "no tax by nobody known": invoice_for(AMERICAN, seller=NO_ID_SELLER),
    "exempt at home": invoice_for(GERMAN, tax_note="Exempt under § 19 UStG."),
    "exempt without a word": invoice_for(GERMAN),
    "two tax ids": invoice_for(GERMAN, seller=TWO_ID_SELLER, tax_cents=950, tax_rate_percent="19"),
    "sixty lines": of_many_lines(domestic(), 60),
    "no card number": replace(
        domestic(), payment=CardPayment(brand="link", last4=None, paid_at=MOMENT)
    ),
    "a seller with only a name": invoice_for(
        AMERICAN, seller=Seller(name="X", address=SELLER.address)
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_xml_is_valid_by_schema_and_by_the_rules_of_en_16931(situation: str) -> None:
    assert einvoice_failures(factur_x_xml(SITUATIONS[situation])) == []


def test_the_rules_would_notice_a_wrong_invoice() -> None:
    xml = factur_x_xml(domestic())
    assert einvoice_failures(xml.replace(b">9.50<", b">9.40<"))
    assert einvoice_failures(xml.replace(b">DE298765432<", b">298765432<"))
    assert einvoice_failures(xml.replace(b"ram:CountryID", b"ram:Country"))


@pytest.mark.parametrize(
    ("situation", "category"),
    [
        ("a4", "S"),
        ("sales tax", "S"),
        ("reverse charge within the EU", "AE"),
        ("reverse charge by an American", "AE"),
        ("reverse charge by nobody known", "O"),
        ("arabic", "O"),  # reverse charge, but by the law of the buyer's country
        ("exempt at home", "E"),
        ("letter", "O"),
        ("no tax in America", "O"),
    ],
)
def test_each_situation_has_its_vat_category(situation: str, category: str) -> None:
    assert vat_breakdown(SITUATIONS[situation]).category == category


def test_outside_the_scope_of_vat_no_vat_ids_are_shown() -> None:
    invoice = invoice_for(AMERICAN)
    assert (seller_ids(invoice).vat, seller_ids(invoice).registration) == (None, "DE298765432")
    assert buyer_ids(invoice).vat is None


def test_a_number_that_lacks_its_countrys_code_is_no_vat_id() -> None:
    buyer = replace(ARABIC, tax_id=TaxId(type="no_vat", value="123456789MVA"))
    assert buyer_ids(invoice_for(buyer)).registration == "123456789MVA"


def values(invoice: Invoice, *names: str) -> list[str]:
    path = ".//" + "/".join(RAM + name for name in names)
    return [element.text or "" for element in etree.fromstring(factur_x_xml(invoice)).findall(path)]


def test_machines_read_the_same_amounts_as_people() -> None:
    total = "SpecifiedTradeSettlementHeaderMonetarySummation"
    assert values(domestic(), total, "TaxBasisTotalAmount") == ["50.00"]
    assert values(domestic(), total, "TaxTotalAmount") == ["9.50"]
    assert values(domestic(), total, "GrandTotalAmount") == ["59.50"]
    assert values(domestic(), total, "TotalPrepaidAmount") == ["59.50"]
    assert values(domestic(), total, "DuePayableAmount") == ["0.00"]
    assert values(domestic(), "BuyerTradeParty", "Name") == [GERMAN.name]


def test_a_credit_note_says_that_it_is_one_and_of_which_invoice() -> None:
    assert values(credit_note(), "TypeCode")[0] == "381"
    assert values(credit_note(), "InvoiceReferencedDocument", "IssuerAssignedID") == ["2026-000123"]
    assert values(credit_note(), "IncludedNote", "Content") == ["Credits bought twice by mistake"]


def test_hostile_names_stay_text_in_valid_xml() -> None:
    name = "</ram:Name><ram:ID>1</ram:ID>\x00\x1b]]>&lt;\ud800\uffff\u202eЖилищник\U0010ffff"
    buyer = replace(
        GERMAN,
        name=name,
        email="\u200b",
        address=replace(GERMAN.address, line1="\x00", line2="<!DOCTYPE x>", city="&city;"),
    )
    invoice = invoice_for(buyer, tax_cents=950, tax_rate_percent="19")
    assert einvoice_failures(factur_x_xml(invoice)) == []
    assert values(invoice, "BuyerTradeParty", "Name") == [
        "</ram:Name><ram:ID>1</ram:ID>]]>&lt;Жилищник"
    ]
    assert values(invoice, "BuyerTradeParty", "PostalTradeAddress", "LineTwo") == ["<!DOCTYPE x>"]


def test_a_name_of_nothing_printable_is_still_a_valid_invoice() -> None:
    buyer = replace(GERMAN, name="\u202e\x00 \u200d")
    invoice = invoice_for(buyer, tax_cents=950, tax_rate_percent="19")
    assert einvoice_failures(factur_x_xml(invoice)) == []


def test_a_file_that_is_laid_out_otherwise_is_not_touched() -> None:
    document = pikepdf.new()
    document.add_blank_page()
    out = io.BytesIO()
    document.save(out)
    with pytest.raises(NotMarkableError):
        with_factur_x_mark(out.getvalue())
    with pytest.raises(NotMarkableError):
        with_factur_x_mark(b"")
