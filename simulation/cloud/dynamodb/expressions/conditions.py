"""Conditions and filters: whether they hold of an item."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from simulation.cloud.dynamodb.expressions.bound import Bound, described, found
from simulation.cloud.dynamodb.expressions.condition_checks import check
from simulation.cloud.dynamodb.expressions.condition_syntax import (
    Asked,
    Compared,
    Joined,
    Negated,
    Node,
    parse,
)
from simulation.cloud.dynamodb.expressions.syntax import Call, Given, Operand, Path, Reader
from simulation.cloud.dynamodb.values import ORDERED, Item, Value, equal, order, size_of

Holds = Callable[[Item, Bound], bool]
Get = Callable[[Item, Bound], Value | None]
_PARSED = 4096


@dataclass(frozen=True, slots=True)
class Condition:
    """A parsed condition; `check` comes before `holds`, with the same `Bound`."""

    kind: str
    names: tuple[str, ...]
    values: tuple[str, ...]
    node: Node
    holds: Holds

    def check(self, bound: Bound) -> None:
        """Refuse what makes no sense whatever the item is.

        Raises:
            InvalidError: with the service's words.
        """
        bound.require(kind=self.kind, names=self.names, values=self.values)
        check(self.node, bound, kind=self.kind)


@lru_cache(maxsize=_PARSED)
def parsed(text: str, kind: str = "ConditionExpression") -> Condition:
    """The condition that a text says.

    Raises:
        InvalidError: if it says none.
    """
    reader = Reader(text, kind)
    node = parse(reader)
    return Condition(kind, tuple(reader.names), tuple(reader.values), node, _holds(node))


def _holds(node: Node) -> Holds:
    match node:
        case Joined("AND", parts):
            every = tuple(map(_holds, parts))
            return lambda item, bound: all(part(item, bound) for part in every)
        case Joined(_, parts):
            some = tuple(map(_holds, parts))
            return lambda item, bound: any(part(item, bound) for part in some)
        case Negated(part):
            inner = _holds(part)
            return lambda item, bound: not inner(item, bound)
        case Asked(function, arguments):
            return _answer(function, arguments)
        case Compared(operator, left, right):
            return _comparison(operator, left, right)
    raise TypeError(f"an unknown condition: {node}")


def _answer(function: str, arguments: tuple[Operand, ...]) -> Holds:
    first = _get(arguments[0])
    if function == "attribute_exists":
        return lambda item, bound: first(item, bound) is not None
    if function == "attribute_not_exists":
        return lambda item, bound: first(item, bound) is None
    test = {"attribute_type": _is_of_type, "begins_with": _begins_with, "contains": _contains}
    second, answers = _get(arguments[1]), test[function]

    def holds(item: Item, bound: Bound) -> bool:
        one, other = first(item, bound), second(item, bound)
        return one is not None and other is not None and answers(one, other)

    return holds


def _comparison(operator: str, left: Operand, right: tuple[Operand, ...]) -> Holds:
    first = _get(left)
    others = tuple(map(_get, right))
    if operator == "IN":
        return lambda item, bound: any(
            _equals(first(item, bound), other(item, bound)) for other in others
        )
    if operator == "BETWEEN":
        low, high = others

        def between(item: Item, bound: Bound) -> bool:
            value = first(item, bound)
            return _compares(">=", value, low(item, bound)) and _compares(
                "<=", value, high(item, bound)
            )

        return between
    (second,) = others
    if operator == "=":
        return lambda item, bound: _equals(first(item, bound), second(item, bound))
    if operator == "<>":
        return lambda item, bound: not _equals(first(item, bound), second(item, bound))
    return lambda item, bound: _compares(operator, first(item, bound), second(item, bound))


def _get(operand: Operand) -> Get:
    match operand:
        case Given(name):
            return lambda _, bound: bound.values[name]
        case Path((str() as only,)) if only[0] == "#":
            return lambda item, bound: item.get(bound.names[only])
        case Path((str() as only,)):
            return lambda item, _: item.get(only)
        case Path():
            return lambda item, bound: found(item, bound.place(operand))
        case Call("size", (argument,)):
            measured = _get(argument)

            def size(item: Item, bound: Bound) -> Value | None:
                value = measured(item, bound)
                known = None if value is None else size_of(value)
                return None if known is None else {"N": str(known)}

            return size
    raise TypeError(f"{described((str(operand),))} is no operand of a condition")


def _equals(left: Value | None, right: Value | None) -> bool:
    return left is not None and right is not None and equal(left, right)


def _compares(operator: str, left: Value | None, right: Value | None) -> bool:
    if left is None or right is None:
        return False
    (kind,) = left
    if kind not in ORDERED or kind not in right:
        return False
    one, other = order(left), order(right)
    match operator:
        case "<":
            return bool(one < other)
        case "<=":
            return bool(one <= other)
        case ">":
            return bool(one > other)
        case _:
            return bool(one >= other)


def _is_of_type(value: Value, wanted: Value) -> bool:
    return wanted["S"] in value


def _begins_with(value: Value, prefix: Value) -> bool:
    for kind in ("S", "B"):
        if kind in value and kind in prefix:
            return bool(value[kind].startswith(prefix[kind]))
    return False


def _contains(value: Value, part: Value) -> bool:
    ((kind, content),) = value.items()
    ((part_kind, part_content),) = part.items()
    if kind == "L":
        return any(equal(each, part) for each in content)
    if kind in {"SS", "NS", "BS"}:
        return kind[0] == part_kind and part_content in content
    return kind in {"S", "B"} and kind == part_kind and part_content in content
