"""What is refused of a condition whatever the item is: operands that can never fit."""

from __future__ import annotations

from simulation.cloud.dynamodb.expressions.bound import Bound, described
from simulation.cloud.dynamodb.expressions.condition_syntax import (
    Asked,
    Compared,
    Joined,
    Negated,
    Node,
)
from simulation.cloud.dynamodb.expressions.syntax import Call, Given, Operand, Path
from simulation.cloud.dynamodb.invalid import InvalidError
from simulation.cloud.dynamodb.values import ORDERED, TYPES, Value, order

_MEASURED = frozenset({"S", "B", "SS", "NS", "BS", "L", "M"})
_PREFIXES = frozenset({"S", "B"})
_ORDERS = frozenset({"<", "<=", ">", ">="})


def check(node: Node, bound: Bound, *, kind: str) -> None:
    """Refuse operands that can never fit.

    Raises:
        InvalidError: with the service's words.
    """
    match node:
        case Joined(_, parts):
            for part in parts:
                check(part, bound, kind=kind)
        case Negated(part):
            check(part, bound, kind=kind)
        case Asked(function, arguments):
            _check_function(function, arguments, bound, kind)
        case Compared(operator, left, right):
            _check_sizes((left, *right), bound, kind)
            _check_comparison(operator, left, right, bound, kind)


def _check_function(function: str, arguments: tuple[Operand, ...], bound: Bound, kind: str) -> None:
    _check_sizes(arguments, bound, kind)
    if function == "begins_with":
        for argument in arguments:
            _require(argument, bound, kind, function, _PREFIXES)
    if function == "attribute_type":
        _require(arguments[1], bound, kind, function, frozenset({"S"}))
        name = _value(arguments[1], bound)
        if name is not None and name["S"] not in TYPES:
            raise InvalidError(
                f"Invalid {kind}: Invalid attribute type name found; type: {name['S']}, "
                "valid types: {N,BS,L,B,NULL,M,S,SS,NS,BOOL}"
            )
    if len(arguments) > 1:
        _check_distinct(function, arguments[0], arguments[1:], bound, kind)


def _check_comparison(
    operator: str, left: Operand, right: tuple[Operand, ...], bound: Bound, kind: str
) -> None:
    if operator in _ORDERS or operator == "BETWEEN":
        for operand in (left, *right):
            _require(operand, bound, kind, operator, ORDERED)
    _check_distinct(operator, left, right, bound, kind)
    if operator == "BETWEEN":
        low, high = (_value(operand, bound) for operand in right)
        if low is not None and high is not None:
            _check_range(low, high, kind)


def _check_range(low: Value, high: Value, kind: str) -> None:
    told = (
        f"lower bound operand: AttributeValue: {_shown(low)}, "
        f"upper bound operand: AttributeValue: {_shown(high)}"
    )
    if low.keys() != high.keys():
        raise InvalidError(
            f"Invalid {kind}: The BETWEEN operator requires same data type for lower and upper "
            f"bounds; {told}"
        )
    if order(low) > order(high):
        raise InvalidError(
            f"Invalid {kind}: The BETWEEN operator requires upper bound to be greater than or "
            f"equal to lower bound; {told}"
        )


def _check_sizes(operands: tuple[Operand, ...], bound: Bound, kind: str) -> None:
    for operand in operands:
        match operand:
            case Call("size", (argument,)):
                _require(argument, bound, kind, "size", _MEASURED)


def _check_distinct(
    operator: str, first: Operand, others: tuple[Operand, ...], bound: Bound, kind: str
) -> None:
    if not isinstance(first, Path):
        return
    place = bound.place(first)
    if any(isinstance(other, Path) and bound.place(other) == place for other in others):
        raise InvalidError(
            f"Invalid {kind}: The first operand must be distinct from the remaining operands for "
            f"this operator or function; operator: {operator}, first operand: {described(place)}"
        )


def _require(
    operand: Operand, bound: Bound, kind: str, operator: str, types: frozenset[str]
) -> None:
    value = _value(operand, bound)
    if value is None:
        return
    (found,) = value
    if found not in types:
        raise InvalidError(
            f"Invalid {kind}: Incorrect operand type for operator or function; operator or "
            f"function: {operator}, operand type: {found}"
        )


def _value(operand: Operand, bound: Bound) -> Value | None:
    return bound.values[operand.name] if isinstance(operand, Given) else None


def _shown(value: Value) -> str:
    ((kind, content),) = value.items()
    return f"{{{kind}:{content}}}"
