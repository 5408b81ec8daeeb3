"""What docs/openapi.yaml allows, and what it doesn't, is sent to the real application.

Whatever comes, the answer is one that the contract describes: status and code, type, headers and
schema; never a 5xx. `make test` sends the same few examples to each route every time, `make fuzz`
(FUZZ_EXAMPLES=…) new ones and many more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from devstack.emulator import Emulator
from tests.functional.api import GATEWAY, Api, running_api
from tests.support.contract import CODES, contract, scopes_of

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

ORGANIZATION = "fuzzed"
#: How many requests that the contract allows each route gets, and how many that it doesn't.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "6"))
THOROUGH = "FUZZ_EXAMPLES" in os.environ
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def _application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The application behind its gateway, given what a server gives it: address and whole URI."""
    path, query = environ["REQUEST_URI"].partition("?")[0], environ["QUERY_STRING"]
    environ |= {"REMOTE_ADDR": "127.0.0.1", "REQUEST_URI": f"{path}?{query}" if query else path}
    return GATEWAY(environ, start_response)


SCHEMA = schemathesis.openapi.from_dict(contract())
SCHEMA.app = _application
OPERATIONS = {
    result.ok().definition.raw["operationId"]: result.ok()
    for result in SCHEMA.get_all_operations()
    if isinstance(result, Ok)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """An organization with something of everything, so that a request can find what it names."""

    api: Api
    card: str
    ids: dict[str, str]


@pytest.fixture(scope="module")
def seeded(emulator: Emulator) -> Iterator[Seeded]:
    with running_api(emulator) as api:
        card = api.card(ORGANIZATION)
        order = {"amount": "5000.00", "payment_method_id": card}
        bought = api.call(
            "POST", f"{ORGANIZATION}/purchases", body=order, scope="credits:write", key="seed"
        ).json()
        held = api.call(
            "POST", f"{ORGANIZATION}/holds", body={"amount": "1000.00"}, scope="gateway", key="seed"
        ).json()
        api.services.invoicing.store(
            ORGANIZATION, bought["invoice"]["number"], now=datetime.now(UTC)
        )
        yield Seeded(
            api=api,
            card=card,
            ids={
                "organization_id": ORGANIZATION,
                "purchase_id": bought["id"],
                "transaction_id": bought["id"],
                "number": bought["invoice"]["number"],
                "hold_id": held["id"],
                "payment_method_id": card,
                "version": "1",
                "name": "app.js",
                "provider": "openai",
                "model": "gpt-4o",
                "month": f"{datetime.now(UTC):%Y-%m}",
            },
        )


def test_every_route_of_the_contract_is_tried() -> None:
    assert len(OPERATIONS) == sum(
        method in {"get", "put", "post", "delete"}
        for item in contract()["paths"].values()
        for method in item
    )


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_is_one_that_the_contract_describes(
    seeded: Seeded, name: str, mode: GenerationMode
) -> None:
    operation = OPERATIONS[name]
    if mode is GenerationMode.NEGATIVE and not _can_be_wrong(operation):
        pytest.skip("there is nothing in the request that could be wrong")

    @settings(
        max_examples=EXAMPLES,
        derandomize=not THOROUGH,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def run(case: Case[Any], data: st.DataObject) -> None:
        if mode is GenerationMode.POSITIVE:
            _name_what_exists(case, seeded, data)
        _answered_as_described(case, seeded)

    run()


def _can_be_wrong(operation: Any) -> bool:
    """Whether some value is ruled out, as none is where a parameter may be any text."""
    schemas = [parameter.definition["schema"] for parameter in operation.iter_parameters()]
    return bool(operation.body) or any(schema != {"type": "string"} for schema in schemas)


def _name_what_exists(case: Case[Any], seeded: Seeded, data: st.DataObject) -> None:
    """Mostly ask for what is there, or else hardly any request would get far."""
    body = case.body if isinstance(case.body, dict) else {}
    for place in (case.path_parameters, case.query, body, body.get("scope"), *_lines(body)):
        if not isinstance(place, dict):
            continue
        for name in sorted(place.keys() & seeded.ids.keys()):
            if data.draw(st.sampled_from([True, True, True, False])):
                place[name] = seeded.ids[name]


def _lines(body: dict[str, Any]) -> list[Any]:
    usage = body.get("usage")
    return usage if isinstance(usage, list) else []


def _answered_as_described(case: Case[Any], seeded: Seeded) -> None:
    parameters = case.path_parameters or {}
    organization_id = parameters.get("organization_id", ORGANIZATION)
    scopes = scopes_of(case.operation.definition.raw)
    headers = {}
    if scopes:
        token = seeded.api.token(str(organization_id), " ".join(scopes))
        headers["Authorization"] = f"Bearer {token}"
    response = case.call(headers=headers)
    # Of a query, what isn't allowed may vanish on the way: an empty list has no text.
    checks = [*CHECKS, negative_data_rejection] if case.operation.body else CHECKS
    case.validate_response(response, checks=checks, headers=headers)
    if response.status_code >= 400:
        problem = json.loads(response.content)
        assert response.status_code in CODES[problem["code"]], problem
