"""What is asked about prices, read from the query: which model, for whom, and at what time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from chalicelib.domain.errors import ValidationFailedError
from chalicelib.domain.fields import Faults, Fields
from chalicelib.domain.instant import parse_instant
from chalicelib.domain.usage import ModelUsage
from chalicelib.domain.usage_parsing import CONTEXT_NAME, CONTEXT_VALUE, ID, MODEL, PROVIDER

A_PROVIDER = "must be 1 to 64 printable characters"
A_MODEL = "must be 1 to 200 printable characters"
AN_ORGANIZATION = "must be 1 to 64 of A-Z a-z 0-9 _ -"


def read_model(query: Mapping[str, str]) -> ModelUsage:
    """The model that a quote is asked for; `price_context` is such as "processing=batch".

    Raises:
        ValidationFailedError: with a fault per parameter.
    """
    faults = Faults()
    required = frozenset({"provider", "model"})
    fields = Fields(
        {name: query[name] for name in required & query.keys()},
        path="",
        faults=faults,
        required=required,
    )
    usage = ModelUsage(
        provider=fields.text("provider", PROVIDER, A_PROVIDER),
        model=fields.text("model", MODEL, A_MODEL),
        units={},
        price_context=_read_context(query.get("price_context", ""), faults=faults),
    )
    faults.raise_any()
    return usage


def read_organization(query: Mapping[str, str]) -> str | None:
    """The organization that a price is asked for, if any.

    Raises:
        ValidationFailedError: if it can't be one.
    """
    organization_id = query.get("organization_id")
    if organization_id is not None and ID.fullmatch(organization_id) is None:
        raise ValidationFailedError.of("organization_id", AN_ORGANIZATION)
    return organization_id


def read_at(query: Mapping[str, str], *, now: datetime) -> datetime:
    """The time that a price is asked for; now unless it is said.

    Raises:
        ValidationFailedError: if it isn't a time.
    """
    try:
        return parse_instant(query["at"]) if "at" in query else now
    except ValueError as error:
        raise ValidationFailedError.of("at", str(error)) from error


def _read_context(text: str, *, faults: Faults) -> tuple[tuple[str, str], ...]:
    pairs = [pair.partition("=") for pair in text.split(",")] if text else []
    if not all(
        CONTEXT_NAME.fullmatch(name) and CONTEXT_VALUE.fullmatch(value) for name, _, value in pairs
    ):
        faults.add("price_context", 'must be such as "processing=batch,speed=fast"')
        return ()
    return tuple(sorted((name, value) for name, _, value in pairs))
