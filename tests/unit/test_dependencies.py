"""Every package that is asked for has its reason in docs/dependencies.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
REASONS = (ROOT / "docs" / "dependencies.md").read_text("utf-8")


def requested(file: str) -> list[str]:
    lines = (ROOT / file).read_text("utf-8").splitlines()
    names = (re.match(r"[A-Za-z0-9][A-Za-z0-9_.-]*", line) for line in lines)
    return [name[0] for name in names if name]


@pytest.mark.parametrize("name", requested("requirements.in") + requested("requirements-dev.in"))
def test_a_dependency_has_its_reason(name: str) -> None:
    assert f"`{name}`" in REASONS or name.startswith("types-"), f"say why {name} is needed"
