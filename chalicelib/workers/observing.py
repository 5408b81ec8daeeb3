"""What every function does for those who watch it: a correlation id, and errors without words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools import Logger
from chalice.app import Request, SQSRecord

from chalicelib.adapters.correlation import ATTRIBUTE, correlated, fit_to_be_one
from chalicelib.adapters.log_format import name_of

logger = Logger(child=True)

#: What messages say that names something, and what the log calls it.
_IDENTIFIERS = {
    "organization_id": "organization_id",
    "report_id": "report_id",
    "purchase_id": "purchase_id",
    "number": "invoice_number",
    "archive": "archive",
    "id": "event_id",
    "type": "event_type",
    "object_id": "object_id",
}
_IDENTIFIER = re.compile(r"[A-Za-z0-9_.:#-]{1,128}")


class FunctionFailedError(Exception):
    """A function failed; its log says how. The text is the error's class alone."""


def correlated_with(event: Any, get_response: Callable[[Any], Any]) -> Any:
    """Middleware: do everything under the id of the request, or of the run.

    API Gateway tells callers its id of the request (`x-amzn-RequestId`).
    """
    with correlated(_id_of(event)):
        return get_response(event)


def told_without_words(event: Any, get_response: Callable[[Any], Any]) -> Any:
    """Middleware: what a function raises is printed by Lambda, and may quote what nobody may read.

    Raises:
        FunctionFailedError: in the place of any error.
    """
    try:
        return get_response(event)
    except Exception as error:
        logger.exception("A function failed")
        raise FunctionFailedError(name_of(error)) from None


@contextmanager
def following(record: SQSRecord) -> Iterator[str]:
    """Do everything under the id that the message brought; its own, if it brought none."""
    correlation_id = correlation_id_of(record)
    with correlated(correlation_id):
        yield correlation_id


def correlation_id_of(record: SQSRecord) -> str:
    """The id that a message brought; its own, if it brought none."""
    told = record.to_dict()
    brought = told.get("messageAttributes", {}).get(ATTRIBUTE, {}).get("stringValue")
    own: str = told["messageId"]
    return brought if fit_to_be_one(brought) else own


def identifiers(record: SQSRecord) -> dict[str, str]:
    """Which message it is, and of what; never anything else that it says."""
    found = {"message_id": str(record.to_dict()["messageId"])}
    try:
        body = json.loads(record.body)
    except (ValueError, RecursionError):
        return found
    return found | named_in(body)


def named_in(body: object) -> dict[str, str]:
    """What a message's body names, as the log calls it."""
    if not isinstance(body, dict):
        return {}
    told = {name: body.get(field) for field, name in _IDENTIFIERS.items()}
    return {
        name: value
        for name, value in told.items()
        if isinstance(value, str) and _IDENTIFIER.fullmatch(value)
    }


def _id_of(event: Any) -> str | None:
    found: str | None
    if isinstance(event, Request):
        found = event.context.get("requestId")
    else:
        # A schedule's event has an id of its own; for others, the run has one.
        found = event.to_dict().get("id") or getattr(event.context, "aws_request_id", None)
    return found
