"""Random conditions and updates, as trees that are written out with placeholders."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Value = dict[str, Any]
Tree = tuple[Any, ...]

NUMBERS = ["0", "1", "-1", "2.50", "10", "0.000001"]
LARGE = ["99999999999999999999999999999999999999", "1E+100", "-12345678901234567890.123456789"]
TEXTS = ["", "a", "ab", "b", "ü"]

small_numbers = st.sampled_from(NUMBERS).map(lambda text: {"N": text})
numbers = st.one_of(small_numbers, st.sampled_from(LARGE).map(lambda text: {"N": text}))
texts = st.sampled_from(TEXTS).map(lambda text: {"S": text})
text_sets = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True).map(
    lambda held: {"SS": held}
)
number_sets = st.lists(st.sampled_from(["1", "2", "2.5"]), min_size=1, max_size=3, unique=True).map(
    lambda held: {"NS": held}
)
scalars = st.one_of(
    numbers,
    texts,
    st.sampled_from([{"BOOL": True}, {"BOOL": False}, {"NULL": True}, {"B": b"a"}, {"B": b"ab"}]),
)
lists = st.lists(scalars, max_size=3).map(lambda held: {"L": held})
maps = st.dictionaries(st.sampled_from(["x", "y"]), scalars, max_size=2).map(
    lambda held: {"M": held}
)
documents = st.one_of(lists, maps)
values: st.SearchStrategy[Value] = st.one_of(scalars, text_sets, number_sets, documents)

plain_paths = st.sampled_from(["n", "s", "ss", "l", "m", "g", "h", "pk", "sk", "none"])
paths = st.one_of(plain_paths, st.sampled_from(["m.x", "m.y", "l[0]", "l[1]", "l[0].x", "none.x"]))
operands = st.one_of(
    paths.map(lambda path: ("path", path)),
    values.map(lambda value: ("value", value)),
)

_ORDERS = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
_numbers_in = st.sampled_from(["n", "h", "none"])
_likely = st.one_of(
    st.tuples(
        st.just("compare"),
        _ORDERS,
        _numbers_in.map(lambda path: ("path", path)),
        numbers.map(lambda value: ("value", value)),
    ),
    st.tuples(
        st.sampled_from(["attribute_exists", "attribute_not_exists"]),
        st.sampled_from(["n", "s", "m.x", "l[0]", "none"]),
    ),
    st.tuples(
        st.just("contains"),
        st.sampled_from(["s", "g", "ss", "l"]),
        texts.map(lambda value: ("value", value)),
    ),
    st.tuples(st.just("begins_with"), st.just("g"), texts.map(lambda value: ("value", value))),
    st.tuples(st.just("size"), st.sampled_from(["s", "ss", "l", "m"]), _ORDERS, numbers),
    st.tuples(
        st.just("between"),
        _numbers_in,
        st.just({"N": "0"}),
        st.sampled_from([{"N": "2.5"}, {"N": "10"}]),
    ),
    st.tuples(
        st.just("in"),
        st.sampled_from(["n", "s", "m", "l[1]"]),
        st.lists(values.map(lambda value: ("value", value)), min_size=1),
    ),
)
_of_keys = st.tuples(
    st.sampled_from(["attribute_exists", "attribute_not_exists"]), st.sampled_from(["pk", "sk"])
)
_wild = st.one_of(
    st.tuples(st.just("compare"), _ORDERS, operands, operands),
    st.tuples(st.just("attribute_type"), paths, st.sampled_from(["S", "N", "SS", "L", "M", "Q"])),
    st.tuples(st.sampled_from(["begins_with", "contains"]), paths, operands),
    st.tuples(st.just("size"), paths, _ORDERS, numbers),
    st.tuples(st.just("between"), paths, values, values),
    st.tuples(st.just("in"), paths, st.lists(operands, min_size=1, max_size=3)),
)


def conditions(*, wild: bool, of_keys: bool = True) -> st.SearchStrategy[Tree]:
    """Conditions that make sense; if `wild`, also such as can't. A filter can't ask for keys."""
    leaves = [_likely, _likely, _likely]
    if of_keys:
        leaves.append(_of_keys)
    if wild:
        leaves.append(_wild)
    return st.recursive(
        st.one_of(leaves),
        lambda inner: st.one_of(
            st.tuples(st.just("and"), inner, inner),
            st.tuples(st.just("or"), inner, inner),
            st.tuples(st.just("not"), inner),
        ),
        max_leaves=4,
    )


def _value(value: Value) -> Tree:
    return ("value", value)


_summed = st.tuples(
    st.sampled_from(["+", "-"]),
    st.one_of(
        st.just(("path", "n")),
        st.tuples(st.just("if_not_exists"), st.just("n"), small_numbers.map(_value)),
    ),
    small_numbers.map(_value),
)
_appended = st.tuples(
    st.just("list_append"),
    st.one_of(
        st.just(("path", "l")),
        st.tuples(st.just("if_not_exists"), st.just("l"), st.just(_value({"L": []}))),
    ),
    st.just(_value({"L": [{"N": "7"}]})),
)
_likely_actions = st.one_of(
    st.tuples(st.just("SET"), st.sampled_from(["n", "h"]), small_numbers.map(_value)),
    st.tuples(st.just("SET"), st.just("n"), _summed),
    st.tuples(st.just("SET"), st.just("l"), _appended),
    st.tuples(
        st.just("SET"), st.sampled_from(["s", "m", "m.x", "l[0]", "l[5]"]), values.map(_value)
    ),
    st.tuples(st.just("SET"), st.just("g"), st.sampled_from([_value({"S": "x"}), ("path", "s")])),
    st.tuples(st.just("SET"), st.just("s"), paths.map(lambda path: ("path", path))),
    st.tuples(st.just("REMOVE"), st.sampled_from(["n", "g", "h", "l", "none", "ss"])),
    st.tuples(st.just("ADD"), st.sampled_from(["n", "h", "none"]), small_numbers),
    st.tuples(st.sampled_from(["ADD", "DELETE"]), st.just("ss"), text_sets),
)
_wild_actions = st.one_of(
    st.tuples(st.just("REMOVE"), st.sampled_from(["m.x", "l[0]", "l[1]"])),
    st.tuples(st.just("SET"), paths, operands),
    st.tuples(st.just("SET"), paths, st.tuples(st.sampled_from(["+", "-"]), operands, operands)),
    st.tuples(st.just("SET"), paths, st.tuples(st.just("list_append"), operands, operands)),
    st.tuples(st.just("REMOVE"), paths),
    st.tuples(st.sampled_from(["ADD", "DELETE"]), paths, values),
)


def _head(action: Tree) -> str:
    path: str = action[1]
    return path.partition(".")[0].partition("[")[0]


def updates(*, wild: bool) -> st.SearchStrategy[list[Tree]]:
    """Lists of an update's actions that make sense; if `wild`, also such as can't."""
    sensible = st.lists(_likely_actions, min_size=1, max_size=3, unique_by=_head)
    if not wild:
        return sensible
    return st.one_of(
        sensible,
        st.lists(_likely_actions, min_size=1, max_size=3),
        st.lists(st.one_of(_likely_actions, _wild_actions), min_size=1, max_size=3),
    )


class Written:
    """Writes trees out, and gathers what their placeholders stand for."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Value] = {}

    def params(self) -> dict[str, Any]:
        """The parameters that give the placeholders."""
        return {
            **({"ExpressionAttributeNames": self.names} if self.names else {}),
            **({"ExpressionAttributeValues": self.values} if self.values else {}),
        }

    def path(self, path: str) -> str:
        """A path by placeholders."""
        parts = []
        for part in path.split("."):
            name, bracket, rest = part.partition("[")
            self.names[f"#{name}"] = name
            parts.append(f"#{name}{bracket}{rest}")
        return ".".join(parts)

    def value(self, value: Value) -> str:
        """A value by a placeholder."""
        name = f":v{len(self.values)}"
        self.values[name] = value
        return name

    def operand(self, tree: Tree) -> str:
        """An operand of a condition or an update."""
        match tree:
            case ("path", path):
                return self.path(path)
            case ("value", value):
                return self.value(value)
            case ("if_not_exists", path, operand):
                return f"if_not_exists({self.path(path)}, {self.operand(operand)})"
            case ("list_append", left, right):
                return f"list_append({self.operand(left)}, {self.operand(right)})"
            case (sign, left, right):
                return f"{self.operand(left)} {sign} {self.operand(right)}"
        raise TypeError(tree)

    def condition(self, tree: Tree) -> str:  # noqa: PLR0911 - one for each kind
        """A condition."""
        match tree:
            case ("and" | "or" as word, left, right):
                return f"({self.condition(left)}) {word.upper()} ({self.condition(right)})"
            case ("not", inner):
                return f"NOT ({self.condition(inner)})"
            case ("compare", operator, left, right):
                return f"{self.operand(left)} {operator} {self.operand(right)}"
            case ("attribute_exists" | "attribute_not_exists" as function, path):
                return f"{function}({self.path(path)})"
            case ("attribute_type", path, kind):
                return f"attribute_type({self.path(path)}, {self.value({'S': kind})})"
            case ("begins_with" | "contains" as function, path, operand):
                return f"{function}({self.path(path)}, {self.operand(operand)})"
            case ("size", path, operator, value):
                return f"size({self.path(path)}) {operator} {self.value(value)}"
            case ("between", path, low, high):
                return f"{self.path(path)} BETWEEN {self.value(low)} AND {self.value(high)}"
            case ("in", path, operands):
                return f"{self.path(path)} IN ({', '.join(map(self.operand, operands))})"
        raise TypeError(tree)

    def update(self, actions: list[Tree]) -> str:
        """An update."""
        sections: dict[str, list[str]] = {}
        for section, path, *value in actions:
            text = self.path(path)
            if section == "SET":
                text += f" = {self.operand(value[0])}"
            elif section != "REMOVE":
                text += f" {self.value(value[0])}"
            sections.setdefault(section, []).append(text)
        return " ".join(f"{section} {', '.join(texts)}" for section, texts in sections.items())
