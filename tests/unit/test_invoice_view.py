from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.invoice_view import InvoiceView
from chalicelib.adapters.postal_address import address_lines
from chalicelib.domain.billing import Address, TaxId
from chalicelib.domain.invoice import CardPayment, Invoice, InvoiceLine
from tests.documents.samples import (
    AMERICAN,
    FRENCH,
    GALLERY,
    GERMAN,
    MOMENT,
    SELLER,
    TEMPLATES,
    credit_note,
    domestic,
    invoice_for,
)

COUNTRIES = json.loads((TEMPLATES / "country-names.json").read_text(encoding="utf-8"))
VIEW = InvoiceView(country_names=COUNTRIES)


@pytest.mark.parametrize(
    ("address", "lines"),
    [
        (
            Address(
                line1="548 Market St", city="San Francisco", state="CA", postal_code="94104",
                country="US",
            ),
            ["548 Market St", "San Francisco, CA 94104", "United States"],
        ),
        (
            Address(line1="Torstr. 1", line2="3. OG", city="Berlin", postal_code="10119",
                    country="DE"),
            ["Torstr. 1", "3. OG", "10119 Berlin", "Germany"],
        ),
        (
            Address(line1="10 Downing St", city="London", postal_code="SW1A 2AA", country="GB"),
            ["10 Downing St", "London", "SW1A 2AA", "United Kingdom"],
        ),
        (
            Address(line1="Zayed Rd 1", city="Dubai", postal_code="", country="AE"),
            ["Zayed Rd 1", "Dubai", "United Arab Emirates"],
        ),
        (
            Address(line1=" ", city="Nowhere", postal_code="1", country="QQ"),
            ["Nowhere, 1", "QQ"],
        ),
    ],
)  # fmt: skip
def test_an_address_is_written_as_in_its_country(address: Address, lines: list[str]) -> None:
    country = COUNTRIES.get(address.country, address.country)
    assert address_lines(address, country_name=country) == lines


def totals(invoice: Invoice) -> dict[str, str]:
    view: dict[str, Any] = VIEW.of(invoice)
    rows = [*view["totals"], view["total"], view["settled"]]
    return {row["label"]: row["value"] for row in rows}


def test_the_totals_say_what_was_taxed_and_how() -> None:
    assert totals(domestic()) == {
        "Net amount": "$50.00",
        "VAT (19%)": "$9.50",
        "Total USD": "$59.50",
        "Amount paid": "$59.50",
    }
    assert totals(invoice_for(FRENCH))["VAT (0%, reverse charge)"] == "$0.00"
    assert totals(invoice_for(AMERICAN))["VAT (0%)"] == "$0.00"
    assert totals(credit_note())["Amount refunded"] == "$20.00"


@pytest.mark.parametrize(
    ("type_", "label", "tax"),
    [
        ("eu_vat", "VAT ID", "VAT"),
        ("us_ein", "EIN", "Tax"),
        ("in_gst", "GST number", "GST"),
        ("au_abn", "ABN", "GST"),
        ("ca_gst_hst", "GST/HST number", "GST/HST"),
        ("jp_trn", "Tax ID", "Tax"),
    ],
)
def test_tax_and_its_numbers_have_the_names_of_their_country(
    type_: str, label: str, tax: str
) -> None:
    seller = replace(SELLER, tax_ids=(TaxId(type=type_, value="1"),))
    view = VIEW.of(invoice_for(AMERICAN, seller=seller))
    assert view["seller"]["tax_ids"] == [{"label": label, "value": "1"}]
    assert view["totals"][1]["label"] == f"{tax} (0%)"


@pytest.mark.parametrize(
    ("brand", "last4", "shown"),
    [
        ("visa", "4242", "Visa •••• 4242"),
        ("amex", "0005", "American Express •••• 0005"),
        ("link", None, "Link"),
        ("some_new_brand", "1111", "Some new brand •••• 1111"),
    ],
)
def test_the_card_is_shown_by_its_brand_and_last_digits(
    brand: str, last4: str | None, shown: str
) -> None:
    payment = CardPayment(brand=brand, last4=last4, paid_at=MOMENT)
    view = VIEW.of(replace(domestic(), payment=payment))
    assert view["payment"][0] == {"label": "Paid with", "value": shown}


def test_large_amounts_have_their_thousands_apart_and_small_prices_all_their_digits() -> None:
    line = InvoiceLine(
        description="Credits",
        quantity=8_000_000,
        unit_net_nanos=1_250_000,
        net_nanos=10_000_000_000_000,
    )
    invoice = replace(
        invoice_for(AMERICAN),
        lines=(line,),
        net_nanos=line.net_nanos,
        total_nanos=line.net_nanos,
    )
    shown = VIEW.of(invoice)["lines"][0]
    assert shown == {
        "description": "Credits",
        "quantity": "8,000,000",
        "unit_price": "$0.00125",
        "amount": "$10,000.00",
    }


def test_a_credit_note_says_what_it_corrects_and_why() -> None:
    view = VIEW.of(credit_note())
    assert view["title"] == "Credit note"
    assert view["mark"] == "Refunded"
    assert view["headline"] == "$20.00 refunded on November 27, 2026"
    assert {"label": "Corrects invoice", "value": "2026-000123"} in view["facts"]
    assert view["notes"] == [
        "This credit note corrects invoice 2026-000123.",
        "Reason: Credits bought twice by mistake",
    ]


def test_ten_thousand_characters_are_cut_to_what_a_page_bears() -> None:
    address = replace(GERMAN.address, line1="x" * 10_000, city="\u0301" * 10_000)
    view = VIEW.of(invoice_for(replace(GERMAN, name="Ж" * 10_000, address=address)))
    assert len(view["buyer"]["name"]) == 160
    assert max(len(line) for line in view["buyer"]["lines"]) == 120


def test_a_name_of_nothing_printable_is_not_left_blank() -> None:
    assert VIEW.of(invoice_for(replace(GERMAN, name="\x00\u202e")))["buyer"]["name"] == (
        "(no name given)"
    )


@pytest.mark.parametrize("invoice", GALLERY.values())
def test_the_words_are_json_data(invoice: Invoice) -> None:
    view = VIEW.of(invoice)
    assert json.loads(json.dumps(view)) == view
