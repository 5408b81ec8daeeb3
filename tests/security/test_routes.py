"""Every route of the contract against everybody who may not use it, and every id against others.

The routes come from docs/openapi.yaml, so a new one is tried from its first day. Each request is
one that works with the right token, which is tried too: what is refused is refused for its token.
"""

from __future__ import annotations

import io
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator

import pytest

from devstack.emulator import Emulator
from tests.functional.api import Api, running_api
from tests.security.routes import (
    BODIES,
    GUARDED,
    OF_ORGANIZATION,
    ROUTES,
    Organization,
    Route,
    send,
    state_of,
)

SCOPES = ("credits:read", "credits:write", "gateway", "operator")
OPEN = {"receive_stripe_event", "get_health", "get_page", "get_static_file", "get_openapi"}
WRITING = [route for route in GUARDED if route.method != "GET"]


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> Iterator[Api]:
    with running_api(emulator, CARD_TRIES_PER_HOUR="1000") as running:
        yield running


@pytest.fixture(scope="module")
def victim(api: Api) -> Organization:
    return Organization.seeded(api, "victim")


@pytest.fixture(scope="module")
def stranger(api: Api) -> Organization:
    return Organization.seeded(api, "stranger")


def reaching(route: Route) -> set[str]:
    """The scopes that reach a route: those it names, and the operator's what a customer's do."""
    named = set(route.scopes)
    return named | ({"operator"} if named & {"credits:read", "credits:write"} else set())


def test_these_routes_are_open_and_no_others() -> None:
    assert {route.name for route in ROUTES if not route.scopes} == OPEN


def test_every_route_with_a_body_has_one_here() -> None:
    taking = {route.name for route in GUARDED if "requestBody" in route.operation}
    assert taking == set(BODIES)


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_who_may_not_use_a_route_is_refused_and_changes_nothing(
    api: Api, victim: Organization, route: Route
) -> None:
    before = state_of(api)

    def refused(token: str | None) -> tuple[int, str]:
        answer = send(api, route, token, ids=victim.ids)
        return answer.status, answer.code

    assert refused(None) == (401, "unauthenticated")
    everything = " ".join(SCOPES)
    assert refused(api.token("victim", everything, exp=1_000_000_000))[0] == 401
    assert refused(api.token("victim", everything, aud="another"))[0] == 401
    assert refused(api.token("victim", ""))[0] == 403
    for scope in set(SCOPES) - reaching(route):
        assert refused(api.token("victim", scope)) == (403, "forbidden"), scope
    if route.of_organization:
        customer = "credits:read credits:write"
        expected = (404, "not_found") if {*customer.split()} & reaching(route) else (403,)
        for org_id in ("stranger", "", "VICTIM", "victim ", "vic", None):
            assert refused(api.token("x", customer, org_id=org_id))[: len(expected)] == expected
    assert state_of(api) == before


@pytest.mark.parametrize("route", WRITING, ids=str)
def test_a_reader_changes_nothing(api: Api, victim: Organization, route: Route) -> None:
    before = state_of(api)
    answer = send(api, route, api.token("victim", "credits:read"), ids=victim.ids)
    assert (answer.status, answer.code) == (403, "forbidden")
    assert state_of(api) == before


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_the_same_request_with_the_right_token_is_let_in(api: Api, route: Route) -> None:
    own = Organization.seeded(api, f"own-{uuid.uuid4().hex[:8]}")
    if "version" in route.other_ids:
        prices = next(route for route in GUARDED if route.name == "put_prices")
        assert send(api, prices, api.token("x", "operator"), ids=own.ids).status == 200
    scope = route.scopes[0]
    answer = send(api, route, api.token(own.id, scope), ids=own.ids)
    assert answer.status in {200, 201, 202, 204, 302}, answer.body


MORE_IDS = [route for route in OF_ORGANIZATION if route.other_ids]


@pytest.mark.parametrize("route", MORE_IDS, ids=str)
def test_somebody_elses_id_in_the_own_path_is_as_if_it_did_not_exist(
    api: Api, victim: Organization, stranger: Organization, route: Route
) -> None:
    before = state_of(api)
    for scope in reaching(route):
        token = api.token("stranger", scope)
        theirs = {**stranger.ids, **{name: victim.ids[name] for name in route.other_ids}}
        answer = send(api, route, token, ids=theirs)
        assert (answer.status, answer.code) == (404, "not_found")
        # An id of the same form that nobody has.
        nobodys = {name: victim.ids[name][:-4] + "none" for name in route.other_ids}
        unknown = send(api, route, token, ids={**stranger.ids, **nobodys})
        assert (answer.status, answer.json()) == (unknown.status, unknown.json())
    assert state_of(api) == before


def test_somebody_elses_card_can_not_be_charged(
    api: Api, victim: Organization, stranger: Organization
) -> None:
    before = state_of(api)
    body = {"amount": "7.00", "payment_method_id": victim.ids["payment_method_id"]}
    for scope in ("credits:write", "operator"):
        token = api.token("stranger", scope)
        answer = api.call("POST", "stranger/purchases", body=body, token=token, key="theirs")
        assert (answer.status, answer.code) == (422, "validation_failed")
    assert state_of(api) == before


@pytest.mark.parametrize(
    "route", [route for route in OF_ORGANIZATION if route.takes("cursor")], ids=str
)
def test_somebody_elses_cursor_leads_nowhere(
    api: Api, victim: Organization, stranger: Organization, route: Route
) -> None:
    page = send(
        api, route, api.token("victim", "credits:read"), ids=victim.ids, query={"limit": "1"}
    )
    cursor = page.json()["next_cursor"]
    assert cursor
    for token in (api.token("stranger", "credits:read"), api.token("x", "operator")):
        answer = send(api, route, token, ids=stranger.ids, query={"cursor": cursor})
        assert (answer.status, answer.code) == (400, "invalid_request")


def test_an_archive_has_the_own_invoices_alone(api: Api, victim: Organization) -> None:
    archive = next(route for route in OF_ORGANIZATION if route.name == "get_invoices_archive")
    reader = "credits:read"
    empty = send(api, archive, api.token("nobody", reader), ids={"organization_id": "nobody"})
    assert (empty.status, empty.code) == (404, "not_found")
    own = Organization.seeded(api, "archived")
    answer = send(api, archive, api.token(own.id, reader), ids=own.ids)
    link = answer.headers["Location"]
    assert f"/archives/{own.id}/" in link
    with urllib.request.urlopen(link, timeout=30) as file:  # noqa: S310 - the emulator's
        names = zipfile.ZipFile(io.BytesIO(file.read())).namelist()
    assert len(names) == 2
    assert not any(victim.ids["number"] in name for name in names)


KEYED = [route for route in OF_ORGANIZATION if route.takes("idempotency_key")]


def test_every_post_of_the_contract_but_the_saving_of_a_card_takes_a_key() -> None:
    posts = {route.name for route in OF_ORGANIZATION if route.method == "POST"}
    assert {route.name for route in KEYED} == posts - {"set_up_payment_method"}


def test_a_key_is_the_organizations_and_the_routes_own(api: Api) -> None:
    """The same key elsewhere is another request, and nobody is told of somebody else's."""
    first, second = (Organization.seeded(api, f"keys-{name}") for name in ("one", "two"))
    for own in (first, second):
        for route in KEYED:
            token = api.token(own.id, route.scopes[0])
            answer = send(api, route, token, ids=own.ids, key="the same everywhere")
            assert answer.status in {200, 201}, (route.name, answer.body)
            assert "Idempotency-Replayed" not in answer.headers
