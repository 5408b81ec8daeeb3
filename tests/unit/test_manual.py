"""What the operator's manual says can be done: its commands, its figures, its make targets."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

import pytest

from chalicelib.cli.main import PROGRAM, commands, parser
from devstack.settings import CHECKOUT
from tests.support import manual

TEXT = manual.MANUAL.read_text("utf-8")
#: Other documents that tell operators what to type.
OTHERS = [
    path
    for path in sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")])
    if path != manual.MANUAL
]


def read(words: Sequence[str]) -> argparse.Namespace:
    """The command line as the commands read it, a variable of the shell for any table."""
    filled = ["accounts" if word == "$TABLE" else word for word in words]
    return parser().parse_args(filled)


@pytest.mark.parametrize("words", manual.commands(TEXT), ids=" ".join)
def test_every_command_of_the_manual_can_be_read(words: Sequence[str]) -> None:
    assert read(words).command == words[0]


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.name)
def test_every_command_has_examples_that_can_be_read(command: object) -> None:
    examples = manual.commands(
        "\n".join(
            ["```sh", *(f"{PROGRAM} {example}" for example in command.examples), "```"]  # type: ignore[attr-defined]
        )
    )
    assert examples
    for words in examples:
        assert read(words).command == command.name  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.name)
def test_every_command_that_writes_has_a_dry_run_and_asks(command: object) -> None:
    required = {"writes": command.writes}  # type: ignore[attr-defined]
    text = _help_of(command.name)  # type: ignore[attr-defined]
    for option in ("--dry-run", "--yes"):
        assert (option in text) is required["writes"]
    assert "examples:" in text
    assert "--json" in text
    assert "--stack" in text


def test_the_manual_speaks_of_every_command() -> None:
    named = {words[0] for words in manual.commands(TEXT)}
    assert {command.name for command in commands()} - named == set()


@pytest.mark.parametrize("document", OTHERS, ids=lambda path: path.name)
def test_commands_named_elsewhere_exist(document: object) -> None:
    names = {command.name for command in commands()}
    for name in re.findall(rf"{PROGRAM} ([a-z-]+)", document.read_text("utf-8")):  # type: ignore[attr-defined]
        assert name in names, f"{document} names {name}"


def test_the_costs_are_those_of_the_benchmarks() -> None:
    measured = (CHECKOUT / "docs" / "benchmarks.md").read_text("utf-8")
    table = measured.partition("## US dollars for a million model calls")[2].partition("\n## ")[0]
    together = {
        cells[0]: cells[-1]
        for row in table.splitlines()
        if row.startswith("|") and len(cells := [c.strip() for c in row.strip("|").split("|")]) > 1
    }
    rows = re.findall(
        r"^\| ([^|]+) \| ([0-9.]+) \| ([0-9.]+) \|$", manual.section("Costs"), re.MULTILINE
    )
    assert len(rows) == 6
    for path, million, ten_millions in rows:
        assert together[path] == million, path
        assert float(ten_millions) == pytest.approx(10 * float(million)), path


def _help_of(name: str) -> str:
    actions = parser()._subparsers
    assert actions is not None
    (below,) = actions._group_actions
    one: argparse.ArgumentParser = below.choices[name]  # type: ignore[index]
    return one.format_help()
