"""Which mutants the type checker refuses: `make check` would never let them in."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_ERROR = re.compile(r"(?P<path>[^:]+):(?P<line>\d+): error: ")


def refused_by_types(names: Iterable[str], root: Path, target: Path) -> set[str]:
    """Those of the mutants below `target` that mypy finds a fault in."""
    wanted = set(names)
    paths = {str(Path(*name.split(".")[:-1]).with_suffix(".py")) for name in wanted}
    if not paths:
        return set()
    said = subprocess.run(
        (
            *(sys.executable, "-m", "mypy", "--config-file", str(root / "pyproject.toml")),
            # The switches that mutmut writes are none of our concern, nor is what is unreachable.
            *("--no-warn-unreachable", "--no-warn-unused-ignores", "--follow-imports=silent"),
            *("--no-error-summary", "--cache-dir", str(target / ".mypy_cache")),
            *sorted(paths),
        ),
        cwd=target,
        capture_output=True,
        text=True,
        check=False,
    )
    if said.stderr:
        sys.exit(said.stderr)
    mutants = {path: list(_functions(target / path)) for path in paths}
    found = set()
    for line in said.stdout.splitlines():
        error = _ERROR.match(line)
        for first, last, name in mutants.get(error["path"], ()) if error else ():
            if error and first <= int(error["line"]) <= last:
                found.add(_module(error["path"]) + "." + name)
    return found & wanted


def _functions(path: Path) -> Iterator[tuple[int, int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            yield node.lineno, node.end_lineno or node.lineno, node.name


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")
