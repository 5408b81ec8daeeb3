"""What a filter of a Query may not ask for: the keys, which the key condition is for."""

from __future__ import annotations

from simulation.cloud.dynamodb.expressions.bound import Bound
from simulation.cloud.dynamodb.expressions.condition_syntax import (
    Asked,
    Compared,
    Joined,
    Negated,
    Node,
)
from simulation.cloud.dynamodb.expressions.syntax import Call, Operand, Path
from simulation.cloud.dynamodb.invalid import InvalidError
from simulation.cloud.dynamodb.schema import KeySchema


def check_filter(node: Node, bound: Bound, key: KeySchema) -> None:
    """Refuse a filter that asks for a key attribute.

    Raises:
        InvalidError: with the service's words.
    """
    for operand in _operands(node):
        for path in _paths(operand):
            name = bound.place(path)[0]
            if name in key.names:
                raise InvalidError(
                    "Filter Expression can only contain non-primary key attributes: Primary key "
                    f"attribute: {name}"
                )


def _operands(node: Node) -> tuple[Operand, ...]:
    match node:
        case Joined(_, parts):
            return tuple(operand for part in parts for operand in _operands(part))
        case Negated(part):
            return _operands(part)
        case Asked(_, arguments):
            return arguments
        case Compared(_, left, right):
            return (left, *right)
    return ()


def _paths(operand: Operand) -> tuple[Path, ...]:
    match operand:
        case Path():
            return (operand,)
        case Call(_, arguments):
            return tuple(path for argument in arguments for path in _paths(argument))
    return ()
