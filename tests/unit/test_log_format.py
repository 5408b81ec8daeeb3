"""A line of the log: JSON, under its correlation id, and without anybody's words."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import stripe
from chalice.app import SQSEvent, SQSRecord

from chalicelib.adapters.correlation import correlated, current_correlation_id
from chalicelib.adapters.log_format import DiscreetFormatter, describe
from chalicelib.adapters.stripe_errors import translated
from chalicelib.domain.errors import InvalidRequestError
from chalicelib.domain.payment import PaymentRefusedError, PaymentsUnavailableError
from chalicelib.workers.observing import (
    FunctionFailedError,
    correlation_id_of,
    identifiers,
    told_without_words,
)

SECRET = "4242424242424242"


def logged(error: BaseException, **extra: object) -> tuple[str, dict[str, Any]]:
    """The line that is written of an error."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(DiscreetFormatter())
    logger = logging.Logger("discreet")
    logger.addHandler(handler)

    def fail() -> None:
        raise error

    try:
        fail()
    except BaseException:
        logger.exception("It failed", extra=extra)
    (line,) = stream.getvalue().splitlines()
    return line, json.loads(line)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def noted(error: Exception) -> Exception:
    error.add_note(SECRET)
    return error


@pytest.mark.parametrize(
    "error",
    [
        ValueError(SECRET),
        KeyError(SECRET),
        json.JSONDecodeError("bad", SECRET, 3),
        InvalidRequestError(f"There is no parameter {SECRET!r} here."),
        caused(RuntimeError("late"), ValueError(SECRET)),
        noted(RuntimeError("late")),
        ExceptionGroup("several", [ValueError(SECRET), TypeError(SECRET)]),
        stripe.InvalidRequestError(  # type: ignore[no-untyped-call]
            f"No such card: {SECRET}", param="number"
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_an_error_says_is_not_told(error: Exception) -> None:
    line, told = logged(error)
    assert SECRET not in line
    assert told["exception_name"] == type(error).__name__
    assert "test_log_format.py:" in told["exception"]


@pytest.mark.parametrize(
    "failure",
    [
        stripe.APIConnectionError(f"not sent: {SECRET}"),  # type: ignore[no-untyped-call]
        stripe.AuthenticationError(f"Invalid API Key provided: {SECRET}"),
        stripe.InvalidRequestError(  # type: ignore[no-untyped-call]
            f"Invalid email address: {SECRET}", param="email"
        ),
        stripe.CardError(  # type: ignore[no-untyped-call]
            f"The number {SECRET} is not a card", param="number", code="card_declined"
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_stripe_says_is_not_told_by_our_own_errors(failure: stripe.StripeError) -> None:
    with (
        pytest.raises((PaymentsUnavailableError, PaymentRefusedError)) as caught,
        translated(),
    ):
        raise failure
    line, told = logged(caught.value)
    assert SECRET not in line
    assert caught.type.__name__ in told["exception"]


def test_our_own_errors_say_which_thing_it_was_and_all_errors_what_led_to_them() -> None:
    error = PaymentsUnavailableError("APIConnectionError: no code, 500, request req_1")
    told = describe(caused(error, TimeoutError(SECRET)))
    assert (
        told.splitlines()[0]
        == "PaymentsUnavailableError: APIConnectionError: no code, 500, request req_1"
    )
    assert "because of builtins.TimeoutError" in told


def test_an_endless_chain_of_errors_is_cut() -> None:
    first, second = ValueError(), TypeError()
    first.__cause__, second.__cause__ = second, first
    assert len(describe(first)) < 1000


def test_a_line_has_the_correlation_id_of_what_is_done() -> None:
    with correlated("outer"), correlated("inner"):
        _, told = logged(ValueError())
    assert told["correlation_id"] == "inner"
    assert current_correlation_id() is None
    assert "correlation_id" not in logged(ValueError())[1]


def record(body: str, **attributes: object) -> SQSRecord:
    message = {
        "messageId": "m-1",
        "body": body,
        "receiptHandle": "r",
        "messageAttributes": attributes,
    }
    (found,) = SQSEvent({"Records": [message]}, None)
    return found


@pytest.mark.parametrize(
    ("brought", "taken"),
    [("req-7", "req-7"), ("", "m-1"), ("x" * 201, "m-1"), ("two\nlines", "m-1")],
)
def test_a_message_is_followed_by_the_id_that_it_brought(brought: str, taken: str) -> None:
    attribute = {"dataType": "String", "stringValue": brought}
    assert correlation_id_of(record("{}", correlation_id=attribute)) == taken


def test_a_message_without_an_id_is_followed_by_its_own() -> None:
    assert correlation_id_of(record("{}")) == "m-1"


@pytest.mark.parametrize(
    "body",
    [
        SECRET,
        json.dumps([SECRET]),
        json.dumps({"organization_id": {"number": SECRET}, "card": SECRET}),
        json.dumps({"report_id": f"a report of {SECRET} <x@example.com>"}),
        "[" * 100_000,
    ],
)
def test_of_a_message_nothing_but_identifiers_is_told(body: str) -> None:
    assert identifiers(record(body)) == {"message_id": "m-1"}


def test_of_a_message_its_identifiers_are_told() -> None:
    body = {"organization_id": "acme", "number": "2026-000001", "email": "ada@example.com"}
    assert identifiers(record(json.dumps(body))) == {
        "message_id": "m-1",
        "organization_id": "acme",
        "invoice_number": "2026-000001",
    }


def test_what_lambda_prints_of_a_failure_has_no_words_of_others() -> None:
    def fail(_: object) -> None:
        raise ValueError(SECRET)

    with pytest.raises(FunctionFailedError, match=r"^builtins\.ValueError$") as caught:
        told_without_words({}, fail)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
