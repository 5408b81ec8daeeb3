"""Updates: what an item becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from simulation.cloud.dynamodb.expressions.bound import (
    Bound,
    Place,
    described,
    found,
    overlap,
)
from simulation.cloud.dynamodb.expressions.places import remove, store
from simulation.cloud.dynamodb.expressions.syntax import Call, Given, Operand, Path, Reader, Sum
from simulation.cloud.dynamodb.expressions.update_checks import check_action
from simulation.cloud.dynamodb.expressions.update_syntax import Action, parse
from simulation.cloud.dynamodb.invalid import InvalidError, UnfitError
from simulation.cloud.dynamodb.numbers import added, decimal_of, subtracted
from simulation.cloud.dynamodb.values import SETS, Item, Value, copy_item

_KIND = "UpdateExpression"
_PARSED = 4096
_WRONG_TYPE = "An operand in the update expression has an incorrect data type"
_MISSING = "The provided expression refers to an attribute that does not exist in the item"

Changed = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Update:
    """A parsed update; `check` comes before `applied`, with the same `Bound`."""

    names: tuple[str, ...]
    values: tuple[str, ...]
    actions: tuple[Action, ...]

    def check(self, bound: Bound) -> None:
        """Refuse what makes no sense whatever the item is.

        Raises:
            InvalidError: with the service's words.
        """
        bound.require(kind=_KIND, names=self.names, values=self.values)
        places = self.places(bound)
        if len(places) > 1:
            _check_overlaps(places)
        for action in self.actions:
            check_action(action, bound)

    def check_keys(self, bound: Bound, keys: Iterable[str]) -> None:
        """Refuse to change the key.

        Raises:
            UnfitError: with the service's words.
        """
        for name in keys:
            if any(bound.place(action.path)[0] == name for action in self.actions):
                raise UnfitError(
                    "One or more parameter values were invalid: Cannot update attribute "
                    f"{name}. This attribute is part of the key"
                )

    def places(self, bound: Bound) -> list[Place]:
        """What it changes."""
        return [bound.place(action.path) for action in self.actions]

    def applied(self, item: Item, bound: Bound) -> Changed:
        """What the item becomes; everything is read from the item as it was.

        Raises:
            UnfitError: if it doesn't fit the item.
        """
        nested = any(len(action.path.parts) > 1 for action in self.actions)
        changed: Changed = dict(copy_item(item) if nested else item)
        removed: list[Place] = []
        stored: list[tuple[Place, Value]] = []
        for action in self.actions:
            place = bound.place(action.path)
            value = _new_value(action, place, item, bound)
            if value is None:
                removed.append(place)
            else:
                stored.append((place, value))
        for place, value in stored:
            store(changed, place, value)
        # From the end of a list, so that no position moves before its turn.
        for place in sorted(removed, key=_position, reverse=True):
            remove(changed, place)
        return changed


@lru_cache(maxsize=_PARSED)
def parsed(text: str) -> Update:
    """The update that a text says.

    Raises:
        InvalidError: if it says none.
    """
    reader = Reader(text, _KIND)
    actions = parse(reader)
    return Update(tuple(reader.names), tuple(reader.values), actions)


def _check_overlaps(places: list[Place]) -> None:
    if len({place[0] for place in places}) == len(places):
        return
    for one, other in combinations(places, 2):
        if overlap(one, other):
            raise InvalidError(
                f"Invalid {_KIND}: Two document paths overlap with each other; must remove or "
                f"rewrite one of these paths; path one: {described(one)}, "
                f"path two: {described(other)}"
            )


def _new_value(action: Action, place: Place, item: Item, bound: Bound) -> Value | None:
    if action.value is None:
        return None
    before = found(item, place) if action.section != "SET" else None
    given = _evaluated(action.value, item, bound)
    if action.section == "SET":
        return given
    if action.section == "ADD":
        return given if before is None else _joined(before, given)
    return None if before is None else _without(before, given)


def _evaluated(operand: Operand, item: Item, bound: Bound) -> Value:
    match operand:
        case Given(name):
            return bound.values[name]
        case Path():
            value = found(item, bound.place(operand))
            if value is None:
                raise UnfitError(_MISSING)
            return value
        case Sum(sign, left, right):
            act = added if sign == "+" else subtracted
            return _arithmetic(act, _evaluated(left, item, bound), _evaluated(right, item, bound))
        case Call("if_not_exists", (Path() as path, otherwise)):
            value = found(item, bound.place(path))
            return _evaluated(otherwise, item, bound) if value is None else value
        case Call("list_append", (first, second)):
            lists = (_evaluated(first, item, bound), _evaluated(second, item, bound))
            if not all("L" in value for value in lists):
                raise UnfitError(_WRONG_TYPE)
            return {"L": [*lists[0]["L"], *lists[1]["L"]]}
    raise TypeError(f"{operand} is no operand of an update")


def _arithmetic(act: Callable[[str, str], str], left: Value, right: Value) -> Value:
    if "N" not in left or "N" not in right:
        raise UnfitError(_WRONG_TYPE)
    try:
        return {"N": act(left["N"], right["N"])}
    except InvalidError as error:
        raise UnfitError(str(error)) from error


def _joined(before: Value, given: Value) -> Value:
    (kind,) = given
    if kind not in before:
        raise UnfitError(_WRONG_TYPE)
    if kind == "N":
        return _arithmetic(added, before, given)
    return {kind: _sorted({*before[kind], *given[kind]}, kind)}


def _without(before: Value, given: Value) -> Value | None:
    (kind,) = given
    if kind not in before:
        raise UnfitError(_WRONG_TYPE)
    left = [each for each in before[kind] if each not in given[kind]]
    return {kind: left} if left else None


def _sorted(elements: Iterable[str], kind: str) -> list[str]:
    return sorted(elements, key=decimal_of if SETS[kind] == "N" else None)


def _position(place: Place) -> int:
    last = place[-1]
    return last if isinstance(last, int) else -1
