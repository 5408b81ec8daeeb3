"""Key conditions: one partition, and at most one range in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from simulation.cloud.dynamodb.expressions.bound import Bound
from simulation.cloud.dynamodb.expressions.condition_syntax import Asked, Compared, Joined, Node
from simulation.cloud.dynamodb.expressions.conditions import Condition
from simulation.cloud.dynamodb.expressions.syntax import Given, Operand, Path
from simulation.cloud.dynamodb.invalid import InvalidError
from simulation.cloud.dynamodb.schema import KeyPart, KeySchema
from simulation.cloud.dynamodb.values import Value

_OPERATORS = frozenset({"=", "<", "<=", ">", ">=", "BETWEEN"})
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
_MOST = 2


@dataclass(frozen=True, slots=True)
class Range:
    """What is asked of the range key: "=", "<", "BETWEEN", "begins_with" and so on."""

    operator: str
    values: tuple[Value, ...]


def selection(condition: Condition, bound: Bound, key: KeySchema) -> tuple[Value, Range | None]:
    """The partition's key and the range in it.

    Raises:
        InvalidError: if a key condition can't be that.
    """
    leaves = _leaves(condition.node)
    asked: dict[str, Range] = {}
    for leaf in leaves:
        name, wanted = _leaf(leaf, bound)
        if name in asked:
            _refuse("KeyConditionExpressions must only contain one condition per key")
        asked[name] = wanted
    if key.hash.name not in asked:
        _refuse(f"Query condition missed key schema element: {key.hash.name}")
    partition = asked.pop(key.hash.name)
    if partition.operator != "=":
        _refuse("Query key condition not supported")
    if len(leaves) > _MOST or (asked and key.range is None):
        _refuse("Query key condition not supported")
    _check_type(partition, key.hash)
    if not asked or key.range is None:
        return partition.values[0], None
    if key.range.name not in asked:
        _refuse(f"Query condition missed key schema element: {key.range.name}")
    wanted = asked[key.range.name]
    _check_type(wanted, key.range)
    return partition.values[0], wanted


def _leaves(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Joined):
        if node.word != "AND":
            _refuse("Invalid operator used in KeyConditionExpression: OR")
        return tuple(leaf for part in node.parts for leaf in _leaves(part))
    return (node,)


def _leaf(node: Node, bound: Bound) -> tuple[str, Range]:
    match node:
        case Compared(operator, Path() as path, values) if operator in _OPERATORS:
            return _name(path, bound), Range(operator, _values(values, bound))
        case Compared(operator, Given() as value, (Path() as path,)) if operator in _MIRRORED:
            return _name(path, bound), Range(_MIRRORED[operator], _values((value,), bound))
        case Asked("begins_with", (Path() as path, value)):
            return _name(path, bound), Range("begins_with", _values((value,), bound))
        case Compared(operator, _, _):
            wrong = operator
        case Asked(function, _):
            wrong = function
        case _:
            wrong = "NOT"
    return _refuse(f"Invalid operator used in KeyConditionExpression: {wrong}")


def _name(path: Path, bound: Bound) -> str:
    place = bound.place(path)
    if len(place) > 1:
        _refuse("KeyConditionExpressions cannot have conditions on nested attributes")
    return str(place[0])


def _values(operands: tuple[Operand, ...], bound: Bound) -> tuple[Value, ...]:
    values = []
    for operand in operands:
        if not isinstance(operand, Given):
            _refuse("KeyConditionExpressions must only compare with given values")
        values.append(bound.values[operand.name])
    return tuple(values)


def _check_type(wanted: Range, part: KeyPart) -> None:
    for value in wanted.values:
        if part.type not in value:
            raise InvalidError(
                "One or more parameter values were invalid: Condition parameter type does not "
                "match schema type"
            )
        if not value[part.type] and part.type != "N" and wanted.operator == "=":
            raise InvalidError(
                "One or more parameter values are not valid. The AttributeValue for a key "
                f"attribute cannot contain an empty string value. Key: {part.name}"
            )


def _refuse(why: str) -> NoReturn:
    raise InvalidError(why)
