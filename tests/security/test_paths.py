"""Tricks in the path: what stands in the place of an id is the id of something, or of nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devstack.emulator import Emulator
from tests.functional.api import GATEWAY, Api, running_api
from tests.security.routes import GUARDED, QUERIES, Organization, Route, send, state_of

TRICKS = [
    "..", ".", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%2e%2e%2f", "..%5c", "%00", "x%00.pdf",
    "%0d%0aX:%20y", "a/b", "a%2Fb", "//", "a%20b", "a+b", "ä", "%C3%A4", "%F0%9F%92%A9", "%", "%zz",
    "%ff", "*", "'", '"', "a;b", "a:b", "a#b", "a,b", "{id}", "${jndi:ldap://x}", "<script>",
    "a" * 256, "a" * 5000, "null\n", "~", "a.b", "\uff10", "\u202e", "%u0041", "a@b", "$ne", "|id",
]  # fmt: skip
WITH_IDS = [(route, name) for route in GUARDED for name in (
    *(["organization_id"] if route.of_organization else []), *route.other_ids)]  # fmt: skip


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> Iterator[Api]:
    with running_api(emulator) as running:
        yield running


@pytest.fixture(scope="module")
def own(api: Api) -> Organization:
    return Organization.seeded(api, "paths")


@pytest.mark.parametrize(("route", "name"), WITH_IDS, ids=str)
def test_a_trick_in_the_place_of_an_id_finds_nothing_and_changes_nothing(
    api: Api, own: Organization, route: Route, name: str
) -> None:
    before = state_of(api)
    scope = "operator" if name == "organization_id" and "gateway" not in route.scopes else None
    token = api.token(own.id, scope or route.scopes[0])
    for trick in TRICKS:
        answer = send(api, route, token, ids={**own.ids, name: trick})
        assert (answer.status, answer.code) == (404, "not_found"), trick
    assert state_of(api) == before


@pytest.mark.parametrize("trick", ["0", "-1", "01", "1.0", "1e3", "٣", "9" * 400, " 1", "1%20"])
def test_a_version_is_a_whole_number(api: Api, trick: str) -> None:
    answer = api.call("GET", f"//v1/prices/history/{trick}", token=api.token("x", "operator"))
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    "name",
    ["..%2fseller.json", "%2e%2e", "..", "../seller.json", "credits.html", "seller.json",
     "%2fetc%2fpasswd", "main.js%00", "main.js/", "MAIN.JS", "__init__", "openapi.json", "."],
)  # fmt: skip
def test_only_the_pages_own_files_are_served(api: Api, name: str) -> None:
    version = api.services.page.version
    answer = api.call("GET", f"//static/{version}/{name}")
    if name == "main.js/":  # a slash at the end doesn't count
        assert (answer.status, answer.headers["Content-Type"][:15]) == (200, "text/javascript")
    else:
        assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("method", ["TRACE", "PATCH", "HEAD", "CONNECT", "PROPFIND"])
def test_there_are_no_other_methods(api: Api, method: str) -> None:
    """OPTIONS is for pages of configured origins: tests/functional/test_cross_origin.py."""
    match = GATEWAY._routes.match("/v1/organizations/acme/credits")
    assert match is not None
    assert method not in match.methods


ENDS_OF_TIME = [
    "0000-00-00", "0001-01-01", "9999-12-31", "2026-02-30", "-001-01-01", "10000-01-01",
]  # fmt: skip
TIMES = {
    "time": [f"{day}T{time}" for day in ENDS_OF_TIME for time in (
        "00:00:00Z", "23:59:59.999999999Z", "24:00:00Z", "23:59:60Z", "00:00:00+14:00", "")],
    "month": [*(day[:-3] for day in ENDS_OF_TIME), "2026-1", "2026-00", "\u0662\u0660-1"],
}  # fmt: skip
TIMED = [
    (route, parameter, TIMES["month" if parameter == "month" else "time"])
    for route in GUARDED
    for parameter in ("from", "to", "at", "month")
    if route.takes(parameter) or f"'name': '{parameter}'" in str(route.operation)
]


@pytest.mark.parametrize(("route", "parameter", "times"), TIMED, ids=str)
def test_the_ends_of_time_are_no_bug_of_ours(
    api: Api, own: Organization, route: Route, parameter: str, times: list[str]
) -> None:
    assert len(TIMED) > 10
    token = api.token(own.id, route.scopes[0])
    for text in [*times, *(time[:10] for time in times)]:
        query = {**QUERIES.get(route.name, {}), parameter: text}
        answer = send(api, route, token, ids=own.ids, query=query)
        assert answer.status in {200, 404, 422}, (text, answer.body)


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Host"]
)
def test_no_header_makes_it_another_request(api: Api, own: Organization, header: str) -> None:
    before = state_of(api)
    answer = api.call(
        "GET",
        f"{own.id}/credits",
        scope="credits:read credits:write",
        headers={header: "/v1/organizations/victim/credits" if "URL" in header else "DELETE"},
    )
    assert answer.json()["organization_id"] == own.id
    assert state_of(api) == before
