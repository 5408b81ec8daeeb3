"""Invoices as PDF by Typst: tagged, archivable, the same bytes for the same invoice."""

from __future__ import annotations

import json
import logging
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from chalicelib.adapters.factur_x import FILE_NAME, factur_x_xml
from chalicelib.adapters.factur_x_mark import NotMarkableError, with_factur_x_mark
from chalicelib.adapters.invoice_view import InvoiceView
from chalicelib.adapters.printable_text import FontCoverage
from chalicelib.domain.invoice import Invoice

if TYPE_CHECKING:
    from typst import Fonts, PDFStandard

_log = logging.getLogger(__name__)

#: PDF/A-3a, which may carry the machine-readable invoice, and PDF/UA-1 for people who listen.
_STANDARDS: Final[list[PDFStandard]] = ["a-3a", "ua-1"]


class TypstRenderer:
    """Makes PDFs of invoices; reads its templates and fonts, and nothing else."""

    def __init__(self, templates_dir: Path) -> None:
        # Typst refuses a template that a link makes seem to be outside its root.
        self._templates_dir = templates_dir.resolve()

    def render_pdf(self, invoice: Invoice) -> bytes:
        """The invoice as PDF/A-3a and PDF/UA-1, the same bytes for the same invoice.

        Should Typst refuse that, the invoice is made without its logo, then as a plain PDF, and a
        warning is logged: a readable invoice is worth more than a conforming one that isn't there.
        Its machine-readable form is attached in any case.

        Raises:
            typst.TypstError: if not even the plain one can be made; that is a bug.
        """
        import typst  # noqa: PLC0415 - takes 50 ms to load

        words = self._view.of(invoice)
        words["attachment"] = {"name": FILE_NAME, "xml": factur_x_xml(invoice).decode()}
        for lacking in ("its logo", "conformance"):
            try:
                return _marked(invoice, self._compile(invoice, words, _STANDARDS))
            except typst.TypstError as error:
                _log.warning("Invoice %s is made without %s: %s", invoice.number, lacking, error)
                words["seller"]["logo_svg"] = ""
        return self._compile(invoice, words, standards=[])

    def _compile(
        self, invoice: Invoice, words: dict[str, Any], standards: list[PDFStandard]
    ) -> bytes:
        import typst  # noqa: PLC0415 - takes 50 ms to load

        compiler = typst.Compiler(
            self._templates_dir / "invoice.typ",
            root=self._templates_dir,
            font_paths=self._fonts,
            ignore_system_fonts=True,
            sys_inputs={"invoice": json.dumps(words, ensure_ascii=False)},
        )
        pdf = compiler.compile(
            format="pdf", pdf_standards=standards, timestamp=int(invoice.issued_at.timestamp())
        )
        if not isinstance(pdf, bytes):
            raise TypeError("one document was expected")
        return pdf

    @cached_property
    def _fonts(self) -> Fonts:
        import typst  # noqa: PLC0415 - takes 50 ms to load

        return typst.Fonts(
            include_system_fonts=False,
            include_embedded_fonts=False,
            font_paths=[self._templates_dir / "fonts"],
        )

    @cached_property
    def _view(self) -> InvoiceView:
        names = (self._templates_dir / "country-names.json").read_text(encoding="utf-8")
        coverage = FontCoverage.load(self._templates_dir / "fonts" / "coverage.json")
        return InvoiceView(country_names=json.loads(names), finish=coverage.drawable)


def _marked(invoice: Invoice, pdf: bytes) -> bytes:
    try:
        return with_factur_x_mark(pdf)
    except NotMarkableError as error:
        _log.warning("Invoice %s is made without the Factur-X mark: %s", invoice.number, error)
        return pdf
