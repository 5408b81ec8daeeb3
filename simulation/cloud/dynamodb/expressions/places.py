"""Changing an item at a place in it."""

from __future__ import annotations

from typing import Any

from simulation.cloud.dynamodb.expressions.bound import Place
from simulation.cloud.dynamodb.invalid import UnfitError
from simulation.cloud.dynamodb.values import Value


def store(item: dict[str, Value], place: Place, value: Value) -> None:
    """Put a value at a place, whose surroundings have to be there.

    Raises:
        UnfitError: if they aren't.
    """
    holder, last = _holder(item, place)
    if isinstance(holder, dict) and isinstance(last, str):
        holder[last] = value
    elif isinstance(holder, list) and isinstance(last, int):
        if last < len(holder):
            holder[last] = value
        else:
            holder.append(value)
    else:
        _refuse()


def remove(item: dict[str, Value], place: Place) -> None:
    """Remove what is at a place, if anything is; its surroundings have to be there.

    Raises:
        UnfitError: if they aren't.
    """
    holder, last = _holder(item, place)
    if isinstance(holder, dict) and isinstance(last, str):
        holder.pop(last, None)
    elif isinstance(holder, list) and isinstance(last, int):
        if last < len(holder):
            del holder[last]
    else:
        _refuse()


def _holder(item: dict[str, Value], place: Place) -> tuple[Any, str | int]:
    """The map or list that the last part of a place is in."""
    holder: Any = item
    for part in place[:-1]:
        value: Any = None
        if isinstance(holder, dict) and isinstance(part, str):
            value = holder.get(part)
        elif isinstance(holder, list) and isinstance(part, int) and part < len(holder):
            value = holder[part]
        if value is None:
            _refuse()
        holder = value.get("M", value.get("L"))
    return holder, place[-1]


def _refuse() -> None:
    raise UnfitError("The document path provided in the update expression is invalid for update")
