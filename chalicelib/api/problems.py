"""Refusals as RFC 9457 problems: the one table from codes to statuses."""

from __future__ import annotations

import json
from http import HTTPStatus

from chalice.app import Response

from chalicelib.domain.errors import CreditsError, TooManyTriesError

PROBLEM_TYPE = "application/problem+json"
#: As Chalice types them.
Headers = dict[str, str | list[str]]
REPLAYED: Headers = {"Idempotency-Replayed": "true"}

STATUSES = {
    "invalid_request": HTTPStatus.BAD_REQUEST,
    "idempotency_key_required": HTTPStatus.BAD_REQUEST,
    "invalid_signature": HTTPStatus.BAD_REQUEST,
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "insufficient_credits": HTTPStatus.PAYMENT_REQUIRED,
    "card_declined": HTTPStatus.PAYMENT_REQUIRED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "idempotency_conflict": HTTPStatus.CONFLICT,
    "request_in_progress": HTTPStatus.CONFLICT,
    "conflict": HTTPStatus.CONFLICT,
    "validation_failed": HTTPStatus.UNPROCESSABLE_ENTITY,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "internal_error": HTTPStatus.INTERNAL_SERVER_ERROR,
}


def status_of(error: CreditsError) -> HTTPStatus:
    """The status of a refusal: that of its code, but "busy" is also said to who asks too often."""
    if isinstance(error, TooManyTriesError):
        return HTTPStatus.TOO_MANY_REQUESTS
    return STATUSES[error.code]


def problem_body(error: CreditsError) -> dict[str, object]:
    """The refusal as a body. Its `type` is about:blank, so `title` is the status's phrase."""
    status = status_of(error)
    body: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": error.detail,
        "code": error.code,
        **error.extra,
    }
    if error.errors:
        body["errors"] = [{"field": e.field, "detail": e.detail} for e in error.errors]
    return body


def problem(error: CreditsError) -> Response:
    """The refusal as an answer."""
    headers: Headers = {"Content-Type": PROBLEM_TYPE, "Cache-Control": "no-store"}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if error.replayed:
        headers |= REPLAYED
    if error.code == "unauthenticated":
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        body=json.dumps(problem_body(error)), status_code=status_of(error), headers=headers
    )
