"""Tables as CSV (RFC 4180), safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from chalice.app import Response

from chalicelib.api.problems import Headers

#: A cell that begins so is a formula to spreadsheets, which may run it.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The table: lines end in CR LF, and no cell is taken for a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_inert(cell) for cell in row] for row in rows)
    return text.getvalue()


def csv_response(text: str, *, file_name: str) -> Response:
    """The table as a file to save; its name must be plain ASCII without quotes."""
    headers: Headers = {
        "Content-Type": "text/csv; charset=utf-8; header=present",
        "Content-Disposition": f'attachment; filename="{file_name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(body=text, status_code=200, headers=headers)


def _inert(cell: str) -> str:
    """The cell as text: an apostrophe before it keeps a spreadsheet from calculating."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
