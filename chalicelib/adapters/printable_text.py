"""What of a person's text goes onto a document: harmless, of bearable length, and drawable.

Names come from the whole world and from attackers. Nothing here refuses: whatever comes in, some
text comes out that neither breaks a document nor changes how the rest of it reads.
"""

from __future__ import annotations

import json
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

REPLACEMENT: Final = "\ufffd"
ELLIPSIS: Final = "…"
_JOINERS: Final = {"\u200c", "\u200d"}

#: Nobody's name stacks more marks on one letter; only text that means to run over others does.
_MAX_MARKS: Final = 4

#: Categories that are never drawn: controls, formats (bidi overrides and isolates among them),
#: surrogates, private use and unassigned.
_UNDRAWABLE: Final = {"Cc", "Cf", "Cs", "Co", "Cn"}


def harmless(text: str) -> str:
    """The text on one line, composed (NFC), without anything invisible or unassigned.

    Controls, bidi overrides, variation selectors, lone surrogates, private use and noncharacters
    go; joiners stay only inside words of scripts that are written with them. Any XML or HTML
    document can hold what is left.
    """
    kept: list[str] = []
    marks = 0
    source = unicodedata.normalize("NFC", text)
    for index, char in enumerate(source):
        if char in _JOINERS:
            following = source[index + 1 : index + 2]
            if kept and _joins(kept[-1]) and _joins(following):
                kept.append(char)
            continue
        if char.isspace():
            kept.append(" ")
            marks = 0
        elif _is_mark(char):
            marks += 1
            if marks <= _MAX_MARKS and not _is_variation_selector(char):
                kept.append(char)
        elif unicodedata.category(char) not in _UNDRAWABLE:
            kept.append(char)
            marks = 0
    return " ".join("".join(kept).split())


def clipped(text: str, length: int) -> str:
    """The text, cut to `length` characters at most; an ellipsis says that something is missing."""
    if len(text) <= length:
        return text
    end = length - 1
    while end > 0 and _is_mark(text[end]):
        end -= 1
    return text[:end].rstrip() + ELLIPSIS


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")


def _is_variation_selector(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


def _joins(char: str) -> bool:
    """Whether a joiner beside this letter changes how a word is written: Arabic and Indic."""
    return "\u0600" <= char <= "\u08ff" or "\u0900" <= char <= "\u0dff"


class FontCoverage:
    """Which of the shipped fonts can draw which character."""

    def __init__(self, runs_by_font: Mapping[str, Sequence[tuple[int, int]]]) -> None:
        self._fonts = [
            ([first for first, _ in runs], [last for _, last in runs])
            for runs in runs_by_font.values()
        ]
        self._replacement_fonts = self._fonts_with(REPLACEMENT)

    @classmethod
    def load(cls, path: Path) -> FontCoverage:
        """Read the file that `scripts/build-fonts` writes beside the fonts."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def drawable(self, text: str) -> str:
        """The text with U+FFFD for each character that no font has.

        A mark must be in one font together with its letter, or it goes: the two are drawn as one.
        """
        drawn: list[str] = []
        shared_fonts = 0
        for char in text:
            fonts = self._fonts_with(char)
            if _is_mark(char) or char in _JOINERS:
                if shared_fonts & fonts:
                    drawn.append(char)
                    shared_fonts &= fonts
            elif fonts:
                drawn.append(char)
                shared_fonts = fonts
            else:
                drawn.append(REPLACEMENT)
                shared_fonts = self._replacement_fonts
        return "".join(drawn)

    def _fonts_with(self, char: str) -> int:
        """A bit for each font that has the character."""
        code = ord(char)
        bits = 0
        for index, (firsts, lasts) in enumerate(self._fonts):
            run = bisect_right(firsts, code) - 1
            if run >= 0 and code <= lasts[run]:
                bits |= 1 << index
        return bits
