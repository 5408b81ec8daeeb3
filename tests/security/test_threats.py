"""docs/security.md is kept: every threat has what prevents it, and a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = (ROOT / "docs" / "security.md").read_text("utf-8")
ROWS = [
    tuple(cell.strip() for cell in line.strip().strip("|").split(" | "))
    for line in re.findall(r"(?:^\|.*\n)+", DOCUMENT, re.MULTILINE)
    if line.startswith("| threat |")
    for line in line.splitlines()[2:]
]
NAMED = re.compile(r"`(tests/[a-z_/0-9]+\.py)(?:::(test_[a-z_0-9]+))?`")


def test_there_are_threats() -> None:
    assert len(ROWS) > 40


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:50])
def test_a_threat_has_an_answer_and_tests_that_exist(row: tuple[str, ...]) -> None:
    threat, answer, shown = row
    assert threat
    assert answer
    named = NAMED.findall(shown)
    assert named, "no test shows it"
    assert NAMED.sub("", shown).strip(", ") == "", "there is more than tests"
    for file, test in named:
        text = (ROOT / file).read_text("utf-8")
        assert re.search(rf"^def {test}\(" if test else r"^def test_", text, re.MULTILINE), test


def test_no_file_of_these_tests_stands_for_nothing() -> None:
    files = {f"tests/security/{path.name}" for path in Path(__file__).parent.glob("test_*.py")}
    assert files == {file for file, _ in NAMED.findall(DOCUMENT) if "/security/" in file}


@pytest.mark.parametrize(
    "word",
    ["issuer", "audience", "`none`", "HS256", "expired", "rotation", "storm", "organization",
     "old event", "replay", "oversized", "depth", "headers", "log", "SSRF", "logo", "tricks in ids",
     "mass assignment", "constant time", "flood", "schemathesis"],
)  # fmt: skip
def test_what_was_to_be_thought_of_is_there(word: str) -> None:
    assert word.lower() in DOCUMENT.lower()


def test_every_deployed_package_is_pinned_with_its_hash() -> None:
    text = (ROOT / "requirements.txt").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    assert len(lines) > 15
    for line in lines:
        assert re.match(r"[a-z0-9][a-z0-9._-]*==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line
