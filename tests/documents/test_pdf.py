from __future__ import annotations

import io
import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

import pikepdf
import pytest

from chalicelib.adapters import typst_renderer
from chalicelib.adapters.factur_x import factur_x_xml
from chalicelib.adapters.factur_x_mark import NotMarkableError
from chalicelib.adapters.typst_renderer import TypstRenderer
from tests.documents.samples import (
    AMERICAN,
    GALLERY,
    SELLER,
    TEMPLATES,
    domestic,
    invoice_for,
    of_many_lines,
)
from tests.documents.validators import (
    conformance_failures,
    needs_poppler,
    needs_qpdf,
    qpdf_complaints,
    text_of,
)

#: Whether a name comes back by copying is what makes a PDF searchable.
NAMES = {
    "Latin": "Þórður Łukasz Őrség-Nguyễn Thị Hằng",
    "Greek": "Ελληνική Εταιρεία Τεχνολογίας",
    "Cyrillic": "«Щёлковские Вычисления» Їжак",
    "Arabic": "شركة الأعمال الإماراتية في لبنان",
    "Hebrew": "טכנולוגיות ענן בע״מ",
    "Devanagari": "भारत",
    "Thai": "บริษัท",
    "Persian": "شرکت نرم‌افزاری پویا",
    "Chinese": "深圳市云帆智能科技有限公司",
    "Traditional Chinese": "臺灣積體電路製造股份有限公司",
    "Japanese": "株式会社さくらテクノロジーズ 髙﨑𠮷野",
    "Korean": "주식회사 한빛소프트웨어",
    "emoji": "Hot 🔥 Dogs 🌭 Inc.",
}

RENDERER = TypstRenderer(TEMPLATES)


@cache
def gallery_pdf(name: str) -> bytes:
    return RENDERER.render_pdf(GALLERY[name])


@needs_poppler
@pytest.mark.parametrize("script", NAMES)
def test_a_name_in_any_script_can_be_copied_from_the_pdf(script: str) -> None:
    name = NAMES[script]
    text = text_of(RENDERER.render_pdf(invoice_for(replace(AMERICAN, name=name))))
    # pdftotext marks the direction of right-to-left runs and writes no joiners.
    invisible = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u2066\u2067\u2069\u200c\u200f\u200e"))
    assert name.translate(invisible) in text.translate(invisible)


@pytest.mark.parametrize("script", NAMES)
def test_a_name_in_any_script_keeps_the_pdf_conforming(
    script: str, caplog: pytest.LogCaptureFixture
) -> None:
    pdf = RENDERER.render_pdf(invoice_for(replace(AMERICAN, name=NAMES[script])))
    assert caplog.records == []
    assert conformance_failures(pdf) == []


@pytest.mark.parametrize("name", GALLERY)
def test_the_pdf_is_pdf_a_3_and_pdf_ua_1(name: str) -> None:
    assert conformance_failures(gallery_pdf(name)) == []


def test_the_validators_would_notice_a_pdf_without_tags() -> None:
    with pikepdf.open(io.BytesIO(gallery_pdf("a4"))) as document:
        del document.Root.StructTreeRoot
        out = io.BytesIO()
        document.save(out)
    assert conformance_failures(out.getvalue())


@needs_qpdf
@pytest.mark.parametrize("name", GALLERY)
def test_qpdf_finds_nothing_wrong(name: str, tmp_path: Path) -> None:
    assert qpdf_complaints(gallery_pdf(name), tmp_path) == ""


@needs_qpdf
def test_qpdf_would_notice_a_broken_cross_reference(tmp_path: Path) -> None:
    pdf = gallery_pdf("a4")
    at = pdf.index(b"startxref\n") + len(b"startxref\n")
    assert qpdf_complaints(pdf[:at] + b"1" + pdf[at + 1 :], tmp_path)


@pytest.mark.parametrize("name", GALLERY)
def test_the_same_invoice_is_the_same_bytes(name: str) -> None:
    assert TypstRenderer(TEMPLATES).render_pdf(GALLERY[name]) == gallery_pdf(name)


def test_the_pdf_is_dated_by_the_invoice_and_not_by_the_clock() -> None:
    with pikepdf.open(io.BytesIO(gallery_pdf("a4"))) as document:
        assert str(document.docinfo.CreationDate).startswith("D:20261123100507")
        assert str(document.docinfo.Title) == "Invoice 2026-000123"


@pytest.mark.parametrize(("name", "size"), [("a4", (595, 842)), ("letter", (612, 792))])
def test_the_page_is_of_the_buyers_paper(name: str, size: tuple[int, int]) -> None:
    with pikepdf.open(io.BytesIO(gallery_pdf(name))) as document:
        box = document.pages[0].mediabox
    assert (round(float(box[2])), round(float(box[3]))) == size


@pytest.mark.parametrize("name", GALLERY)
def test_the_xml_is_attached_where_factur_x_readers_look(name: str) -> None:
    with pikepdf.open(io.BytesIO(gallery_pdf(name))) as document:
        attached = document.attachments["factur-x.xml"]
        assert attached.get_file().read_bytes() == factur_x_xml(GALLERY[name])
        assert attached.get_file().mime_type == "text/xml"
        assert attached.obj.AFRelationship == "/Alternative"
        xmp = document.open_metadata()
        fx = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
        assert xmp[f"{fx}DocumentFileName"] == "factur-x.xml"
        assert xmp[f"{fx}ConformanceLevel"] == "EN 16931"
        assert xmp[f"{fx}DocumentType"] == "INVOICE"
        assert xmp[f"{fx}Version"] == "1.0"


@needs_poppler
def test_everything_a_tax_office_asks_for_is_printed() -> None:
    text = text_of(gallery_pdf("a4"))
    for wanted in (
        "Relay Gateway GmbH",
        "Torstraße 140",
        "DE298765432",
        "Müller & Söhne Präzisionswerkzeuge GmbH",
        "40212 Düsseldorf",
        "DE123456789",
        "2026-000123",
        "November 23, 2026",
        "AI gateway credits, manual purchase",
        "$50.00",
        "VAT (19%)",
        "$9.50",
        "$59.50",
        "PAID",
        "Visa •••• 4242",
        "pi_3SWe2LK9d8fGh4Jk1QaZxSw2",
        "Amtsgericht Charlottenburg",
        "Page 1 of 1",
    ):
        assert wanted in text, wanted


@needs_poppler
def test_a_credit_note_is_named_so_and_refers_to_its_invoice() -> None:
    text = text_of(gallery_pdf("credit-note"))
    for wanted in ("Credit note", "2026-000131", "corrects invoice 2026-000123", "REFUNDED"):
        assert wanted in text, wanted
    assert "PAID" not in text


@needs_poppler
def test_pages_are_counted_and_repeat_the_tables_head() -> None:
    text = text_of(RENDERER.render_pdf(of_many_lines(domestic(), 60)))
    assert "Page 3 of 3" in text
    assert text.count("Unit price") == 3


def test_a_broken_logo_costs_only_the_logo(caplog: pytest.LogCaptureFixture) -> None:
    invoice = invoice_for(AMERICAN, seller=replace(SELLER, logo_svg="<svg><not closed"))
    pdf = RENDERER.render_pdf(invoice)
    assert conformance_failures(pdf) == []
    assert "made without its logo" in caplog.text


@needs_poppler
def test_an_invoice_that_cannot_conform_is_made_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Here the Chinese font has gone missing, though the coverage file still promises it."""
    shutil.copytree(TEMPLATES, tmp_path, ignore=shutil.ignore_patterns("*SC*"), dirs_exist_ok=True)
    with caplog.at_level(logging.WARNING):
        pdf = TypstRenderer(tmp_path).render_pdf(GALLERY["chinese"])
    assert "made without conformance" in caplog.text
    assert "2026-000127" in text_of(pdf)


def test_a_pdf_that_can_not_be_marked_conforms_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As if a later Typst laid its files out in another way."""

    def refuse(pdf: bytes) -> bytes:
        raise NotMarkableError("no place")

    monkeypatch.setattr(typst_renderer, "with_factur_x_mark", refuse)
    pdf = RENDERER.render_pdf(domestic())
    assert conformance_failures(pdf) == []
    assert "without the Factur-X mark" in caplog.text


def test_many_threads_render_the_same_bytes() -> None:
    renderer = TypstRenderer(TEMPLATES)
    with ThreadPoolExecutor(8) as pool:
        pdfs = set(pool.map(renderer.render_pdf, [GALLERY["chinese"]] * 16))
    assert pdfs == {gallery_pdf("chinese")}
