from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.typst_renderer import TypstRenderer
from chalicelib.domain.billing import Address, BillingDetails, TaxId
from tests.documents.samples import AMERICAN, SELLER, TEMPLATES, invoice_for
from tests.documents.test_html import Page
from tests.documents.validators import (
    conformance_failures,
    needs_poppler,
    text_of,
)
from tests.unit.test_printable_text import HOSTILE

RENDERER = TypstRenderer(TEMPLATES)

BUYERS = st.builds(
    BillingDetails,
    name=HOSTILE,
    email=st.none() | HOSTILE,
    tax_id=st.none() | st.builds(TaxId, type=st.sampled_from(["eu_vat", "us_ein"]), value=HOSTILE),
    address=st.builds(
        Address,
        line1=HOSTILE,
        line2=st.none() | HOSTILE,
        city=HOSTILE,
        state=st.none() | HOSTILE,
        postal_code=HOSTILE,
        country=st.sampled_from(["US", "DE", "GB", "AE"]),
    ),
)
#: A whole document each time: fewer examples than for a function, and no deadline.
THOROUGHLY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@THOROUGHLY
@given(BUYERS)
def test_no_text_keeps_an_invoice_from_conforming(
    caplog: pytest.LogCaptureFixture, buyer: BillingDetails
) -> None:
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        pdf = RENDERER.render_pdf(invoice_for(buyer))
    assert caplog.records == []
    assert conformance_failures(pdf) == []


@THOROUGHLY
@given(BUYERS)
def test_no_text_changes_the_structure_of_the_page(buyer: BillingDetails) -> None:
    known = {*Page(invoice_for(AMERICAN)).skeleton, "ul", "li", "span", "bdi"}
    page = Page(invoice_for(buyer))
    assert page.open == []
    assert set(page.skeleton) <= known
    assert page.skeleton.count("table") == 1


@needs_poppler
@pytest.mark.parametrize(
    "name",
    [
        '#panic("no")',
        '#read("/etc/passwd")',
        "$ x^2 $ *bold* _it_ `raw` @ref <label>",
        "= Heading",
        "- item / term: + list",
        "// comment /* more */",
        "\\u{41} \\",
        '") #import "x"',
        "#sys.inputs",
        '{"json": [1, 2]}',
    ],
)
def test_typst_markup_in_a_name_is_text(name: str) -> None:
    assert name in text_of(RENDERER.render_pdf(invoice_for(replace(AMERICAN, name=name))))


@needs_poppler
def test_a_bidi_override_can_not_turn_an_amount_around() -> None:
    buyer = replace(AMERICAN, name="\u202eEvil\u202e Corp\u2067", email="a\u202e@b.example")
    text = text_of(RENDERER.render_pdf(invoice_for(buyer)))
    assert "Evil Corp" in text
    assert "$50.00 paid on November 23, 2026" in text


@needs_poppler
@pytest.mark.parametrize("char", ["W", "Ж", "漢", "ع", "🔥", " a", "\u0301", "<"])
def test_ten_thousand_characters_leave_the_amounts_on_the_page(char: str) -> None:
    text = char * 10_000
    buyer = BillingDetails(
        name=text,
        email=text,
        tax_id=TaxId(type="eu_vat", value=text),
        address=Address(
            line1=text, line2=text, city=text, state=text, postal_code=text, country="DE"
        ),
    )
    pdf = RENDERER.render_pdf(invoice_for(buyer))
    assert conformance_failures(pdf) == []
    assert "Amount paid" in text_of(pdf)
    assert "Page 3" not in text_of(pdf)


def test_a_hostile_seller_is_no_better() -> None:
    seller = replace(SELLER, name="\x00" * 5, footer="\u202e" + "W" * 3000, website="#panic()")
    pdf = RENDERER.render_pdf(invoice_for(AMERICAN, seller=seller))
    assert conformance_failures(pdf) == []
