"""What every route shares: who calls, what was sent, what is answered, and what goes wrong."""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from chalice.app import Blueprint, Request, Response

from chalicelib.api.auth import Caller, Scope, authenticate
from chalicelib.api.problems import PROBLEM_TYPE, REPLAYED, Headers, problem
from chalicelib.domain.errors import (
    BusyError,
    CreditsError,
    IdempotencyKeyRequiredError,
    InvalidRequestError,
    NotFoundError,
)
from chalicelib.domain.instant import format_instant
from chalicelib.domain.payment import PaymentsUnavailableError
from chalicelib.domain.request import Answer
from chalicelib.wiring import Services, now, services

logger = Logger(child=True)

#: Chalice would answer other content types in words of its own; bodies are JSON whatever they say.
ANY_CONTENT_TYPE: list[str] = []
_JSON_HEADERS: Headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
_ORGANIZATION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: As long as Stripe's longest, and short enough for a key in DynamoDB.
_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_IDEMPOTENCY_KEY = re.compile(r"[ -~]{1,255}")
_HTTP_ERRORS = 400
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")
_SOON_SECONDS = "2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that may be served; `organization_id` is empty where the route has none."""

    request: Request
    caller: Caller
    organization_id: str
    services: Services
    now: datetime

    def body(self) -> object:
        """The body as JSON.

        Raises:
            InvalidRequestError: if it isn't.
        """
        return parse_json(self.request.raw_body)

    def query(self, *allowed: str) -> Mapping[str, str]:
        """The query's parameters, each once.

        Raises:
            InvalidRequestError: if there are others, or one twice.
        """
        given = self.request.query_params
        if given is None:
            return {}
        found: dict[str, str] = {}
        for name in given:
            values = given.getlist(name)
            if name not in allowed:
                raise InvalidRequestError(f"There is no parameter {name[:64]!r} here.")
            if len(values) != 1:
                raise InvalidRequestError(f"The parameter {name!r} was given twice.")
            found[name] = values[0]
        return found

    def idempotency_key(self) -> str:
        """The request's key.

        Raises:
            IdempotencyKeyRequiredError: if there is none.
            InvalidRequestError: if it can't be one.
        """
        key: str | None = self.request.headers.get("idempotency-key")
        if not key:
            raise IdempotencyKeyRequiredError(
                "Send an Idempotency-Key: it makes sure that repeating the request is safe."
            )
        if _IDEMPOTENCY_KEY.fullmatch(key) is None:
            raise InvalidRequestError("An Idempotency-Key is 1 to 255 printable ASCII characters.")
        return key


View = Callable[..., Response]


class Routes:
    """The routes of one module, on a blueprint that `app.py` registers."""

    def __init__(self) -> None:
        self.blueprint = Blueprint(__name__)

    def organization(self, method: str, path: str, scope: Scope) -> Callable[[View], View]:
        """Serve `path` below an organization to callers with the scope; the view gets a Call."""

        def register(view: View) -> View:
            def serve(organization_id: str, **ids: str) -> Response:
                return answered(lambda: view(self._call(scope, organization_id, ids), **ids))

            path_template = f"/v1/organizations/{{organization_id}}{path}"
            return self._route(method, path_template, scope, view, serve)

        return register

    def protected(self, method: str, path: str, *scopes: Scope) -> Callable[[View], View]:
        """Serve `path`, of no organization, to callers with one of the scopes."""

        def register(view: View) -> View:
            def serve(**parameters: str) -> Response:
                return answered(lambda: view(self._call_of_nobody(scopes), **parameters))

            return self._route(method, path, scopes[0], view, serve)

        return register

    def open(self, method: str, path: str) -> Callable[[View], View]:
        """Serve `path` to everybody; the view gets the Request."""

        def register(view: View) -> View:
            def serve(**parameters: str) -> Response:
                return answered(lambda: view(self._request, **parameters))

            return self._route(method, path, "open", view, serve)

        return register

    def _route(self, method: str, path: str, scope: str, view: View, serve: View) -> View:
        @functools.wraps(view)
        def measured(**parameters: str) -> Response:
            began = time.perf_counter()
            response = serve(**parameters)
            services().meter.put(
                {"RequestDuration": (time.perf_counter() - began) * 1000},
                dimension=scope,
                route=f"{method} {path}",
                status=response.status_code,
                organization_id=_known_as(parameters.get("organization_id", "")),
            )
            return response

        self.blueprint.route(path, methods=[method], content_types=ANY_CONTENT_TYPE)(measured)
        return view

    @property
    def _request(self) -> Request:
        request: Request = self.blueprint.current_request
        return request

    def _call_of_nobody(self, scopes: tuple[Scope, ...]) -> Call:
        request = self._request
        caller = authenticate(request.headers.get("authorization"), services())
        caller.require_any(*scopes)
        return Call(
            request=request, caller=caller, organization_id="", services=services(), now=now()
        )

    def _call(self, scope: Scope, organization_id: str, ids: Mapping[str, str]) -> Call:
        request = self._request
        caller = authenticate(request.headers.get("authorization"), services())
        caller.require_any(scope)
        if _ORGANIZATION_ID.fullmatch(organization_id) is None:
            raise NotFoundError("There is no such organization.")
        caller.require_organization(organization_id, scope)
        if not all(_ID.fullmatch(id_) for id_ in ids.values()):
            raise NotFoundError("There is no such thing.")
        return Call(
            request=request,
            caller=caller,
            organization_id=organization_id,
            services=services(),
            now=now(),
        )


def _known_as(organization_id: str) -> str | None:
    """What the log calls the organization; paths may say anything."""
    return organization_id if _ORGANIZATION_ID.fullmatch(organization_id) else None


def answered(answer: Callable[[], Response]) -> Response:
    """The answer, or the refusal, or the confession that something went wrong here."""
    try:
        return answer()
    except CreditsError as error:
        return problem(error)
    except PaymentsUnavailableError:
        logger.warning("The payment provider doesn't answer", exc_info=True)
        return problem(BusyError("The payment provider doesn't answer; please try again."))
    except Exception:
        logger.exception("A request failed")
        return problem(CreditsError("Something went wrong on our side. Nobody needs to be told."))


def json_response(
    body: Mapping[str, object], *, status: int = 200, replayed: bool = False
) -> Response:
    """An answer in JSON."""
    headers: Headers = _JSON_HEADERS | (REPLAYED if replayed else {})
    return Response(body=json.dumps(body), status_code=status, headers=headers)


def being_prepared(body: Mapping[str, object]) -> Response:
    """A file that isn't there yet; the same request will be answered with it soon."""
    response = json_response(body, status=202)
    response.headers["Retry-After"] = _SOON_SECONDS
    return response


def linked(call: Call, url: str, body: Mapping[str, object], expires_at: datetime) -> Response:
    """A link to a file: to follow, or as JSON for whom `Accept`s that."""
    if "application/json" in call.request.headers.get("accept", ""):
        expiry = format_instant(expires_at.replace(microsecond=0))
        return json_response({**body, "expires_at": expiry})
    headers: Headers = {"Location": url, "Cache-Control": "no-store"}
    return Response(body="", status_code=302, headers=headers)


def kept_response(answer: Answer, *, replayed: bool) -> Response:
    """An answer that was kept for the repetitions of its request."""
    response = json_response(answer.body, status=answer.status, replayed=replayed)
    if answer.status >= _HTTP_ERRORS:
        response.headers["Content-Type"] = PROBLEM_TYPE
    return response


def parse_json(raw: str | bytes) -> object:
    """JSON as RFC 8259 has it: no NaN, no field twice, no half of a character.

    Raises:
        InvalidRequestError: if it isn't.
    """
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        parsed: object = json.loads(
            text, parse_constant=_no_constant, object_pairs_hook=_no_field_twice
        )
        if _HALF_CHARACTER.search(text):
            # Escapes can spell what isn't text, and can't be stored or answered as any.
            json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("The body is not valid JSON.") from error
    return parsed


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _no_field_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field was given twice")
    return fields
