"""What strangers write stays what it is: in headers, logs, tables, pages, documents and mails.

Markup in invoices is tried in tests/documents/test_hostile_names.py and test_html.py, formulas in
tests/unit/test_csv_text.py, the page's policy in tests/browser/test_page_serving.py.
"""

from __future__ import annotations

import io
import json
import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chalice.app import SQSRecord

from app import logger as app_logger
from chalicelib.adapters.page_renderer import PageRenderer
from chalicelib.api.page import _base
from chalicelib.config import TEMPLATES
from chalicelib.workers.usage import apply_reports
from devstack.emulator import Emulator
from tests.functional.api import Api, running_api
from tests.security.routes import GUARDED, ROUTES, Organization, send

HOSTILE = 'x\r\nSet-Cookie: a=1\n{"level": "INFO", "message": "all is well"}\x1b[2J\x1b[31m\u2028'


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> Iterator[Api]:
    with running_api(emulator) as running:
        yield running


@pytest.fixture(scope="module")
def own(api: Api) -> Organization:
    return Organization.seeded(api, "injected")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the application logs from here on, which on Lambda goes to CloudWatch line by line."""
    written = io.StringIO()
    for handler in app_logger._logger.handlers:
        monkeypatch.setattr(handler, "stream", written)
    return written


def require_lines_of_json(log: io.StringIO) -> list[dict[str, Any]]:
    # CloudWatch, as Lambda hands over to it, ends lines at line feeds alone.
    lines = log.getvalue().rstrip("\n").split("\n")
    assert lines
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", log.getvalue()), "control characters"
    return [json.loads(line) for line in lines]


# Logs.


def test_a_failure_that_repeats_what_was_sent_is_one_line_of_the_log(
    api: Api, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(HOSTILE)

    monkeypatch.setattr(api.services.ledger, "account", broken)
    token = api.token("acme", "credits:read")
    answer = api.call("GET", "acme/credits", token=token, headers={"X-Name": HOSTILE[:1]})
    assert answer.status == 500
    failures = [line for line in require_lines_of_json(log) if line["level"] == "ERROR"]
    assert len(failures) == 1
    assert "all is well" in str(failures[0]["exception"])
    assert token not in log.getvalue(), "nobody who reads the log can call with it"
    assert api.stripe.api_key not in log.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({HOSTILE: 1}),
        json.dumps({"version": 1, "report_id": HOSTILE, "organization_id": HOSTILE}),
        HOSTILE.replace("\x1b", ""),  # SQS itself takes no other control characters
        '{"\\u001b[31m\\r\\n": ' + "[" * 50_000,
        json.dumps({"lines": [{"kind": "model", "provider": HOSTILE, "model": HOSTILE}]}),
    ],
    ids=lambda body: ascii(body)[:30],
)
def test_a_report_that_is_set_aside_is_one_line_of_the_log(
    api: Api, log: io.StringIO, body: str
) -> None:
    record = SQSRecord(
        {"body": body, "receiptHandle": "r", "attributes": {"ApproximateReceiveCount": "1"}}, None
    )
    assert apply_reports([record], seconds_left=lambda: 60.0) == []
    (said,) = require_lines_of_json(log)
    assert said["message"] == "A usage report was set aside"
    assert len(log.getvalue()) < 5000


# Headers.


@pytest.mark.parametrize(
    "key", ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\x00b", "a\u2028b", "\r\n\r\n<html>"]
)
def test_a_key_with_a_line_break_is_refused(api: Api, own: Organization, key: str) -> None:
    for route in (route for route in GUARDED if route.takes("idempotency_key")):
        answer = send(api, route, api.token(own.id, route.scopes[0]), ids=own.ids, key=key)
        assert (answer.status, answer.code) == (400, "invalid_request")
        assert "X-Injected" not in answer.headers


def test_no_header_of_an_answer_repeats_what_was_sent(api: Api, own: Organization) -> None:
    marker = "zqxj7"
    for route in GUARDED:
        token = api.token(own.id, route.scopes[0])
        answer = send(api, route, token, ids=own.ids, key=marker)
        assert marker not in str(dict(answer.headers)), route.name


def test_the_names_of_files_are_made_here(api: Api, own: Organization) -> None:
    """`Content-Disposition` has an organization's id, whose letters are known, or a number."""
    reader = api.token(own.id, "credits:read")
    saved = {}
    for route in GUARDED:
        if route.name in {"get_invoice", "get_document", "get_invoices_archive"}:
            link = send(api, route, reader, ids=own.ids).headers["Location"]
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)
            saved[route.name] = query["response-content-disposition"][0]
        if route.name == "download_transactions":
            answer = send(api, route, reader, ids=own.ids)
            saved[route.name] = answer.headers["Content-Disposition"]
    assert len(saved) == 4
    for name, value in saved.items():
        assert re.fullmatch(r'attachment; filename="[A-Za-z0-9._-]+"', value), name


def test_an_answer_leads_nowhere_but_to_the_own_documents(api: Api, own: Organization) -> None:
    """There is no open redirect: where a link leads is never said by who asks."""
    reader = api.token(own.id, "credits:read")
    bucket = api.services.settings.documents_bucket
    for route in GUARDED:
        if "302" not in route.operation["responses"]:
            continue
        headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
        link = send(api, route, reader, ids=own.ids).headers["Location"]
        assert bucket in link.partition("?")[0]
        path = route.path
        for name, value in own.ids.items():
            path = path.replace(f"{{{name}}}", value)
        for parameter in ("redirect", "redirect_uri", "return_to", "next", "url"):
            query = {parameter: "https://evil.example/", "month": "2026-01"}
            answer = api.call("GET", f"/{path}", token=reader, query=query, headers=headers)
            assert answer.status == 400
            assert b"evil.example" not in answer.body


def test_no_other_site_may_read_an_answer(api: Api, own: Organization) -> None:
    for route in ROUTES:
        if route.name in {"get_static_file", "receive_stripe_event"}:
            continue
        path = route.path
        for name, value in own.ids.items():
            path = path.replace(f"{{{name}}}", value)
        answer = api.call(
            route.method,
            f"/{path}",
            token=api.token(own.id, "credits:read"),
            headers={"Origin": "https://evil.example"},
        )
        assert not any(name.lower().startswith("access-control") for name in answer.headers)
        assert "Set-Cookie" not in answer.headers, "there is nothing that a browser sends by itself"


# The page.


def test_a_setting_can_not_leave_the_pages_script() -> None:
    evil = "</script><script>alert(1)</script><!--"
    html = PageRenderer(TEMPLATES).render(base="/", page={"login": {"client_id": evil}})
    assert "<script>alert" not in html
    (text,) = re.findall(r'<script type="application/json" id="settings">(.*?)</script>', html)
    assert json.loads(text)["login"]["client_id"] == evil


@pytest.mark.parametrize(
    "path",
    ['/live"><script>alert(1)</script>', "//evil.example/", "/a b/", "/%22/", "/\n", "/a//b",
     "javascript:alert(1)", "\\\\evil.example", "/live?x", "/ä/"],
)  # fmt: skip
def test_a_path_can_not_lead_the_page_elsewhere(path: str) -> None:
    class Asked:
        context = {"path": path}  # noqa: RUF012 - never changed

    assert _base(Asked()) == "/"  # type: ignore[arg-type]


def test_the_page_and_its_files_can_not_be_framed_or_sniffed(api: Api) -> None:
    version = api.services.page.version
    for path in ("//", f"//static/{version}/main.js", f"//static/{version}/icon.svg"):
        headers = api.call("GET", path).headers
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Strict-Transport-Security"].startswith("max-age=")
    assert "frame-ancestors 'none'" in api.call("GET", "//").headers["Content-Security-Policy"]


SCRIPTS = sorted((TEMPLATES / "static").glob("*.js"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_of_the_page_makes_markup_or_code_of_text(script: Path) -> None:
    text = script.read_text("utf-8")
    sinks = (
        r"\b(inner|outer)HTML\b|insertAdjacentHTML|document\.write|\beval\(|new Function\b|srcdoc"
        r"|setAttribute\(\s*[\"']on|javascript:|DOMParser|createContextualFragment"
        r"|setTimeout\(\s*[\"']"
    )
    assert re.findall(sinks, text) == []


def test_signing_in_leaves_only_for_the_provider_and_comes_back_to_the_page_alone() -> None:
    """The return address is the page's own, never one that a link could name."""
    leaving = {
        script.name: re.findall(r"location\.(?:assign|replace|href)\b.*", script.read_text("utf-8"))
        for script in SCRIPTS
    }
    assert leaving.pop("session.js") == ["location.assign(url);"]
    session = (TEMPLATES / "static" / "session.js").read_text("utf-8")
    assert "new URL(login.authorization_url)" in session
    assert "redirect: pageAddress()" in session
    assert "${window.location.origin}${window.location.pathname}" in session
