"""Makes the mutants: a copy of the package in which each function carries its changed versions.

mutmut makes the changes and the switch that chooses one while tests run. What differs from its own
run: properties are changed too, since rules about money are written as such; and what no test
should hold is left out (`_is_noise`).
"""

from __future__ import annotations

import difflib
import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import libcst as cst
from mutmut.mutation.file_mutation import (
    Mutation,
    combine_mutations_to_source,
    create_mutations,
)

PACKAGE = "chalicelib"
LAYERS = ("domain", "usecases")
#: How mutmut names the versions of a function.
_ORIGINAL, _MUTANT = "__mutmut_orig", "__mutmut_"
#: What a property's function is called while it is an ordinary method.
_GETTER = "get_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One changed function: `name` switches it on, `function` is what tests reach it by."""

    name: str
    function: str
    was: str
    becomes: str

    @property
    def readable(self) -> str:
        """The name of its function as it is in the code."""
        module, _, mangled = self.function.rpartition(".")
        words = mangled.removeprefix("x_").removeprefix("xǁ").split("ǁ")
        return ".".join((module, *words[:-1], words[-1].removeprefix(_GETTER)))

    @property
    def label(self) -> str:
        """What it is called in the list: it outlives changes elsewhere in its function."""
        return f"{self.readable}: {self.was} -> {self.becomes}"


def make_mutants(root: Path, target: Path) -> list[Mutant]:
    """A package below `target` with all mutants, made anew where the source has changed."""
    target.mkdir(parents=True, exist_ok=True)
    found: list[Mutant] = []
    for source in sorted((root / PACKAGE).rglob("*.py")):
        path = source.relative_to(root)
        made = target / path
        made.parent.mkdir(parents=True, exist_ok=True)
        if path.parts[1] in LAYERS:
            found.extend(_made(source.read_text(), path, made))
        else:
            shutil.copyfile(source, made)
    for name in ("templates", "vendor"):
        link = target / name
        if not link.is_symlink():
            link.symlink_to(root / name)
    return found


def _made(code: str, path: Path, made: Path) -> list[Mutant]:
    """The mutants of one module, remembered beside it as long as nothing has changed."""
    digest = hashlib.sha256(code.encode() + Path(__file__).read_bytes()).hexdigest()
    memory = made.with_suffix(".json")
    if memory.exists():
        known = json.loads(memory.read_text())
        if known["digest"] == digest:
            return [Mutant(**each) for each in known["mutants"]]
    module, mutations, classes, functions = create_mutations(str(path), _opened(code))
    casts = _Casts()
    module.visit(casts)
    kept = [m for m in mutations if not _is_noise(m) and id(m.original_node) not in casts.types]
    file = combine_mutations_to_source(module, kept, classes, functions)
    name = ".".join(path.with_suffix("").parts)
    mutants = _described(file.code, file.mutant_names, file.line_span_by_function_name, name)
    made.write_text(file.code)
    memory.write_text(json.dumps({"digest": digest, "mutants": [asdict(each) for each in mutants]}))
    return mutants


class _Opener(cst.CSTTransformer):
    """Writes a property as a method and `name = property(method)`, which mutmut can change."""

    def leave_FunctionDef(  # noqa: N802 - libcst's name
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef | cst.FlattenSentinel[cst.BaseStatement]:
        match updated_node.decorators:
            case [cst.Decorator(decorator=cst.Name("property"))]:
                name = updated_node.name.value
                method = updated_node.with_changes(decorators=[], name=cst.Name(_GETTER + name))
                line = cst.parse_statement(f"{name} = property({_GETTER}{name})\n")
                return cst.FlattenSentinel([method, line])
            case _:
                return updated_node


class _Casts(cst.CSTVisitor):
    """Finds the types that `cast` is told."""

    def __init__(self) -> None:
        super().__init__()
        self.types: set[int] = set()

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802 - libcst's name
        if isinstance(node.func, cst.Name) and node.func.value == "cast":
            self.types.add(id(node.args[0].value))


def _opened(code: str) -> str:
    return cst.parse_module(code).visit(_Opener()).code


def _is_noise(mutation: Mutation) -> bool:
    """Whether the change is one that no test should hold.

    A string is changed once (mutmut would also write it in capitals); sentences for people are
    left alone, in refusals even their absence; and what `cast` is told means nothing at run time.
    """
    was, becomes = mutation.original_node, mutation.mutated_node
    if isinstance(was, cst.SimpleString) and isinstance(becomes, cst.SimpleString):
        return "XX" not in becomes.value or _is_prose(was)
    if isinstance(was, cst.Call) and isinstance(becomes, cst.Call):
        changed = [arg for arg in was.args if not any(arg is kept for kept in becomes.args)]
        match was.func:
            case cst.Name("cast"):
                return bool(changed) and changed[0] is was.args[0]
            case cst.Name(value) if value.endswith("Error"):
                return any(_is_prose(arg.value) for arg in changed)
    return False


def _is_prose(node: cst.BaseExpression) -> bool:
    match node:
        case cst.SimpleString(value):
            return " " in value
        case cst.FormattedString(parts):
            return any(
                isinstance(part, cst.FormattedStringText) and " " in part.value for part in parts
            )
        case cst.ConcatenatedString():
            return True
        case _:
            return False


def _described(
    code: str, names: Sequence[str], spans: Mapping[str, object], module: str
) -> list[Mutant]:
    functions = {
        node.name.value: cst.Module([node]).code.strip().splitlines()
        for node in _functions(cst.parse_module(code))
    }
    found = []
    for name in names:
        function = name.partition(_MUTANT)[0]
        original = [line.replace(_ORIGINAL, "") for line in functions[function + _ORIGINAL]]
        number = _MUTANT + name.rpartition(_MUTANT)[2]
        changed = [line.replace(number, "") for line in functions[name]]
        lines = [line for line in difflib.ndiff(original, changed) if line[0] in "-+"]
        was, becomes = (
            " ".join(line[2:].strip() for line in lines if line[0] == sign) for sign in "-+"
        )
        found.append(
            Mutant(
                name=f"{module}.{name}", function=f"{module}.{function}", was=was, becomes=becomes
            )
        )
    return found


def _functions(module: cst.Module) -> list[cst.FunctionDef]:
    found = []
    for node in module.body:
        if isinstance(node, cst.FunctionDef):
            found.append(node)
        if isinstance(node, cst.ClassDef):
            found.extend(each for each in node.body.body if isinstance(each, cst.FunctionDef))
    return found
