"""docs/events.md against what is published and mailed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from chalicelib.adapters.ses_mail import MailTemplates
from chalicelib.config import TEMPLATES
from chalicelib.domain.notices import Notice, NoticeKind
from chalicelib.usecases.noticing import MAILED
from tests.unit.event_examples import examples

_DOCUMENT = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
_SECTION = re.compile(
    r"^## `(?P<kind>[a-z_.]+)`(?P<mark> ✉)?\n(?P<words>.*?)```json\n(?P<example>.*?)```",
    re.M | re.S,
)
_TEMPLATES = MailTemplates(TEMPLATES, seller="Gateway Ltd", page_url="https://credits.example/")


def test_every_example_in_the_document_is_what_is_published() -> None:
    written = [json.loads(section["example"]) for section in _SECTION.finditer(_DOCUMENT)]
    published = [json.loads(json.dumps(notice.content)) for notice in examples()]
    assert written == published


def test_the_document_tells_of_every_kind_once_and_marks_those_that_are_mailed() -> None:
    sections = list(_SECTION.finditer(_DOCUMENT))
    assert sorted(section["kind"] for section in sections) == sorted(k.value for k in NoticeKind)
    marked = {section["kind"] for section in sections if section["mark"]}
    assert marked == {kind.value for kind in MAILED}


@pytest.mark.parametrize(
    "notice", [n for n in examples() if n.kind in MAILED], ids=lambda n: n.kind.value
)
def test_a_mail_says_what_the_notice_says_in_text_and_in_html(notice: Notice) -> None:
    subject, text, html = _TEMPLATES.render(notice, name="Acme & Söhne")
    amount = notice.data.get("credits") or notice.data.get("amount") or notice.data.get("available")
    if amount is not None:
        assert str(amount) in text
        assert str(amount) in html
    assert subject
    assert "\n" not in subject
    assert f"<title>{subject}</title>" in html
    assert "Hello Acme & Söhne," in text
    assert "Hello Acme &amp; Söhne," in html
    assert "https://credits.example/" in text
    assert '"acme"' in text
    assert "{" not in text
    assert "\n\n\n" not in text


def test_a_hostile_name_stays_text_in_the_mail() -> None:
    failed = next(n for n in examples() if n.kind is NoticeKind.TOP_UP_FAILED)
    subject, _, html = _TEMPLATES.render(failed, name="<script>alert(1)</script>\r\nBcc: x@y.z")
    assert "<script>" not in html
    assert "Bcc" not in subject


def test_there_is_a_template_of_each_form_for_every_mailed_kind_and_no_other() -> None:
    folder = TEMPLATES / "mail"
    expected = {f"{kind.value}.{form}" for kind in MAILED for form in ("txt", "html")}
    assert {path.name for path in folder.iterdir()} - {"layout.txt", "layout.html"} == expected
