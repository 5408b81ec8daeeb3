"""The grammar of conditions, which filters and key conditions share."""

from __future__ import annotations

from dataclasses import dataclass

from simulation.cloud.dynamodb.expressions.syntax import Call, Given, Operand, Path, Reader

_SIZE = "size"
COMPARATORS = ("=", "<>", "<", "<=", ">", ">=")
#: The functions that say yes or no, with how many arguments they take.
PREDICATES = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
}


@dataclass(frozen=True, slots=True)
class Compared:
    """`left <= right`; "BETWEEN" and "IN" have more to the right."""

    operator: str
    left: Operand
    right: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A function that says yes or no."""

    function: str
    arguments: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions joined by "AND" or "OR"."""

    word: str
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """NOT."""

    part: Node


@dataclass(frozen=True, slots=True)
class _Enclosed:
    """In parentheses, of which one pair is enough."""

    part: Node


Node = Compared | Asked | Joined | Negated | _Enclosed


def parse(reader: Reader) -> Node:
    """The whole expression."""
    node = _any_of(reader)
    reader.end()
    return _bare(node)


def _any_of(reader: Reader) -> Node:
    parts = [_all_of(reader)]
    while reader.took("OR"):
        parts.append(_all_of(reader))
    return parts[0] if len(parts) == 1 else Joined("OR", tuple(map(_bare, parts)))


def _all_of(reader: Reader) -> Node:
    parts = [_maybe_not(reader)]
    while reader.took("AND"):
        parts.append(_maybe_not(reader))
    return parts[0] if len(parts) == 1 else Joined("AND", tuple(map(_bare, parts)))


def _maybe_not(reader: Reader) -> Node:
    if reader.took("NOT"):
        return Negated(_bare(_maybe_not(reader)))
    if reader.took("("):
        inner = _any_of(reader)
        reader.expect(")")
        if isinstance(inner, _Enclosed):
            reader.refuse("The expression has redundant parentheses;")
        return _Enclosed(inner)
    return _single(reader)


def _single(reader: Reader) -> Node:
    if reader.following == "(" and reader.token != _SIZE:
        return _asked(reader)
    left = _operand(reader)
    if reader.took("BETWEEN"):
        low = _operand(reader)
        if not reader.took("AND"):
            reader.fail()
        return Compared("BETWEEN", left, (low, _operand(reader)))
    if reader.took("IN"):
        return Compared("IN", left, _listed(reader))
    if reader.token not in COMPARATORS:
        reader.fail()
    return Compared(reader.take(), left, (_operand(reader),))


def _asked(reader: Reader) -> Asked:
    function = reader.take()
    if function not in PREDICATES:
        reader.refuse(f"Invalid function name; function: {function}")
    arguments = _listed(reader)
    if len(arguments) != PREDICATES[function]:
        reader.refuse(
            "Incorrect number of operands for operator or function; operator or function: "
            f"{function}, number of operands: {len(arguments)}"
        )
    needs_path = function in {"attribute_exists", "attribute_not_exists"}
    if needs_path and not isinstance(arguments[0], Path):
        reader.refuse(
            f"Operator or function requires a document path; operator or function: {function}"
        )
    return Asked(function, arguments)


def _listed(reader: Reader) -> tuple[Operand, ...]:
    reader.expect("(")
    operands = [_operand(reader)]
    while reader.took(","):
        operands.append(_operand(reader))
    reader.expect(")")
    return tuple(operands)


def _operand(reader: Reader) -> Operand:
    if reader.token.startswith(":"):
        return reader.given()
    if reader.following != "(":
        return reader.path()
    function = reader.take()
    if function != "size":
        reader.refuse(
            "The function is not allowed to be used this way in an expression; function: "
            f"{function}"
            if function in PREDICATES
            else f"Invalid function name; function: {function}"
        )
    arguments = _listed(reader)
    if len(arguments) != 1 or not isinstance(arguments[0], Path | Given):
        reader.refuse(
            "Incorrect number of operands for operator or function; operator or function: size, "
            f"number of operands: {len(arguments)}"
        )
    return Call("size", arguments)


def _bare(node: Node) -> Node:
    while isinstance(node, _Enclosed):
        node = node.part
    return node
