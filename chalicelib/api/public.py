"""What is open to everybody: liveness, and the contract itself."""

from __future__ import annotations

import json
from functools import cache

from chalice.app import Request, Response

from chalicelib.api.http import Routes, json_response
from chalicelib.config import TEMPLATES

routes = Routes()


@routes.open("GET", "/healthz")
def get_health(request: Request) -> Response:  # noqa: ARG001 - every open view gets the request
    """Whether the function answers; it asks nothing of anybody."""
    return json_response({"status": "ok"})


@routes.open("GET", "/openapi.json")
def get_openapi(request: Request) -> Response:  # noqa: ARG001
    """The contract, as OpenAPI."""
    return json_response(_contract())


@cache
def _contract() -> dict[str, object]:
    contract: dict[str, object] = json.loads((TEMPLATES / "openapi.json").read_text("utf-8"))
    return contract
