"""What DynamoDB's documentation says that a write costs, computed from the items themselves.

A write takes a unit for each kilobyte that was begun, of the larger of the item before and after,
and twice that in a transaction. Each index whose entry changes takes units of its own for what is
projected, once: an index is brought up after the transaction, not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

Item = Mapping[str, Mapping[str, Any]]

_KILOBYTE = 1024
_NUMBER_BYTES = 1
_DIGITS_PER_BYTE = 2
_CONTAINER_BYTES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A secondary index: it has the items that have all its keys, whole or their keys alone."""

    name: str
    keys: tuple[str, ...]
    projects_all: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What the rule needs to know of a table."""

    name: str
    keys: tuple[str, ...]
    indexes: tuple[Index, ...]

    @classmethod
    def described(cls, description: Mapping[str, Any]) -> Table:
        """The table in DescribeTable's words."""
        keys = _keys(description)
        return cls(
            name=description["TableName"],
            keys=keys,
            indexes=tuple(
                Index(
                    name=index["IndexName"],
                    keys=tuple(dict.fromkeys((*_keys(index), *keys))),
                    projects_all=index["Projection"]["ProjectionType"] == "ALL",
                )
                for index in description.get("GlobalSecondaryIndexes", ())
            ),
        )


def table_units(before: Item | None, after: Item | None, *, transactional: bool) -> int:
    """The write units of the table for one item that was `before` and is `after`."""
    kilobytes = max(1, ceil(max(size_bytes(before), size_bytes(after)) / _KILOBYTE))
    return kilobytes * 2 if transactional else kilobytes


def index_units(index: Index, before: Item | None, after: Item | None) -> int:
    """The write units of an index for one item that was `before` and is `after`."""
    old, new = _projected(index, before), _projected(index, after)
    if old == new:
        return 0
    if old is not None and new is not None and _same_keys(index, old, new):
        return _units(max(size_bytes(old), size_bytes(new)))
    return sum(_units(size_bytes(entry)) for entry in (old, new) if entry is not None)


def size_bytes(item: Item | None) -> int:
    """What an item counts: the names and the values of its attributes."""
    if item is None:
        return 0
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        digits = content.lstrip("-").replace(".", "").strip("0") or "0"
        return ceil(len(digits) / _DIGITS_PER_BYTE) + _NUMBER_BYTES + int(content.startswith("-"))
    if kind == "L":
        return _CONTAINER_BYTES + sum(1 + _value_bytes(each) for each in content)
    if kind == "M":
        return _CONTAINER_BYTES + len(content) + size_bytes(content)
    if kind in {"BOOL", "NULL"}:
        return 1
    raise TypeError(f"no table here has a value of the kind {kind}")


def _keys(description: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(key["AttributeName"] for key in description["KeySchema"])


def _projected(index: Index, item: Item | None) -> Item | None:
    if item is None or not all(key in item for key in index.keys):
        return None
    return item if index.projects_all else {key: item[key] for key in index.keys}


def _same_keys(index: Index, old: Item, new: Item) -> bool:
    return all(old[key] == new[key] for key in index.keys)


def _units(size: int) -> int:
    return max(1, ceil(size / _KILOBYTE))
