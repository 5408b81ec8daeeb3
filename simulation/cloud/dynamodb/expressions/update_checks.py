"""What is refused of an update whatever the item is: operands that can never fit."""

from __future__ import annotations

from typing import NoReturn

from simulation.cloud.dynamodb.expressions.bound import Bound
from simulation.cloud.dynamodb.expressions.syntax import Call, Given, Operand, Sum
from simulation.cloud.dynamodb.expressions.update_syntax import Action
from simulation.cloud.dynamodb.invalid import InvalidError
from simulation.cloud.dynamodb.values import SETS

#: What messages call the types in ADD and DELETE.
_LONG_NAMES = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
    "L": "LIST",
    "M": "MAP",
}


def check_action(action: Action, bound: Bound) -> None:
    """Refuse operands that can never fit.

    Raises:
        InvalidError: with the service's words.
    """
    if action.section in {"ADD", "DELETE"} and isinstance(action.value, Given):
        (kind,) = bound.values[action.value.name]
        if kind not in SETS and not (kind == "N" and action.section == "ADD"):
            raise InvalidError(
                "Invalid UpdateExpression: Incorrect operand type for operator or function; "
                f"operator: {action.section}, operand type: {_LONG_NAMES[kind]}, "
                f"typeSet: ALLOWED_FOR_{action.section}_OPERAND"
            )
    elif action.value is not None:
        _check_operand(action.value, bound)


def _check_operand(operand: Operand, bound: Bound) -> None:
    match operand:
        case Sum(sign, left, right):
            for part in (left, right):
                _require(part, "N", sign, bound)
                _check_operand(part, bound)
        case Call("list_append", parts):
            for part in parts:
                _require(part, "L", "list_append", bound)
                _check_operand(part, bound)
        case Call(_, parts):
            for part in parts:
                _check_operand(part, bound)


def _require(operand: Operand, kind: str, function: str, bound: Bound) -> None:
    if isinstance(operand, Given):
        (found,) = bound.values[operand.name]
        if found != kind:
            _refuse(function, found)


def _refuse(function: str, found: str) -> NoReturn:
    raise InvalidError(
        "Invalid UpdateExpression: Incorrect operand type for operator or function; operator or "
        f"function: {function}, operand type: {found}"
    )
