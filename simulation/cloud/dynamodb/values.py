"""Typed values such as `{"S": "text"}`: which are valid, how large they are, how they compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulation.cloud.dynamodb.invalid import InvalidError
from simulation.cloud.dynamodb.numbers import decimal_of, normal, stored_size

Value = Mapping[str, Any]
Item = Mapping[str, Value]

#: As the service's own message lists them.
TYPES = frozenset({"N", "BS", "L", "B", "NULL", "M", "S", "SS", "NS", "BOOL"})
#: The types that have an order.
ORDERED = frozenset({"S", "N", "B"})
SETS = {"SS": "S", "NS": "N", "BS": "B"}
_DOCUMENT_BYTES = 3
_MAX_DEPTH = 32


def checked(value: Value, depth: int = 0) -> tuple[dict[str, Any], int]:
    """A copy of a value in its normal form, and its size in bytes.

    Raises:
        InvalidError: if it isn't a value.
    """
    if len(value) != 1:
        raise InvalidError(_not_one_type(value))
    ((kind, content),) = value.items()
    if kind == "S" and type(content) is str:  # most values are, and are done with here
        return {"S": content}, len(content) if content.isascii() else len(content.encode())
    check = _CHECKS.get(kind)
    if check is None:
        raise InvalidError(_not_one_type({}))
    return check(content, depth)


def checked_item(item: Item) -> tuple[dict[str, dict[str, Any]], int]:
    """The same for all attributes of an item."""
    copied: dict[str, dict[str, Any]] = {}
    total = 0
    for name, value in item.items():
        copied[name], size = checked(value)
        total += size + (len(name) if name.isascii() else len(name.encode()))
    return copied, total


def size_of_item(item: Item) -> int:
    """The size in bytes of an item that is known to be one."""
    return sum(
        (len(name) if name.isascii() else len(name.encode())) + _bytes(value)
        for name, value in item.items()
    )


def _bytes(value: Value) -> int:
    ((kind, content),) = value.items()
    if kind == "N":
        return stored_size(content)
    if kind == "S":
        return len(content) if content.isascii() else len(content.encode())
    return checked(value)[1]


def copy(value: Value) -> dict[str, Any]:
    """A copy of a value that is known to be one."""
    ((kind, content),) = value.items()
    if kind == "M":
        return {"M": {name: copy(part) for name, part in content.items()}}
    if kind == "L":
        return {"L": [copy(part) for part in content]}
    return {kind: list(content) if kind in SETS else content}


def copy_item(item: Item) -> dict[str, dict[str, Any]]:
    """A copy of an item."""
    return {
        name: dict(value) if "S" in value or "N" in value else copy(value)
        for name, value in item.items()
    }


def equal(left: Value, right: Value) -> bool:
    """Whether two values are the same; the order in a set says nothing."""
    ((kind, content),) = left.items()
    other = right.get(kind)
    if other is None:
        return False
    if kind in SETS:
        return len(content) == len(other) and all(each in other for each in content)
    if kind == "M":
        return content.keys() == other.keys() and all(
            equal(part, other[name]) for name, part in content.items()
        )
    if kind == "L":
        return len(content) == len(other) and all(map(equal, content, other))
    same: bool = content == other
    return same


def order(value: Value) -> Any:
    """What a value of an ordered type is sorted by among those of its type."""
    ((kind, content),) = value.items()
    return decimal_of(content) if kind == "N" else content


def size_of(value: Value) -> int | None:
    """What `size` says of a value; None where it says nothing."""
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind in {"B", "SS", "NS", "BS", "L", "M"}:
        return len(content)
    return None


def _text(content: Any, depth: int) -> tuple[dict[str, Any], int]:
    del depth
    if not isinstance(content, str):
        raise InvalidError("A string must be text")
    return {"S": content}, len(content) if content.isascii() else len(content.encode())


def _number(content: Any, depth: int) -> tuple[dict[str, Any], int]:
    del depth
    text = normal(content)
    return {"N": text}, stored_size(text)


def _binary(content: Any, depth: int) -> tuple[dict[str, Any], int]:
    del depth
    held = bytes(content)
    return {"B": held}, len(held)


def _truth(content: Any, depth: int) -> tuple[dict[str, Any], int]:
    del depth
    return {"BOOL": bool(content)}, 1


def _nothing(content: Any, depth: int) -> tuple[dict[str, Any], int]:
    del depth
    if content is not True:
        raise InvalidError(
            "One or more parameter values were invalid: Null attribute value types must have the "
            "value of true"
        )
    return {"NULL": True}, 1


def _map(content: Any, depth: int) -> tuple[dict[str, Any], int]:
    _check_depth(depth)
    held: dict[str, Any] = {}
    total = _DOCUMENT_BYTES
    for name, part in content.items():
        held[name], size = checked(part, depth + 1)
        total += size + len(name.encode()) + 1
    return {"M": held}, total


def _list(content: Any, depth: int) -> tuple[dict[str, Any], int]:
    _check_depth(depth)
    held = []
    total = _DOCUMENT_BYTES
    for part in content:
        copied, size = checked(part, depth + 1)
        held.append(copied)
        total += size + 1
    return {"L": held}, total


def _set_of(kind: str) -> Callable[[Any, int], tuple[dict[str, Any], int]]:
    element = SETS[kind]

    def check(content: Any, depth: int) -> tuple[dict[str, Any], int]:
        if not content:
            name = {"SS": "string", "NS": "number", "BS": "binary"}[kind]
            raise InvalidError(
                f"One or more parameter values were invalid: An {name} set  may not be empty"
            )
        held: list[Any] = []
        total = 0
        for each in content:
            copied, size = checked({element: each}, depth)
            held.append(copied[element])
            total += size
        if len(set(held)) != len(held):
            raise InvalidError(
                "One or more parameter values were invalid: Input collection contains duplicates"
            )
        return {kind: sorted(held, key=decimal_of if element == "N" else None)}, total

    return check


_CHECKS: Mapping[str, Callable[[Any, int], tuple[dict[str, Any], int]]] = {
    "S": _text,
    "N": _number,
    "B": _binary,
    "BOOL": _truth,
    "NULL": _nothing,
    "M": _map,
    "L": _list,
    **{kind: _set_of(kind) for kind in SETS},
}


def _check_depth(depth: int) -> None:
    if depth >= _MAX_DEPTH:
        raise InvalidError(
            "Nesting Levels have exceeded supported limits: Attributes have nested levels beyond "
            "supported limit"
        )


def _not_one_type(value: Any) -> str:
    which = "has more than one datatypes set" if value else "is empty"
    return f"Supplied AttributeValue {which}, must contain exactly one of the supported datatypes"
