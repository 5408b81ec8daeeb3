"""Printing: what was measured, as tables of plain text that are Markdown as well."""

from __future__ import annotations

import sys
from collections.abc import Sequence

Row = Sequence[object]


def say(text: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def show(title: str, header: Row, rows: Sequence[Row]) -> None:
    """Print a table, its numbers to the right."""
    texts = [[_text(cell) for cell in row] for row in rows]
    heads = [str(cell) for cell in header]
    widths = [
        max(len(heads[column]), *(len(row[column]) for row in texts))
        for column in range(len(heads))
    ]
    say(f"\n## {title}\n")
    say(_line([head.ljust(width) for head, width in zip(heads, widths, strict=True)]))
    say(
        _line(
            [
                "-" * width if column == 0 else "-" * (width - 1) + ":"
                for column, width in enumerate(widths)
            ]
        )
    )
    for row in texts:
        cells = [
            cell.ljust(widths[column]) if column == 0 else cell.rjust(widths[column])
            for column, cell in enumerate(row)
        ]
        say(_line(cells))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:.4f}".rstrip("0").rstrip(".") if cell < 10 else f"{cell:.1f}"  # noqa: PLR2004
    return str(cell)
