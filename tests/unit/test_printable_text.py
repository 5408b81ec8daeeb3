from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.printable_text import ELLIPSIS, FontCoverage, clipped, harmless
from tests.documents.samples import TEMPLATES

COVERAGE = FontCoverage.load(TEMPLATES / "fonts" / "coverage.json")

#: Any text at all, lone surrogates included, and more of what does harm than chance would give.
HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cs"]),
        st.characters(categories=["Mn", "Me", "Mc"]),
        st.characters(categories=["Cf", "Cc", "Zl", "Zp"]),
        st.sampled_from("#$*_`@<>&\\\"'[]{}()~-/=%"),
    )
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Müller & Söhne", "Müller & Söhne"),
        ("  two\t spaces\r\nand\u2028lines\u00a0 ", "two spaces and lines"),
        ("bell\x07, null\x00, delete\x7f, next\x85line", "bell, null, delete, next line"),
        ("\u202egnp.exe\u202c \u2066isolate\u2069 \u200fmark", "gnp.exe isolate mark"),
        ("lone \ud800 surrogate, \ufffe and \uffff", "lone surrogate, and"),
        ("private \ue000 use \U000f0000", "private use"),
        ("so\u00adft hy\u200bphen\ufeff", "soft hyphen"),
        ("tag \U000e0041\U000e007f", "tag"),
        ("e\u0301", "é"),
        ("heart \u2764\ufe0f", "heart \u2764"),
        ("👩\u200d💻", "👩💻"),
        ("می\u200cخورد", "می\u200cخورد"),
        ("x\u200cy", "xy"),
        ("\u200c\u200d", ""),
        ("Z" + "\u0318" * 50 + "algo", "Z" + "\u0318" * 4 + "algo"),
        ("", ""),
    ],
)
def test_text_is_made_harmless(text: str, expected: str) -> None:
    assert harmless(text) == expected


@given(HOSTILE)
def test_harmless_text_has_nothing_that_is_not_drawn_and_stays_as_it_is(text: str) -> None:
    cleaned = harmless(text)
    assert not any(unicodedata.category(char) in {"Cc", "Cs", "Co", "Cn"} for char in cleaned)
    assert not set(cleaned) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200f")
    assert harmless(cleaned) == cleaned
    cleaned.encode()


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long" + ELLIPSIS),
        ("two words", 5, "two" + ELLIPSIS),
        ("क" + "ि" * 4, 3, ELLIPSIS),
        ("", 1, ""),
    ],
)
def test_long_text_is_clipped_between_letters_and_says_so(
    text: str, length: int, expected: str
) -> None:
    assert clipped(text, length) == expected


@given(st.text(), st.integers(1, 50))
def test_clipped_text_is_never_too_long(text: str, length: int) -> None:
    assert len(clipped(text, length)) <= length


@pytest.mark.parametrize(
    "name",
    [
        "Þórður Łukasz Nguyễn",
        "Ελληνική Εταιρεία",
        "Щёлковские Їжак",
        "شركة الخليج",
        "深圳市云帆智能科技",
        "臺灣積體電路製造",
        "株式会社さくらテクノロジーズ 髙﨑𠮷野",
        "주식회사 한빛",
        "טכנולוגיות",
        "भारतीय",
        "บริษัท",
        "🔥🌭",
    ],
)
def test_the_fonts_have_the_worlds_names(name: str) -> None:
    assert COVERAGE.drawable(name) == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ꯃꯇ", "\ufffd\ufffd"),  # Meitei Mayek, for which there is no font
        ("A\U0001d165B", "AB"),  # a mark that no font has together with its letter
        ("\u0301", ""),  # a mark without a letter
    ],
)
def test_what_no_font_has_is_replaced(text: str, expected: str) -> None:
    assert COVERAGE.drawable(text) == expected


def test_a_font_without_the_mark_does_not_draw_the_letter_with_it() -> None:
    coverage = FontCoverage({"one": [(65, 65), (0x301, 0x301)], "two": [(66, 66)]})
    assert coverage.drawable("A\u0301B\u0301C") == "A\u0301B\ufffd"
