"""Stands for API Gateway: turns HTTP requests into Lambda's events, and its answers back."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from chalice.app import Chalice

from devstack.invocation import Event, Function
from devstack.routes import Match, RouteTable

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

logger = logging.getLogger("devstack.gateway")

LAMBDA_PAYLOAD_MAX_BYTES = 6 * 1024 * 1024
"""Lambda's limit for a request and for an answer, which is below API Gateway's own."""
JSON_TYPE = "application/json"
PROBLEM_TYPE = "application/problem+json"
STAGE = "local"


class Gateway:
    """A WSGI application in front of a Chalice application, which it calls by events alone."""

    def __init__(self, app: Chalice, function: Function) -> None:
        for pattern, methods in app.routes.items():
            if any(route.authorizer or route.cors for route in methods.values()):
                raise ValueError(f"{pattern}: no authorizers and no CORS in the local gateway.")
        make_thread_safe(app)
        self._routes = RouteTable({path: tuple(methods) for path, methods in app.routes.items()})
        self._binary_types = frozenset(app.api.binary_types)
        self._function = function

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, and log it in one line."""
        started = time.perf_counter()
        status, headers, body = self._answer(environ)
        method, uri = environ["REQUEST_METHOD"], environ["REQUEST_URI"]
        milliseconds = (time.perf_counter() - started) * 1000
        logger.info("%s %s %d %.0f ms", method, uri, status, milliseconds)
        headers.append(("Content-Length", str(len(body))))
        start_response(f"{status} {_phrase(status)}", headers)
        return [b"" if method == "HEAD" else body]

    def _answer(self, environ: WSGIEnvironment) -> tuple[int, list[tuple[str, str]], bytes]:
        path, _, query = environ["REQUEST_URI"].partition("?")
        method = environ["REQUEST_METHOD"]
        match = self._routes.match(path)
        if match is None or method not in match.methods:
            return problem(HTTPStatus.NOT_FOUND, "not_found", "There is no such route.")
        # Read only here: a body is spooled by the server, and is nobody's business before.
        body = environ["wsgi.input"].read(LAMBDA_PAYLOAD_MAX_BYTES + 1)
        if len(body) > LAMBDA_PAYLOAD_MAX_BYTES:
            detail = "A request may have 6 MB at most."
            return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "invalid_request", detail)
        event = self._event(environ, match, body, path=path, query=query)
        try:
            answer = self._function(event)
            return _response(answer)
        except Exception:
            # API Gateway answers 502 when the function fails or answers what can't be read.
            logger.exception("%s %s failed", method, path)
            detail = "The request failed for a reason that is ours."
            return problem(HTTPStatus.BAD_GATEWAY, "internal_error", detail)

    def _event(
        self, environ: WSGIEnvironment, match: Match, body: bytes, *, path: str, query: str
    ) -> Event:
        """Return the event of a REST API with proxy integration (payload version 1.0)."""
        now = datetime.now(UTC)
        headers = _headers(environ)
        # Both lines as API Gateway does: decoded, and null rather than empty.
        queries = parse_qs(query, keep_blank_values=True) or None
        text, is_base64 = self._body(body, headers.get("content-type", ""))
        return {
            "resource": match.pattern,
            "path": path,
            "httpMethod": environ["REQUEST_METHOD"],
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": queries and {k: v[-1] for k, v in queries.items()},
            "multiValueQueryStringParameters": queries,
            "pathParameters": dict(match.parameters) or None,
            "stageVariables": None,
            "requestContext": {
                "accountId": self._function.account_id,
                "apiId": "local",
                "domainName": headers.get("host", ""),
                "extendedRequestId": str(uuid.uuid4()),
                "httpMethod": environ["REQUEST_METHOD"],
                "identity": {
                    "sourceIp": environ["REMOTE_ADDR"],
                    "userAgent": headers.get("user-agent"),
                },
                "path": path,
                "protocol": environ["SERVER_PROTOCOL"],
                "requestId": str(uuid.uuid4()),
                "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
                "requestTimeEpoch": int(now.timestamp() * 1000),
                "resourcePath": match.pattern,
                "stage": STAGE,
            },
            "body": text,
            "isBase64Encoded": is_base64,
        }

    def _body(self, body: bytes, content_type: str) -> tuple[str | None, bool]:
        """Return the body as text, or as base64 when its type says binary or it isn't text.

        API Gateway would spoil bytes that are no UTF-8 where it expects text; here they
        arrive as sent, so that a signature over them can still be checked.
        """
        if not body:
            return None, False
        if content_type.partition(";")[0].strip().lower() not in self._binary_types:
            try:
                return body.decode("utf-8"), False
            except UnicodeDecodeError:
                logger.info("A text body is no UTF-8; it is passed on as base64.")
        return base64.b64encode(body).decode("ascii"), True


class _PerThread:
    """An attribute of which each thread sees only its own value."""

    def __init__(self) -> None:
        self._values = threading.local()

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return getattr(self._values, "value", None)

    def __set__(self, instance: object, value: Any) -> None:
        self._values.value = value


def make_thread_safe(app: Chalice) -> None:
    """Give each thread its own current request; on Lambda there is only one at a time."""
    per_thread = {"current_request": _PerThread(), "lambda_context": _PerThread()}
    app.__class__ = type("ThreadSafe", (type(app),), per_thread)


def problem(status: HTTPStatus, code: str, detail: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return a response as RFC 9457 has it, as the product's own refusals do."""
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
    }
    return status.value, [("Content-Type", PROBLEM_TYPE)], json.dumps(body).encode()


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    headers = {
        name[len("HTTP_") :].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    return headers


def _response(answer: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    """Read what the function answered, as API Gateway does."""
    headers = [(name, str(value)) for name, value in (answer.get("headers") or {}).items()]
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        headers += [(name, str(value)) for value in values]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", JSON_TYPE))
    text = answer.get("body") or ""
    if len(text.encode()) > LAMBDA_PAYLOAD_MAX_BYTES:
        raise ValueError("The answer is larger than the 6 MB that Lambda allows.")
    body = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
    return int(answer["statusCode"]), headers, body


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
