"""Invoices as HTML by Jinja2: one page that needs nothing from elsewhere and prints well."""

from __future__ import annotations

import base64
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.adapters.invoice_view import InvoiceView
from chalicelib.domain.invoice import Invoice

if TYPE_CHECKING:
    from jinja2 import Template


class HtmlRenderer:
    """Makes HTML of invoices; the same invoice always gives the same text.

    The page holds its style and logo in itself and has no scripts, so it works under the policy
    `default-src 'none'; style-src 'unsafe-inline'; img-src data:`.
    """

    def __init__(self, templates_dir: Path) -> None:
        self._templates_dir = templates_dir

    def render_html(self, invoice: Invoice) -> str:
        """The invoice as a whole HTML page."""
        view = self._view.of(invoice)
        return self._template.render(view, logo=_data_url(view["seller"]["logo_svg"]))

    @cached_property
    def _view(self) -> InvoiceView:
        names = (self._templates_dir / "country-names.json").read_text(encoding="utf-8")
        return InvoiceView(country_names=json.loads(names))

    @cached_property
    def _template(self) -> Template:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - heavy

        environment = Environment(
            loader=FileSystemLoader(self._templates_dir),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return environment.get_template("invoice.html")


def _data_url(svg: str) -> str:
    """The logo as an image: as one, an SVG can neither run scripts nor load anything."""
    if not svg:
        return ""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
