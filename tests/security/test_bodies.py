"""Bodies that are too big, too deep, packed, or say more than they may, on every route.

The routes and their bodies come from docs/openapi.yaml. What amounts and texts each route takes is
in tests/functional/test_errors.py.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from devstack.emulator import Emulator
from tests.functional.api import Answer, Api, running_api
from tests.functional.test_errors import MILLION_DIGITS, NOT_JSON, OTHER_JSON, WRONG_TYPES
from tests.security.routes import BODIES, GUARDED, Organization, Route, state_of

BODIED = [route for route in GUARDED if route.name in BODIES]
AMOUNTS = [
    (route, field)
    for route in BODIED
    for field in ("amount", "threshold", "monthly_limit", "mark_up_percent", "thousand_traces")
    if field in BODIES[route.name]
    or (field == "monthly_limit" and "threshold" in BODIES[route.name])
]
#: What the server says of a thing, and nobody else: each is tried on every route.
SERVERS_OWN = (
    "id", "status", "available", "held", "headroom", "organization_id", "org_id", "price", "author",
    "created_by", "created_at", "completed_at", "version", "type", "currency", "customer_id",
    "payment_id", "charge_nanos", "amount_nanos", "refunded_amount", "invoice", "invoice_number",
    "overdrawn", "remaining", "returned", "expires_at", "enabled_by", "enabled_at", "paused",
    "open_purchase_id", "spent_this_month", "suspended", "scope_of", "by", "operator", "is_admin",
    "__class__", "constructor", "$ne",
)  # fmt: skip


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> Iterator[Api]:
    with running_api(emulator) as running:
        yield running


@pytest.fixture(scope="module")
def own(api: Api) -> Organization:
    return Organization.seeded(api, "bodies")


def raw(
    api: Api, route: Route, own: Organization, content: bytes, headers: dict[str, str] | None = None
) -> Answer:
    """The route's request with another body, by somebody who may send it."""
    path = route.path
    for name, value in own.ids.items():
        path = path.replace(f"{{{name}}}", value)
    token = api.token(own.id, route.scopes[0])
    return api.call(route.method, f"/{path}", raw=content, token=token, key="raw", headers=headers)


def changed(route: Route, own: Organization, **changes: object) -> bytes:
    """The route's good body, but for the changes."""
    text = json.dumps(BODIES[route.name]).replace(
        "{payment_method_id}", own.ids["payment_method_id"]
    )
    return json.dumps({**json.loads(text), **changes}).encode()


def require_malformed(answer: Answer) -> None:
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert len(answer.body) < 4000, "what was sent isn't repeated"


@pytest.mark.parametrize("route", BODIED, ids=str)
def test_what_is_changed_below_is_good_as_it_is(api: Api, route: Route) -> None:
    fresh = Organization.seeded(api, f"good-{route.name}")
    assert raw(api, route, fresh, changed(route, fresh)).status in {200, 201}


@pytest.mark.parametrize("name", NOT_JSON)
@pytest.mark.parametrize("route", BODIED, ids=str)
def test_what_is_not_json_is_read_by_no_route(
    api: Api, own: Organization, route: Route, name: str
) -> None:
    require_malformed(raw(api, route, own, NOT_JSON[name]))


@pytest.mark.parametrize("route", BODIED, ids=str)
def test_no_other_kind_of_json_is_a_body(api: Api, own: Organization, route: Route) -> None:
    before = state_of(api)
    for content in OTHER_JSON:
        require_malformed(raw(api, route, own, content))
    assert state_of(api) == before


@pytest.mark.parametrize("route", BODIED, ids=str)
def test_depth_is_refused_wherever_it_is(api: Api, own: Organization, route: Route) -> None:
    """A depth that Python reads, and one that it gives up at, in the place of each field."""
    before = state_of(api)
    for field in (*BODIES[route.name], "more"):
        for depth in (500, 100_000):
            deep = b"[" * depth + b"]" * depth
            body = changed(route, own, **{field: "HERE"}).replace(b'"HERE"', deep)
            assert raw(api, route, own, body).status in {400, 422}
    assert state_of(api) == before


@pytest.mark.parametrize("route", BODIED, ids=str)
def test_nobody_says_what_is_the_servers_to_say(api: Api, own: Organization, route: Route) -> None:
    before = state_of(api)
    for field in SERVERS_OWN:
        if field in BODIES[route.name]:
            continue
        answer = raw(api, route, own, changed(route, own, **{field: "1.00"}))
        require_malformed(answer)
        assert answer.json()["errors"][0]["field"].startswith(field[:8])
    assert state_of(api) == before


def nested(body: Any, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """The paths of the objects within a body."""
    if isinstance(body, dict):
        if path:
            yield path
        for name, value in body.items():
            yield from nested(value, (*path, name))


@pytest.mark.parametrize("route", BODIED, ids=str)
def test_nor_deeper_inside(api: Api, own: Organization, route: Route) -> None:
    before = state_of(api)
    body: dict[str, Any] = json.loads(changed(route, own))
    if route.name in {"create_deduction", "settle_hold"}:
        line = {"kind": "amount", "amount": "1.00"}
        body = {"usage": [line]}
    paths = list(nested(body)) or ([("usage", 0)] if "usage" in body else [])
    for path in paths:
        spoiled = json.loads(json.dumps(body))
        target = spoiled
        for step in path:
            target = target[step]
        target["price"] = "0.00"
        require_malformed(raw(api, route, own, json.dumps(spoiled).encode()))
    assert state_of(api) == before


@pytest.mark.parametrize("amount", ["-1.00", "-0.01", "99999999999999.00", f"{MILLION_DIGITS}.00",
                                    "1e9", "NaN", "0x1.00", "1.0000000001", ""])  # fmt: skip
@pytest.mark.parametrize(("route", "field"), AMOUNTS, ids=str)
def test_no_amount_is_negative_or_overflows(
    api: Api, own: Organization, route: Route, field: str, amount: str
) -> None:
    if route.name == "create_adjustment" and amount.startswith("-"):
        pytest.skip("operators take credits, too")
    if field == "mark_up_percent" and amount.startswith("-"):
        pytest.skip("a mark-down is one, down to -100")
    before = state_of(api)
    answer = raw(api, route, own, changed(route, own, **{field: amount}))
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert state_of(api) == before


@pytest.mark.parametrize(("route", "field"), AMOUNTS, ids=str)
def test_an_amount_is_text_on_every_route(
    api: Api, own: Organization, route: Route, field: str
) -> None:
    before = state_of(api)
    for value in WRONG_TYPES:
        if value is None and field not in {"amount", "threshold"}:
            continue  # null is as good as absent
        require_malformed(raw(api, route, own, changed(route, own, **{field: value})))
    assert state_of(api) == before


TEXTS = [
    (route, field)
    for route in BODIED
    for field in ("name", "reason", "payment_method_id")
    if field in BODIES[route.name]
]


@pytest.mark.parametrize(
    "text",
    ["x" * 1_000_000, "\x00", "a\x00b", "a\nb", "\x1b[31mred", "", "   ", "\x7f"],
    ids=lambda text: ascii(text)[:12],
)
@pytest.mark.parametrize(("route", "field"), TEXTS, ids=str)
def test_no_text_is_endless_or_has_control_characters(
    api: Api, own: Organization, route: Route, field: str, text: str
) -> None:
    before = state_of(api)
    answer = raw(api, route, own, changed(route, own, **{field: text}))
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert len(answer.body) < 1000
    assert state_of(api) == before


@pytest.mark.parametrize("route", BODIED, ids=str)
def test_a_packed_body_is_not_unpacked(api: Api, own: Organization, route: Route) -> None:
    """API Gateway unpacks what it takes, up to its own limit; nothing here ever does."""
    bomb = gzip.compress(b" " * 5_000_000 + changed(route, own))
    for encoding in ("gzip", "deflate", "br", "gzip, gzip"):
        headers = {"Content-Encoding": encoding}
        require_malformed(raw(api, route, own, bomb, headers))


@pytest.mark.parametrize("route", BODIED, ids=str)
def test_five_megabytes_of_spaces_are_refused_or_read_but_never_a_bug(
    api: Api, own: Organization, route: Route
) -> None:
    before = state_of(api)
    answer = raw(api, route, own, b" " * 5_000_000 + changed(route, own, more="x"))
    require_malformed(answer)
    assert state_of(api) == before


def test_a_thousand_lines_of_usage_are_the_most(api: Api, own: Organization) -> None:
    line = {"kind": "amount", "amount": "0.000000001"}
    deduct = next(route for route in BODIED if route.name == "create_deduction")
    for lines, status in ((1000, 201), (1001, 422), (50_000, 422)):
        body = json.dumps({"usage": [line] * lines}).encode()
        assert raw(api, deduct, own, body).status == status
