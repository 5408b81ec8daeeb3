"""Projections: the parts of an item that were asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

from simulation.cloud.dynamodb.expressions.bound import Bound, Place, described, found, overlap
from simulation.cloud.dynamodb.expressions.syntax import Path, Reader
from simulation.cloud.dynamodb.invalid import InvalidError
from simulation.cloud.dynamodb.values import Item, copy

_KIND = "ProjectionExpression"
_PARSED = 1024


@dataclass(frozen=True, slots=True)
class Projection:
    """A parsed projection."""

    names: tuple[str, ...]
    paths: tuple[Path, ...]

    def places(self, bound: Bound) -> tuple[Place, ...]:
        """What it asks for.

        Raises:
            InvalidError: if its placeholders aren't given, or it asks twice.
        """
        bound.require(kind=_KIND, names=self.names, values=())
        places = tuple(map(bound.place, self.paths))
        for one, other in combinations(places, 2):
            if overlap(one, other):
                raise InvalidError(
                    f"Invalid {_KIND}: Two document paths overlap with each other; must remove "
                    f"or rewrite one of these paths; path one: {described(one)}, "
                    f"path two: {described(other)}"
                )
        return places


@lru_cache(maxsize=_PARSED)
def parsed(text: str) -> Projection:
    """The projection that a text says.

    Raises:
        InvalidError: if it says none.
    """
    reader = Reader(text, _KIND)
    paths = [reader.path()]
    while reader.took(","):
        paths.append(reader.path())
    reader.end()
    return Projection(tuple(reader.names), tuple(paths))


def projected(item: Item, places: tuple[Place, ...]) -> dict[str, dict[str, Any]]:
    """A copy of those parts of an item that are there, in their maps and lists."""
    whole: dict[Any, Any] = {}
    for place in places:
        value = found(item, place)
        if value is None:
            continue
        holder = whole
        for part in place[:-1]:
            holder = holder.setdefault(part, {})
        holder[place[-1]] = _Found(copy(value))
    return {name: _assembled(part) for name, part in whole.items()}


@dataclass(frozen=True, slots=True)
class _Found:
    value: dict[str, Any]


def _assembled(part: Any) -> dict[str, Any]:
    if isinstance(part, _Found):
        return part.value
    if all(isinstance(position, int) for position in part):
        return {"L": [_assembled(part[position]) for position in sorted(part)]}
    return {"M": {name: _assembled(inner) for name, inner in part.items()}}
