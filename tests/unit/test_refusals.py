"""Refusals: each code has its one status, and every refusal that can be raised has a code."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator

import pytest

import chalicelib
from chalicelib.api.problems import STATUSES, problem, problem_body
from chalicelib.domain.errors import (
    BusyError,
    CardDeclinedError,
    CreditsError,
    FieldError,
    InsufficientCreditsError,
    UnauthenticatedError,
    ValidationFailedError,
)

CONTRACT = {
    400: {"invalid_request", "idempotency_key_required", "invalid_signature"},
    401: {"unauthenticated"},
    402: {"insufficient_credits", "card_declined"},
    403: {"forbidden"},
    404: {"not_found"},
    409: {"idempotency_conflict", "request_in_progress", "conflict"},
    422: {"validation_failed"},
}


def refusals() -> Iterator[type[CreditsError]]:
    """Every kind of refusal in the whole program."""
    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        importlib.import_module(module.name)
    waiting: list[type[CreditsError]] = [CreditsError]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += kind.__subclasses__()


def test_the_statuses_are_those_of_the_contract() -> None:
    by_status: dict[int, set[str]] = {}
    for code, status in STATUSES.items():
        by_status.setdefault(status.value, set()).add(code)
    for number, codes in CONTRACT.items():
        assert codes <= by_status[number]
    assert STATUSES["busy"].value in {429, 503}
    assert STATUSES["internal_error"].value == 500


def test_every_refusal_has_a_code_with_a_status() -> None:
    kinds = list(refusals())
    assert len(kinds) > 12
    for kind in kinds:
        assert kind.code in STATUSES, kind.__name__


def test_every_code_is_somebodys() -> None:
    assert {kind.code for kind in refusals()} == set(STATUSES)


def test_a_refusal_says_what_it_is_about() -> None:
    error = ValidationFailedError(
        "two things", errors=(FieldError(field="a", detail="b"), FieldError(field="c", detail="d"))
    )
    assert problem_body(error) == {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "two things",
        "code": "validation_failed",
        "errors": [{"field": "a", "detail": "b"}, {"field": "c", "detail": "d"}],
    }


def test_a_decline_names_its_purchase() -> None:
    error = CardDeclinedError("no", extra={"decline_code": "lost_card", "purchase_id": "pur_1"})
    body = problem_body(error)
    assert (body["decline_code"], body["purchase_id"]) == ("lost_card", "pur_1")


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (BusyError("later", retry_after_seconds=7), "Retry-After", "7"),
        (UnauthenticatedError("who?"), "WWW-Authenticate", "Bearer"),
        (InsufficientCreditsError("no", replayed=True), "Idempotency-Replayed", "true"),
        (CreditsError("oh"), "Cache-Control", "no-store"),
    ],
)
def test_a_refusal_carries_the_headers_that_belong_to_it(
    error: CreditsError, header: str, value: str
) -> None:
    response = problem(error)
    assert response.headers[header] == value
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(response.body)["status"] == response.status_code
