"""The grammar of updates."""

from __future__ import annotations

from dataclasses import dataclass

from simulation.cloud.dynamodb.expressions.syntax import Call, Operand, Path, Reader, Sum

SECTIONS = ("SET", "REMOVE", "ADD", "DELETE")
FUNCTIONS = ("if_not_exists", "list_append")


@dataclass(frozen=True, slots=True)
class Action:
    """What one section does with one path; `value` is None for "REMOVE"."""

    section: str
    path: Path
    value: Operand | None


def parse(reader: Reader) -> tuple[Action, ...]:
    """The whole expression."""
    actions: list[Action] = []
    seen: set[str] = set()
    while reader.token:
        section = reader.token.upper()
        if section not in SECTIONS:
            reader.fail()
        reader.take()
        if section in seen:
            reader.refuse(f'The "{section}" section can only be used once in an update expression;')
        seen.add(section)
        actions.append(_action(reader, section))
        while reader.took(","):
            actions.append(_action(reader, section))
    return tuple(actions)


def _action(reader: Reader, section: str) -> Action:
    path = reader.path()
    if section == "REMOVE":
        return Action(section, path, None)
    if section in {"ADD", "DELETE"}:
        return Action(section, path, reader.given())
    reader.expect("=")
    return Action(section, path, _value(reader))


def _value(reader: Reader) -> Operand:
    enclosed = reader.took("(")
    value = _operand(reader)
    if reader.token in {"+", "-"}:
        value = Sum(reader.take(), value, _operand(reader))
    if enclosed:
        reader.expect(")")
    return value


def _operand(reader: Reader) -> Operand:
    if reader.token.startswith(":"):
        return reader.given()
    if reader.following != "(":
        return reader.path()
    function = reader.take()
    if function not in FUNCTIONS:
        reader.refuse(f"Invalid function name; function: {function}")
    reader.expect("(")
    first = _operand(reader)
    reader.expect(",")
    second = _operand(reader)
    reader.expect(")")
    if function == "if_not_exists" and not isinstance(first, Path):
        reader.refuse(
            "Operator or function requires a document path; operator or function: if_not_exists"
        )
    return Call(function, (first, second))
