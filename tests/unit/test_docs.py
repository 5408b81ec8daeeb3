"""What the documents point to exists, and every make target that they name does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
)
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_make_targets_exist(document: Path) -> None:
    for target in re.findall(r"`make(?: -s)? ([a-z0-9-]+)", document.read_text("utf-8")):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), f"there is no make {target}"


def test_the_readme_names_tests_that_exist() -> None:
    for path in re.findall(r"`(tests/[a-z_/.]+)`", (ROOT / "README.md").read_text("utf-8")):
        assert (ROOT / path).exists(), path
