"""Tax IDs: the list is the pinned Stripe version's, and formats are checked where known."""

from __future__ import annotations

import json

import pytest

from chalicelib.adapters.tax_ids import FORMATS, ListedTaxIds
from scripts.tax_id_types import TARGET, rows, stripe_types

LISTED = ListedTaxIds(TARGET)


def test_the_list_is_made_from_the_pinned_stripe_version() -> None:
    assert json.loads(TARGET.read_text("utf-8")) == rows(), "run `make tax-id-types`"


def test_every_type_that_stripe_takes_is_listed() -> None:
    assert {row["type"] for row in LISTED.rows()} == set(stripe_types())


def test_every_checked_type_is_one_of_stripes() -> None:
    assert set(FORMATS) <= set(stripe_types())


@pytest.mark.parametrize("row", LISTED.rows(), ids=lambda row: f"{row['country']}-{row['type']}")
def test_an_example_is_accepted_for_its_type(row: dict[str, str]) -> None:
    assert row["label"]
    assert LISTED.well_formed(row["type"], row["example"])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("eu_vat", "DE123456789"),
        ("eu_vat", "XX123456789"),
        ("eu_vat", ""),
        ("gb_vat", "GB123456789"),
        ("br_cpf", "390.533.447-06"),
        ("us_ein", "00-1144442"),
        ("ch_uid", "CHE-100.155.213"),
    ],
)
def test_a_wrong_check_digit_is_refused(kind: str, value: str) -> None:
    assert not LISTED.well_formed(kind, value)


def test_a_type_whose_format_is_unknown_takes_what_it_is_given() -> None:
    assert LISTED.well_formed("zw_tin", "whatever it looks like")


def test_a_type_that_stripe_does_not_know_is_not_listed() -> None:
    assert not LISTED.listed("de_vat")
