"""How long an invoice takes to make and how much memory that needs: run it, it prints a table.

python -m tests.documents.bench
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from time import perf_counter

from chalicelib.adapters.html_renderer import HtmlRenderer
from chalicelib.adapters.typst_renderer import TypstRenderer
from chalicelib.domain.invoice import Invoice
from tests.documents.samples import TEMPLATES, domestic, of_many_lines

_ROUNDS = 100


def milliseconds(render: Callable[[Invoice], object], invoice: Invoice) -> float:
    """The median over different invoices, so that nothing is remembered from the one before."""
    times = []
    for number in range(_ROUNDS):
        numbered = replace(invoice, number=f"2026-{number:06d}")
        start = perf_counter()
        render(numbered)
        times.append(perf_counter() - start)
    return median(times) * 1000


def main() -> None:
    pdf, html = TypstRenderer(TEMPLATES).render_pdf, HtmlRenderer(TEMPLATES).render_html
    start = perf_counter()
    pdf(domestic())
    rows = [
        ("first PDF, with loading the engine", (perf_counter() - start) * 1000),
        ("PDF, median", milliseconds(pdf, domestic())),
        ("PDF of 60 lines, median", milliseconds(pdf, of_many_lines(domestic(), 60))),
        ("HTML, median", milliseconds(html, domestic())),
    ]
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for what, took in rows:
        sys.stdout.write(f"{what:36}{took:8.1f} ms\n")
    sys.stdout.write(f"{'memory, at most':36}{memory_mb:8.0f} MB\n")


if __name__ == "__main__":
    main()
