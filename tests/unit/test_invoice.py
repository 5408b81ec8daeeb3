from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.domain.billing import Address, BillingDetails, TaxId
from chalicelib.domain.invoice import CardPayment, Invoice, InvoiceKind, TaxTreatment
from chalicelib.domain.invoice_record import invoice_from_dict, invoice_to_dict
from chalicelib.domain.purchase import PurchaseType
from tests.documents.samples import (
    AMERICAN,
    GALLERY,
    GERMAN,
    MOMENT,
    credit_note,
    domestic,
    invoice_for,
    of_many_lines,
)


def test_an_invoice_says_who_bought_what_for_how_much() -> None:
    invoice = domestic()
    assert invoice.kind is InvoiceKind.INVOICE
    assert [line.description for line in invoice.lines] == ["AI gateway credits, manual purchase"]
    assert (invoice.net_nanos, invoice.tax_nanos, invoice.total_nanos) == (
        50_000_000_000,
        9_500_000_000,
        59_500_000_000,
    )
    assert invoice.tax_treatment is TaxTreatment.TAXED


def test_an_automatic_purchase_is_named_as_one() -> None:
    invoice = invoice_for(AMERICAN, purchase_type=PurchaseType.AUTO_TOP_UP)
    assert invoice.lines[0].description == "AI gateway credits, automatic top-up"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"total_nanos": 59_490_000_000}, "add up to the total"),
        ({"net_nanos": 49_000_000_000, "total_nanos": 58_500_000_000}, "lines must add up"),
        ({"tax_nanos": 9_500_000_001, "total_nanos": 59_500_000_001}, "whole cents"),
        ({"tax_nanos": -9_500_000_000, "total_nanos": 40_500_000_000}, "negative"),
        ({"lines": ()}, "at least one line"),
        ({"tax_rate_percent": "0"}, "has a tax rate"),
        ({"tax_rate_percent": "19.0"}, "decimal text"),
        ({"tax_rate_percent": "-19"}, "decimal text"),
        ({"tax_rate_percent": "101"}, "decimal text"),
        ({"tax_rate_percent": "1e1"}, "decimal text"),
        ({"tax_treatment": TaxTreatment.REVERSE_CHARGE}, "has a tax rate"),
        (
            {"tax_treatment": TaxTreatment.NOT_COLLECTED, "tax_rate_percent": "0"},
            "not taxed has no tax",
        ),
        ({"number": "2026/000123"}, "number"),
        ({"number": "2026-000123\n"}, "number"),
        ({"number": ""}, "number"),
        ({"issued_at": datetime(2026, 11, 23)}, "issued_at must be in UTC"),  # noqa: DTZ001
        (
            {"supplied_at": datetime(2026, 11, 23, tzinfo=timezone(timedelta(hours=1)))},
            "supplied_at must be in UTC",
        ),
        ({"corrects_number": "2026-000122"}, "names the invoice it corrects"),
        ({"kind": InvoiceKind.CREDIT_NOTE}, "names the invoice it corrects"),
        ({"reason": "because"}, "belongs to a credit note"),
        ({"currency": "EUR"}, "USD"),
    ],
)
def test_an_invoice_whose_parts_contradict_each_other_is_refused(
    change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(domestic(), **change)


def test_a_line_whose_price_does_not_multiply_is_refused() -> None:
    line = domestic().lines[0]
    with pytest.raises(ValueError, match="quantity times"):
        replace(line, quantity=2)
    with pytest.raises(ValueError, match="at least 1"):
        replace(line, quantity=0, net_nanos=0)


@pytest.mark.parametrize("last4", ["424", "42424", "12a4", "", "٤٢٤٢"])
def test_a_card_is_shown_by_four_digits_and_nothing_else(last4: str) -> None:
    with pytest.raises(ValueError, match="four digits"):
        CardPayment(brand="visa", last4=last4, paid_at=MOMENT)


@pytest.mark.parametrize(
    ("country", "paper"),
    [("US", "us-letter"), ("CA", "us-letter"), ("MX", "us-letter"), ("DE", "a4"), ("JP", "a4")],
)
def test_the_paper_is_that_of_the_buyers_country(country: str, paper: str) -> None:
    address = Address(line1="1", city="x", postal_code="1", country=country)
    assert invoice_for(BillingDetails(name="Buyer", address=address)).paper_size == paper


def test_a_saved_file_can_be_found_by_its_name() -> None:
    assert domestic().file_name() == "invoice-2026-000123.pdf"
    assert credit_note().file_name("html") == "credit-note-2026-000131.html"


@pytest.mark.parametrize("invoice", [*GALLERY.values(), of_many_lines(domestic(), 3)])
def test_a_kept_invoice_comes_back_as_it_was(invoice: Invoice) -> None:
    kept = json.dumps(invoice_to_dict(invoice), allow_nan=False)
    assert invoice_from_dict(json.loads(kept)) == invoice


def test_a_kept_invoice_has_money_as_text_and_never_a_float() -> None:
    def floats(value: Any) -> bool:
        if isinstance(value, dict):
            return any(floats(each) for each in value.values())
        if isinstance(value, list):
            return any(floats(each) for each in value)
        return isinstance(value, float)

    kept = invoice_to_dict(domestic())
    assert not floats(kept)
    assert (kept["net"], kept["tax"], kept["total"]) == ("50.00", "9.50", "59.50")
    assert kept["issued_at"] == "2026-11-23T10:05:07Z"


#: As the first release wrote it. Never change it: such records are kept for ten years.
RECORD_OF_VERSION_1 = {
    "version": 1,
    "number": "2026-000001",
    "kind": "invoice",
    "organization_id": "acme",
    "purchase_id": "pur_1",
    "purchase_type": "auto_top_up",
    "transaction_id": "pi_1",
    "issued_at": "2026-01-02T03:04:05.000006Z",
    "supplied_at": "2026-01-02T03:04:05Z",
    "seller": {
        "name": "Seller",
        "address": {
            "line1": "1 Road",
            "line2": None,
            "city": "Town",
            "state": None,
            "postal_code": "1000",
            "country": "BE",
        },
        "tax_ids": [{"type": "eu_vat", "value": "BE0123456749"}],
        "email": None,
        "website": None,
        "logo_svg": None,
        "footer": None,
    },
    "buyer": {
        "name": "Buyer",
        "address": {
            "line1": "2 Road",
            "line2": "Floor 1",
            "city": "City",
            "state": "NY",
            "postal_code": "10001",
            "country": "US",
        },
        "email": "a@b.example",
        "tax_id": None,
    },
    "lines": [{"description": "Credits", "quantity": 2, "unit_net": "2.50", "net": "5.00"}],
    "net": "5.00",
    "tax": "0.44",
    "total": "5.44",
    "currency": "USD",
    "tax_rate_percent": "8.875",
    "tax_treatment": "taxed",
    "tax_note": None,
    "payment": {"brand": "link", "last4": None, "paid_at": "2026-01-02T03:04:05Z"},
    "corrects_number": None,
    "reason": None,
}


def test_records_of_the_first_version_stay_readable() -> None:
    invoice = invoice_from_dict(RECORD_OF_VERSION_1)
    assert invoice.tax_nanos == 440_000_000
    assert invoice.issued_at.microsecond == 6
    assert invoice_to_dict(invoice) == RECORD_OF_VERSION_1


def test_a_record_of_another_version_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="unknown version 2"):
        invoice_from_dict({**RECORD_OF_VERSION_1, "version": 2})


def test_a_record_with_a_part_missing_is_not_guessed_at() -> None:
    with pytest.raises(KeyError, match="net"):
        invoice_from_dict({k: v for k, v in RECORD_OF_VERSION_1.items() if k != "net"})


def test_the_buyers_tax_id_stays_as_it_was_at_purchase() -> None:
    invoice = invoice_for(GERMAN, tax_cents=950, tax_rate_percent="19")
    assert invoice.buyer.tax_id == TaxId(type="eu_vat", value="DE123456789")


def test_a_record_in_another_currency_is_not_read_as_dollars() -> None:
    with pytest.raises(ValueError, match="USD"):
        invoice_from_dict({**invoice_to_dict(domestic()), "currency": "EUR"})
