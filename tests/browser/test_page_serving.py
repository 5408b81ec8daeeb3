"""How the page is served: its policy, its caching, its size, and what isn't served."""

from __future__ import annotations

import gzip
import re

import requests

from devstack.stack import Stack

LIMIT_BYTES = 100 * 1024


def get(stack: Stack, path: str, **headers: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{stack.url}{path}", headers=headers, timeout=30)


def addresses(html: str) -> set[str]:
    return set(re.findall(r'(?:href|src)="(/static/[^"]+)"', html))


def test_the_policy_allows_itself_and_stripe_and_nothing_inline(stack: Stack) -> None:
    policy = get(stack, "/").headers["Content-Security-Policy"]
    directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["style-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"
    stripe = stack.addresses.stripe
    assert directives["script-src"] == f"'self' {stripe}"
    assert directives["frame-src"] == stripe
    assert "unsafe" not in policy
    assert "*" not in policy


def test_the_page_has_no_inline_script_and_no_inline_style(stack: Stack) -> None:
    html = get(stack, "/").text
    assert re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", html) == []
    assert "<style" not in html
    assert re.findall(r"\s(?:style|on[a-z]+)=", html) == []


def test_all_that_is_loaded_is_under_100_kb_compressed(stack: Stack) -> None:
    html = get(stack, "/").text
    files = addresses(html)
    assert any(name.endswith("main.js") for name in files)
    bodies = [html, *(get(stack, name).text for name in files)]
    assert sum(len(gzip.compress(body.encode())) for body in bodies) < LIMIT_BYTES


def test_every_module_that_is_imported_is_preloaded(stack: Stack) -> None:
    files = addresses(get(stack, "/").text)
    named = {name.rsplit("/", 1)[1] for name in files}
    for name in files:
        if name.endswith(".js"):
            imported = set(re.findall(r'from "\./([^"]+)"', get(stack, name).text))
            assert imported <= named, name


def test_a_file_is_kept_for_ever_under_its_release_alone(stack: Stack) -> None:
    (style,) = (name for name in addresses(get(stack, "/").text) if name.endswith("base.css"))
    kept = get(stack, style)
    assert "immutable" in kept.headers["Cache-Control"]
    assert kept.headers["Content-Type"] == "text/css; charset=utf-8"
    assert kept.headers["X-Content-Type-Options"] == "nosniff"
    old = get(stack, "/static/0000000000000000/base.css")
    assert old.status_code == 200
    assert old.headers["Cache-Control"] == "no-store"


def test_the_page_is_asked_for_anew_and_not_sent_again(stack: Stack) -> None:
    first = get(stack, "/")
    assert first.headers["Cache-Control"] == "no-cache"
    again = get(stack, "/", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_nothing_but_the_pages_files_is_served(stack: Stack) -> None:
    for name in ("seller.json", "..%2Fcredits.html", "main.js.map", "%2e%2e", "constructor"):
        assert get(stack, f"/static/any/{name}").status_code == 404, name
