"""The keys of items: read from requests and items, with what is refused of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulation.cloud.dynamodb.invalid import InvalidError, UnfitError
from simulation.cloud.dynamodb.numbers import decimal_of, normal
from simulation.cloud.dynamodb.schema import IndexSchema, KeyPart, KeySchema
from simulation.cloud.dynamodb.values import Item, Value

#: What an item is known by in its table: hash and range, as they are sorted.
Key = tuple[Any, Any]

_HASH_BYTES = 2048
_RANGE_BYTES = 1024
_EMPTY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
    "contain an empty {kind} value. Key: {name}"
)


def key_asked_for(key: Item, schema: KeySchema) -> Key:
    """The key that a request names.

    Raises:
        InvalidError: if it isn't one of the table's.
    """
    parts = schema.parts
    if len(key) != len(parts):
        raise InvalidError("The provided key element does not match the schema")
    found: list[Any] = []
    for part in parts:
        value = key.get(part.name)
        if value is None or part.type not in value:
            raise UnfitError("The provided key element does not match the schema")
        found.append(_checked(value, part, longest=_RANGE_BYTES if found else _HASH_BYTES))
    return found[0], found[1] if len(found) > 1 else None


def key_in_item(item: Item, schema: KeySchema) -> Key:
    """The key of an item that is to be put.

    Raises:
        InvalidError: if it lacks one.
    """
    found: list[Any] = []
    for part in schema.parts:
        value = item.get(part.name)
        if value is None:
            raise InvalidError(
                f"One or more parameter values were invalid: Missing the key {part.name} in the "
                "item"
            )
        if part.type not in value:
            (actual,) = value
            raise UnfitError(
                f"One or more parameter values were invalid: Type mismatch for key {part.name} "
                f"expected: {part.type} actual: {actual}"
            )
        found.append(_checked(value, part, longest=_RANGE_BYTES if found else _HASH_BYTES))
    return found[0], found[1] if len(found) > 1 else None


def check_index_keys(item: Item, index: IndexSchema, *, updated: bool) -> None:
    """Refuse an item whose attributes can't be an index's key.

    Raises:
        InvalidError: with the service's words.
    """
    for part in index.key.parts:
        value = item.get(part.name)
        if value is None:
            continue
        if part.type not in value:
            (actual,) = value
            raise UnfitError(
                "One or more parameter values were invalid: Type mismatch for Index Key "
                f"{part.name} Expected: {part.type} Actual: {actual} IndexName: {index.name}"
            )
        if not value[part.type]:
            kind = "string" if part.type == "S" else "binary"
            raise InvalidError(
                "One or more parameter values are not valid. The update expression attempted to "
                "update a secondary index key to a value that is not supported. The "
                f"AttributeValue for a key attribute cannot contain an empty {kind} value."
                if updated
                else "One or more parameter values are not valid. A value specified for a "
                "secondary index key is not supported. The AttributeValue for a key attribute "
                f"cannot contain an empty {kind} value. IndexName: {index.name}, IndexKey: "
                f"{part.name}"
            )


def sorted_by(item: Item, schema: KeySchema) -> Key | None:
    """The key that an item has by a schema; None if it lacks a part of it."""
    value = item.get(schema.hash.name)
    if value is None:
        return None
    first = _order(value, schema.hash)
    if schema.range is None:
        return first, None
    value = item.get(schema.range.name)
    return None if value is None else (first, _order(value, schema.range))


def key_attributes(item: Item, *schemas: KeySchema) -> dict[str, Value]:
    """The attributes of an item that are its keys."""
    return {name: dict(item[name]) for schema in schemas for name in schema.names}


def text_of(key: Key) -> str:
    """A key as a text that is the same in every run."""
    return str(key[0]) if key[1] is None else f"{key[0]}/{key[1]}"


def _order(value: Mapping[str, Any], part: KeyPart) -> Any:
    content = value[part.type]
    return decimal_of(content) if part.type == "N" else content


def _checked(value: Mapping[str, Any], part: KeyPart, *, longest: int) -> Any:
    content = value[part.type]
    if part.type == "N":
        return decimal_of(normal(content))
    if not content:
        kind = "string" if part.type == "S" else "binary"
        raise InvalidError(_EMPTY.format(kind=kind, name=part.name))
    size = len(content.encode() if isinstance(content, str) else content)
    if size > longest:
        which = "hashkey" if longest == _HASH_BYTES else "rangekey"
        raise InvalidError(
            f"One or more parameter values were invalid: Size of {which} has exceeded the maximum "
            f"size limit of {longest} bytes"
        )
    return content
