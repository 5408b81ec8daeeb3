from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.billing import Address, BillingDetails, TaxId
from chalicelib.domain.invoice import Invoice, InvoiceKind, TaxTreatment
from chalicelib.domain.invoice_tax import (
    DEFAULT_REVERSE_CHARGE_NOTE,
    buyer_accounts_for_tax,
    tax_id_country,
)
from chalicelib.domain.invoicing import credit_note_for_refund, invoice_for_returned_refund
from chalicelib.domain.money import NANOS_PER_CENT, NANOS_PER_USD
from chalicelib.domain.numbering import IssuedInvoice
from tests.documents.samples import FRENCH, MOMENT, SELLER, credit_note, domestic, invoice_for


def buyer(country: str, tax_id: tuple[str, str] | None) -> BillingDetails:
    return BillingDetails(
        name="Buyer",
        address=Address(line1="1", city="x", postal_code="1", country=country),
        tax_id=TaxId(type=tax_id[0], value=tax_id[1]) if tax_id else None,
    )


@pytest.mark.parametrize(
    ("country", "tax_id", "applies"),
    [
        ("FR", ("eu_vat", "FR83404833048"), True),
        ("GR", ("eu_vat", "EL123456789"), True),
        ("GB", ("gb_vat", "GB980780684"), True),
        ("NO", ("no_vat", "123456789MVA"), True),
        ("NZ", ("nz_gst", "123456789"), True),
        ("AU", ("au_abn", "12345678912"), True),
        ("AE", ("ae_trn", "123456789012345"), True),
        ("CA", ("ca_gst_hst", "123456789RT0002"), True),
        ("DE", ("eu_vat", "DE123456789"), False),  # the seller's own country
        ("FR", None, False),
        ("FR", ("eu_vat", "IT12345678901"), False),  # a number of another country
        ("US", ("us_ein", "12-3456789"), False),  # says nothing about a VAT
        ("CH", ("eu_vat", "DE123456789"), False),
        ("FR", ("eu_oss_vat", "EU123456789"), False),
        ("CH", ("ch_uid", "CHE-123.456.789 HR"), False),
        ("CH", ("ch_vat", "CHE-123.456.789 MWST"), True),
        ("FR", ("eu_vat", ""), False),
    ],
)
def test_the_reverse_charge_needs_a_vat_number_of_another_country(
    country: str,
    tax_id: tuple[str, str] | None,
    applies: bool,  # noqa: FBT001 - a table's column
) -> None:
    assert buyer_accounts_for_tax(seller=SELLER.address, buyer=buyer(country, tax_id)) is applies


def test_a_tax_id_of_no_country_has_none() -> None:
    assert tax_id_country(TaxId(type="eu_oss_vat", value="EU123456789")) is None
    assert tax_id_country(TaxId(type="unknown", value="1")) is None
    assert tax_id_country(TaxId(type="us_ein", value="12-3456789")) == "US"


def test_the_reverse_charge_has_its_note_in_place_of_the_general_one() -> None:
    invoice = invoice_for(FRENCH, tax_note="Small business.")
    assert invoice.tax_treatment is TaxTreatment.REVERSE_CHARGE
    assert invoice.tax_note == DEFAULT_REVERSE_CHARGE_NOTE
    assert invoice.tax_nanos == 0


def test_without_reverse_charge_the_general_note_stands() -> None:
    invoice = invoice_for(buyer("DE", None), tax_note="Small business.")
    assert invoice.tax_treatment is TaxTreatment.NOT_COLLECTED
    assert invoice.tax_note == "Small business."


def test_a_rate_means_tax_whatever_the_buyers_number() -> None:
    invoice = invoice_for(FRENCH, tax_cents=1000, tax_rate_percent="20")
    assert invoice.tax_treatment is TaxTreatment.TAXED
    assert invoice.tax_note is None


def test_a_credit_note_refers_to_its_invoice_and_splits_the_tax() -> None:
    note = credit_note()
    assert note.is_credit_note
    assert (note.number, note.corrects_number) == ("2026-000131", "2026-000123")
    assert note.total_nanos == 20 * NANOS_PER_USD
    assert note.tax_nanos == 319 * NANOS_PER_CENT  # 20.00 * 19 / 119 = 3.193
    assert note.buyer == domestic().buyer
    assert note.purchase_id == domestic().purchase_id
    assert note.lines[0].description == "Refund: AI gateway credits, manual purchase"


def refund(invoice: Invoice, number: int, *, nanos: int, before_nanos: int = 0) -> Invoice:
    return credit_note_for_refund(
        invoice=invoice,
        number=f"2026-{number:06d}",
        issued_at=MOMENT,
        refunded_at=MOMENT,
        transaction_id="re_1",
        refund_nanos=nanos,
        refunded_before_nanos=before_nanos,
    )


@given(
    net_cents=st.integers(500, 1_000_000),
    tax_cents=st.integers(1, 300_000),
    cuts=st.lists(st.floats(0, 1), max_size=6),
)
def test_credit_notes_of_a_full_refund_add_up_to_the_invoice(
    net_cents: int, tax_cents: int, cuts: list[float]
) -> None:
    net_nanos, tax_nanos = net_cents * NANOS_PER_CENT, tax_cents * NANOS_PER_CENT
    line = replace(domestic().lines[0], unit_net_nanos=net_nanos, net_nanos=net_nanos)
    invoice = replace(
        domestic(),
        lines=(line,),
        net_nanos=net_nanos,
        tax_nanos=tax_nanos,
        total_nanos=net_nanos + tax_nanos,
    )
    total_cents = net_cents + tax_cents
    ends = sorted({int(cut * total_cents) for cut in cuts} - {0} | {total_cents})
    notes, before = [], 0
    for number, end in enumerate(ends):
        notes.append(
            refund(
                invoice,
                number,
                nanos=(end - before) * NANOS_PER_CENT,
                before_nanos=before * NANOS_PER_CENT,
            )
        )
        before = end
    assert sum(note.net_nanos for note in notes) == invoice.net_nanos
    assert sum(note.tax_nanos for note in notes) == invoice.tax_nanos


@pytest.mark.parametrize(
    ("nanos", "before_nanos"),
    [(0, 0), (-1, 0), (59_510_000_000, 0), (30_000_000_000, 29_510_000_000), (1, -1)],
)
def test_a_refund_is_positive_and_never_more_than_is_left(nanos: int, before_nanos: int) -> None:
    with pytest.raises(ValueError, match="not more than is left"):
        refund(domestic(), 1, nanos=nanos, before_nanos=before_nanos)


def test_a_refund_is_whole_cents() -> None:
    with pytest.raises(ValueError, match="whole cents"):
        refund(domestic(), 1, nanos=1)


def test_a_credit_note_is_not_corrected_by_another() -> None:
    with pytest.raises(ValueError, match="not another credit note"):
        refund(credit_note(), 1, nanos=NANOS_PER_CENT)


def test_a_credit_note_is_of_the_refund_and_not_of_the_purchase() -> None:
    invoice, day = domestic(), timedelta(days=1)
    note = credit_note_for_refund(
        invoice=invoice,
        number="2026-000131",
        issued_at=invoice.issued_at + 2 * day,
        refunded_at=invoice.issued_at + day,
        transaction_id="re_1",
        refund_nanos=NANOS_PER_USD,
        reason="asked for it",
    )
    assert (note.issued_at, note.supplied_at) == (invoice.issued_at + 2 * day, note.payment.paid_at)
    assert note.supplied_at == invoice.issued_at + day
    assert (note.transaction_id, note.reason) == ("re_1", "asked for it")


def test_a_refund_that_came_back_is_billed_again_as_of_then() -> None:
    note = credit_note()
    note = replace(note, reason="asked for it")
    at = note.issued_at + timedelta(days=3)
    again = invoice_for_returned_refund(credit_note=note, number="2026-000140", issued_at=at)
    assert (again.number, again.kind) == ("2026-000140", InvoiceKind.INVOICE)
    assert (again.issued_at, again.supplied_at, again.payment.paid_at) == (at, at, at)
    assert (again.corrects_number, again.reason) == (None, None)
    (line,) = again.lines
    assert line.description == f"Refund returned (credit note {note.number})"
    assert (again.net_nanos, again.tax_nanos, again.total_nanos) == (
        note.net_nanos,
        note.tax_nanos,
        note.total_nanos,
    )
    assert line.net_nanos == note.net_nanos
    with pytest.raises(ValueError, match="only a credit note"):
        invoice_for_returned_refund(credit_note=again, number="2026-000141", issued_at=at)


def test_files_that_were_not_stored_are_looked_after_two_minutes_later() -> None:
    issued = IssuedInvoice.new(domestic())
    minutes = timedelta(minutes=2)
    assert issued.check_at == domestic().issued_at + minutes
    again = issued.retried(MOMENT + timedelta(days=1))
    assert (again.check_at, again.version) == (MOMENT + timedelta(days=1) + minutes, 2)
    assert not again.rendered
    assert again.stored().rendered


def test_a_number_of_the_one_stop_shop_makes_no_country_of_its_letters() -> None:
    # Such a number begins with "EU" by law, but who writes another must not get another country.
    assert tax_id_country(TaxId(type="eu_oss_vat", value="FR123456789")) == "FR"
    assert tax_id_country(TaxId(type="eu_vat", value="EU123456789")) is None
    french = buyer("FR", ("eu_oss_vat", "FR123456789"))
    assert not buyer_accounts_for_tax(seller=SELLER.address, buyer=french)
