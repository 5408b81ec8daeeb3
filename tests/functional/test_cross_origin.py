"""Pages of other origins: those that are configured may call `/v1`, and nobody else's may."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app import app
from devstack.emulator import Emulator
from tests.functional.api import Api, running_api
from tests.functional.test_auth import filled

OURS, THEIRS = "https://app.example.com", "https://evil.example"
ALLOW = "Access-Control-Allow-Origin"
PATHS = sorted(path for path in app.routes if path.startswith("/v1/"))


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> Iterator[Api]:
    with running_api(emulator, CORS_ORIGINS=f"{OURS}, http://127.0.0.1:3000") as running:
        yield running


@pytest.fixture
def closed(emulator: Emulator) -> Iterator[Api]:
    with running_api(emulator) as running:
        yield running


@pytest.mark.parametrize("path", PATHS)
def test_a_preflight_is_answered_at_each_route(api: Api, path: str) -> None:
    answer = api.call("OPTIONS", filled(path), headers={"Origin": OURS})
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers[ALLOW] == OURS
    assert answer.headers["Vary"] == "Origin"
    methods = set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    assert set(app.routes[path]) - {"OPTIONS"} <= methods
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "idempotency-key", "content-type"} <= set(allowed)
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("origin", [THEIRS, "null", f"{OURS}.evil.example", OURS.upper(), ""])
def test_no_other_origin_is_told_anything(api: Api, origin: str) -> None:
    preflight = api.call("OPTIONS", "acme/credits", headers={"Origin": origin})
    assert (preflight.status, preflight.code) == (404, "not_found")
    read = api.call("GET", "acme/credits", scope="credits:read", headers={"Origin": origin})
    assert read.status == 200
    assert {ALLOW} & {*preflight.headers, *read.headers} == set()
    assert read.headers["Vary"] == "Origin", "a cache would give it to the wrong page"


def test_answers_and_refusals_can_be_read_by_our_page(api: Api) -> None:
    origin = {"Origin": OURS}
    read = api.call("GET", "acme/credits", scope="credits:read", headers=origin)
    refused = api.call("GET", "acme/credits", headers=origin)
    invalid = api.call("PUT", "acme/auto-top-up", raw=b"{", scope="credits:write", headers=origin)
    assert (read.status, refused.status, invalid.status) == (200, 401, 400)
    for answer in (read, refused, invalid):
        assert answer.headers[ALLOW] == OURS
        assert "Idempotency-Replayed" in answer.headers["Access-Control-Expose-Headers"]


def test_what_is_no_api_is_not_opened(api: Api) -> None:
    for path in ("//healthz", "//"):
        assert ALLOW not in api.call("GET", path, headers={"Origin": OURS}).headers


def test_by_default_there_is_no_other_origin(closed: Api) -> None:
    assert closed.call("OPTIONS", "acme/credits", headers={"Origin": OURS}).status == 404
    answer = closed.call("GET", "acme/credits", scope="credits:read", headers={"Origin": OURS})
    assert {ALLOW, "Vary"} & set(answer.headers) == set()
