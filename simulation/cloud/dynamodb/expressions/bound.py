"""An expression's placeholders with what the request gives for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from simulation.cloud.dynamodb.expressions.syntax import Path
from simulation.cloud.dynamodb.invalid import InvalidError
from simulation.cloud.dynamodb.values import Item, Value

#: A path with its placeholders resolved.
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """ExpressionAttributeNames and, in their normal form, ExpressionAttributeValues."""

    names: Mapping[str, str]
    values: Mapping[str, Value]

    def place(self, path: Path) -> Place:
        """The path with its placeholders resolved."""
        names = self.names
        return tuple(
            names[part] if isinstance(part, str) and part[0] == "#" else part for part in path.parts
        )

    def require(self, *, kind: str, names: Iterable[str], values: Iterable[str]) -> None:
        """Refuse an expression whose placeholders are not all given."""
        for name in names:
            if name not in self.names:
                raise InvalidError(
                    f"Invalid {kind}: An expression attribute name used in the document path is "
                    f"not defined; attribute name: {name}"
                )
        for name in values:
            if name not in self.values:
                raise InvalidError(
                    f"Invalid {kind}: An expression attribute value used in expression is not "
                    f"defined; attribute value: {name}"
                )


def found(item: Item, place: Place) -> Value | None:
    """What an item has at a place; None if nothing."""
    value = item.get(str(place[0]))
    for part in place[1:]:
        if value is None:
            return None
        if isinstance(part, int):
            elements = value.get("L", ())
            value = elements[part] if part < len(elements) else None
        else:
            value = value.get("M", {}).get(part)
    held: Value | None = value
    return held


def overlap(one: Place, other: Place) -> bool:
    """Whether one place is in the other."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def described(place: Place) -> str:
    """A place as messages have it."""
    return "[" + ", ".join(f"[{part}]" if isinstance(part, int) else part for part in place) + "]"
