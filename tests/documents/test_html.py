from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from chalicelib.adapters.html_renderer import HtmlRenderer
from chalicelib.domain.invoice import Invoice
from tests.documents.samples import (
    AMERICAN,
    ARABIC,
    GALLERY,
    SELLER,
    TEMPLATES,
    credit_note,
    domestic,
    invoice_for,
)

RENDERER = HtmlRenderer(TEMPLATES)
_VOID = {"meta", "img"}


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, invoice: Invoice) -> None:
        super().__init__()
        self.source = RENDERER.render_html(invoice)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and data.strip():
            self.texts.append(data.strip())

    @property
    def skeleton(self) -> list[str]:
        return [tag for tag, _ in self.elements]


@pytest.mark.parametrize("name", GALLERY)
def test_the_page_needs_nothing_from_elsewhere(name: str) -> None:
    page = Page(GALLERY[name])
    assert page.open == []
    assert not {"script", "link", "iframe", "object", "form", "a"} & set(page.skeleton)
    for _, attributes in page.elements:
        assert not any(key.startswith("on") or key == "style" for key in attributes)
        for key in ("src", "href"):
            assert (attributes.get(key) or "data:").startswith("data:")
    assert "url(" not in page.source
    assert "@import" not in page.source


def test_the_page_says_what_the_pdf_says() -> None:
    texts = Page(domestic()).texts
    for wanted in (
        "Invoice 2026-000123",
        "Paid",
        "$59.50 paid on November 23, 2026",
        "Müller & Söhne Präzisionswerkzeuge GmbH",
        "40212 Düsseldorf",
        "DE123456789",
        "AI gateway credits, manual purchase",
        "VAT (19%)",
        "$9.50",
        "Visa •••• 4242",
        "pi_3SWe2LK9d8fGh4Jk1QaZxSw2",
    ):
        assert wanted in texts, wanted


def test_a_credit_note_is_named_so() -> None:
    texts = Page(credit_note()).texts
    assert "Credit note 2026-000131" in texts
    assert "This credit note corrects invoice 2026-000123." in texts


@pytest.mark.parametrize(("name", "paper"), [("letter", "letter"), ("a4", "A4")])
def test_it_prints_on_the_buyers_paper(name: str, paper: str) -> None:
    assert f"@page {{ size: {paper};" in RENDERER.render_html(GALLERY[name])


def test_each_text_of_a_person_keeps_its_own_direction() -> None:
    page = Page(invoice_for(ARABIC))
    names = [each for _, each in page.elements if each.get("class") == "text strong"]
    assert [each.get("dir") for each in names] == ["auto", "auto"]


def test_a_logo_with_a_script_is_shown_as_a_picture_only() -> None:
    seller = replace(SELLER, logo_svg="<svg onload='alert(1)'><script>alert(1)</script></svg>")
    page = Page(invoice_for(AMERICAN, seller=seller))
    assert "alert" not in page.source
    assert page.skeleton.count("img") == 1


def test_without_a_logo_the_sellers_name_stands_there() -> None:
    plain = Page(invoice_for(AMERICAN))
    page = Page(invoice_for(AMERICAN, seller=replace(SELLER, logo_svg=None)))
    assert "img" not in page.skeleton
    assert page.texts.count(SELLER.name) == plain.texts.count(SELLER.name) + 1


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</style><script>",
        "{{ 7 * 7 }}{% raw %}",
        "<!--",
        "]]>",
        "&lt;b&gt;",
    ],
)
def test_markup_in_a_name_is_text(name: str) -> None:
    plain = Page(invoice_for(AMERICAN))
    hostile = Page(invoice_for(replace(AMERICAN, name=name)))
    assert hostile.skeleton == plain.skeleton
    assert name in hostile.texts


def test_importing_the_renderers_loads_no_engine() -> None:
    code = (
        "import sys, chalicelib.adapters.html_renderer, chalicelib.adapters.typst_renderer;"
        "sys.exit(bool({'typst', 'jinja2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
