"""CSV as RFC 4180 has it, and nothing in it that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.csv_text import csv_response, csv_text


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_lines_end_in_cr_lf_and_the_names_come_first() -> None:
    assert csv_text(("id", "amount"), [("a", "1.00")]) == "id,amount\r\na,1.00\r\n"


def test_without_rows_there_are_the_names_alone() -> None:
    assert csv_text(("id",), []) == "id\r\n"


def test_commas_quotes_and_line_breaks_are_quoted() -> None:
    assert csv_text(("a",), [('say "x", y\nz',)]) == 'a\r\n"say ""x"", y\nz"\r\n'


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_cell_that_would_be_a_formula_is_made_text(cell: str) -> None:
    assert read(csv_text(("a",), [(cell,)]))[1] == [f"'{cell}"]


_cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.tuples(_cells, _cells), max_size=5))
def test_every_cell_is_read_back_as_it_was_or_with_an_apostrophe(
    rows: list[tuple[str, str]],
) -> None:
    found = read(csv_text(("a", "b"), rows))[1:]
    assert [tuple(cell.removeprefix("'") for cell in row) for row in found] == [
        tuple(cell.removeprefix("'") for cell in row) for row in rows
    ]
    assert not any(cell[:1] in set("=+-@\t\r\n") for row in found for cell in row)


def test_the_file_is_to_be_saved_under_its_name() -> None:
    response = csv_response("id\r\n", file_name="transactions-acme.csv")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    disposition = response.headers["Content-Disposition"]
    assert disposition == 'attachment; filename="transactions-acme.csv"'
