"""Browsers on other origins: those that are configured may call `/v1`, and read its answers.

They bring a token that they were given, never a cookie, so nothing is allowed "with credentials".
"""

from __future__ import annotations

from collections.abc import Callable

from chalice.app import Blueprint, Chalice, Request, Response

from chalicelib.api.http import ANY_CONTENT_TYPE, answered
from chalicelib.api.problems import Headers
from chalicelib.domain.errors import NotFoundError
from chalicelib.wiring import services

_API = "/v1/"
_MAX_AGE_SECONDS = 3600
_PREFLIGHT: Headers = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": "Accept, Authorization, Content-Type, Idempotency-Key",
    "Access-Control-Max-Age": str(_MAX_AGE_SECONDS),
}
_ANSWER: Headers = {"Access-Control-Expose-Headers": "Idempotency-Replayed, Retry-After"}
#: A cache must not give one origin's answer to another.
_VARIED: Headers = {"Vary": "Origin"}


def register(app: Chalice) -> None:
    """Answer preflights below `/v1`, and tell browsers who may read the answers.

    Once all routes are there: API Gateway needs the method at each of them.
    """
    blueprint = Blueprint(__name__)

    def preflight(**_: str) -> Response:
        return answered(lambda: _preflight(blueprint.current_request))

    for path in app.routes:
        if path.startswith(_API):
            blueprint.route(path, methods=["OPTIONS"], content_types=ANY_CONTENT_TYPE)(preflight)
    app.register_blueprint(blueprint)
    app.register_middleware(let_read, "http")


def let_read(event: Request, get_response: Callable[[Request], Response]) -> Response:
    """A middleware: the answer, with the headers that let the caller's page read it."""
    response = get_response(event)
    if event.path.startswith(_API) and event.method != "OPTIONS":
        origin = _allowed_origin(event)
        if services().settings.cors_origins:
            response.headers.update(_VARIED)
        if origin is not None:
            response.headers.update({"Access-Control-Allow-Origin": origin, **_ANSWER})
    return response


def _preflight(request: Request) -> Response:
    origin = _allowed_origin(request)
    if origin is None:
        raise NotFoundError("There is no such route.")
    headers: Headers = {"Access-Control-Allow-Origin": origin, **_PREFLIGHT, **_VARIED}
    return Response(body="", status_code=204, headers=headers)


def _allowed_origin(request: Request) -> str | None:
    origin: str | None = request.headers.get("origin")
    return origin if origin in services().settings.cors_origins else None
