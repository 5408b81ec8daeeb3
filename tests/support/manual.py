"""The operator's manual as tests read it: the commands of its code blocks, by section."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from devstack.settings import CHECKOUT

MANUAL = CHECKOUT / "docs" / "operating.md"
COMMAND = "python -m chalicelib.cli "


def section(title: str) -> str:
    """The text below a heading, without that of the next of its rank or above."""
    text = MANUAL.read_text("utf-8")
    found = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    if found is None:
        raise LookupError(f"the manual has no section {title!r}")
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def commands(text: str) -> Sequence[Sequence[str]]:
    """The arguments of every operator's command in the text's code blocks, in their order."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    found = [line.partition(COMMAND)[2].partition(" | ")[0] for line in lines if COMMAND in line]
    return [shlex.split(line) for line in found]


def here(command: Sequence[str]) -> list[str]:
    """The command for the installation that the environment names, confirmed if it writes."""
    words = list(command)
    if "--stack" in words:
        at = words.index("--stack")
        del words[at : at + 2]
    return words
