"""The published rule of write units, by examples that were computed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from bench.published_rule import Index, Table, index_units, size_bytes, table_units

KEYS_ONLY = Index(name="due", keys=("due", "at", "id"), projects_all=False)
WHOLE = Index(name="history", keys=("listed", "id"), projects_all=True)


def item(size: int = 0, **texts: str) -> dict[str, dict[str, Any]]:
    """An item with an id, some more texts, and so many bytes of filling."""
    made: dict[str, dict[str, Any]] = {name: {"S": text} for name, text in texts.items()}
    made["id"] = {"S": "a"}
    filling = size - size_bytes(made) - len("f")
    return made if filling < 0 else {**made, "f": {"S": "x" * filling}}


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "abc"}, 3),
        ({"S": "é"}, 2),
        ({"N": "0"}, 2),
        ({"N": "12"}, 2),
        ({"N": "123"}, 3),
        ({"N": "1000000000000"}, 2),
        ({"N": "-12"}, 3),
        ({"N": "1.5"}, 2),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"L": [{"S": "abc"}, {"S": ""}]}, 3 + 4 + 1),
        ({"M": {"k": {"S": "abc"}}}, 3 + 1 + 4),
    ],
)
def test_an_item_counts_its_names_and_its_values(value: dict[str, Any], size: int) -> None:
    assert size_bytes({"name": value}) == 4 + size


def test_what_has_no_size_here_is_not_guessed() -> None:
    with pytest.raises(TypeError, match="kind B"):
        size_bytes({"name": {"B": b"x"}})


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, item(1024), 1),
        (None, item(1025), 2),
        (item(3000), item(10), 3),
        (item(10), None, 1),
        (None, None, 1),
    ],
    ids=["a kilobyte", "a byte more", "the larger one counts", "deleted", "deleted what is not"],
)
def test_a_write_takes_a_unit_a_kilobyte_and_twice_that_in_a_transaction(
    before: Any, after: Any, units: int
) -> None:
    assert table_units(before, after, transactional=False) == units
    assert table_units(before, after, transactional=True) == 2 * units


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, item(), 0),
        (None, item(2000, listed="x"), 2),
        (item(2000, listed="x"), item(2000), 2),
        (item(10, listed="x"), item(2000, listed="x"), 2),
        (item(10, listed="x"), item(2000, listed="y"), 3),
        (item(10, listed="x"), item(10, listed="x"), 0),
    ],
    ids=["not in it", "put", "taken out", "changed", "moved", "unchanged"],
)
def test_an_index_that_has_all_takes_units_for_what_changes_in_it(
    before: Any, after: Any, units: int
) -> None:
    assert index_units(WHOLE, before, after) == units


def test_an_index_of_keys_takes_one_unit_for_a_new_key_and_none_for_another_value() -> None:
    due = item(5000, due="due", at="1")
    assert index_units(KEYS_ONLY, None, due) == 1
    assert index_units(KEYS_ONLY, due, item(2000, due="due", at="1")) == 0
    assert index_units(KEYS_ONLY, due, item(2000, due="due", at="2")) == 2
    assert index_units(KEYS_ONLY, due, item(2000)) == 1


def test_a_table_is_read_from_its_description() -> None:
    described = {
        "TableName": "t",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "due",
                "KeySchema": [{"AttributeName": "due"}, {"AttributeName": "at"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
            {
                "IndexName": "history",
                "KeySchema": [{"AttributeName": "listed"}, {"AttributeName": "id"}],
                "Projection": {"ProjectionType": "ALL"},
            },
        ],
    }
    assert Table.described(described) == Table(name="t", keys=("id",), indexes=(KEYS_ONLY, WHOLE))
