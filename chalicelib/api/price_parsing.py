"""What an operator decides about prices, read from the body; what can't be read is refused."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from chalicelib.api.price_queries import A_MODEL, A_PROVIDER, AN_ORGANIZATION
from chalicelib.domain.fields import Faults, Fields
from chalicelib.domain.instant import parse_instant
from chalicelib.domain.price_rules import MAX_MARK_UP_PERCENT, MIN_MARK_UP_PERCENT, Scope
from chalicelib.domain.price_table import PriceTable, PriceTier, UnitPrice
from chalicelib.domain.units import CALLS, UNITS
from chalicelib.domain.usage_parsing import ID, MAX_COUNT, MODEL, PROVIDER
from chalicelib.usecases.price_keeping import PriceTerms

_PRICED = {**UNITS, CALLS.name: CALLS}
#: Dollars for a million of a unit, or a thousand, or one: up to ten million of them.
_PRICE = re.compile(r"(0|[1-9][0-9]{0,6})(\.[0-9]{1,12})?")
_PERCENT = re.compile(r"-?(0|[1-9][0-9]{0,4})(\.[0-9]{1,6})?")
_NO_UNIT = re.compile(r"(?!)")
_MOST_PRICES = 100
_MOST_TIERS = 20

_TERMS = frozenset(
    {"effective_from", "effective_until", "prices", "mark_up_percent", "blocked"}
    | {"monthly_traces", "thousand_traces"}
)


def read_terms(payload: object, *, now: datetime) -> PriceTerms:
    """What an operator decides for a scope; a null says as little as an absent field.

    Raises:
        InvalidRequestError: with a fault per field, if the body is malformed.
        ValidationFailedError: with a fault per field.
    """
    faults = Faults()
    fields = Fields(
        _without_nulls(payload),
        path="",
        faults=faults,
        required=frozenset({"scope"}),
        optional=_TERMS,
    )
    terms = PriceTerms(
        scope=_read_scope(fields, faults=faults),
        effective_from=_read_time(fields, "effective_from"),
        effective_until=_read_time(fields, "effective_until"),
        prices=_read_prices(fields, faults=faults),
        mark_up_percent=_read_mark_up(fields),
        blocked=fields.flag("blocked") if "blocked" in fields else None,
        monthly_traces=fields.whole("monthly_traces", least=0, most=MAX_COUNT)
        if "monthly_traces" in fields
        else None,
        thousand_traces_nanos=fields.usd("thousand_traces")
        if "thousand_traces" in fields
        else None,
    )
    _check_together(terms, fields, now=now)
    faults.raise_any()
    return terms


def _without_nulls(payload: object) -> object:
    if not isinstance(payload, dict):
        return payload
    return {name: value for name, value in payload.items() if value is not None}


def _read_scope(fields: Fields, *, faults: Faults) -> Scope:
    if "scope" not in fields:
        return Scope()
    names = Fields(
        _without_nulls(fields.get("scope")),
        path=fields.path("scope"),
        faults=faults,
        required=frozenset(),
        optional=frozenset({"organization_id", "provider", "model"}),
    )
    organization_id = names.text_or_null("organization_id", ID, AN_ORGANIZATION)
    provider = names.text_or_null("provider", PROVIDER, A_PROVIDER)
    model = names.text_or_null("model", MODEL, A_MODEL)
    if model is not None and provider is None:
        names.fault("provider", "is required, since a model is known by it")
        return Scope()
    return Scope(organization_id=organization_id, provider=provider, model=model)


def _read_time(fields: Fields, name: str) -> datetime | None:
    if name not in fields:
        return None
    value = fields.get(name)
    try:
        return parse_instant(value)
    except ValueError as error:
        fields.fault(name, str(error), malformed=not isinstance(value, str))
        return None


def _read_mark_up(fields: Fields) -> Decimal | None:
    if "mark_up_percent" not in fields:
        return None
    detail = (
        f'must be a string such as "12.5", from {MIN_MARK_UP_PERCENT} to {MAX_MARK_UP_PERCENT}'
        " percent, with at most six decimals"
    )
    percent = Decimal(fields.text("mark_up_percent", _PERCENT, detail) or 0)
    if not MIN_MARK_UP_PERCENT <= percent <= MAX_MARK_UP_PERCENT:
        fields.fault("mark_up_percent", detail)
        return None
    return percent


def _read_prices(fields: Fields, *, faults: Faults) -> PriceTable | None:
    if "prices" not in fields:
        return None
    items = _list(fields, "prices", most=_MOST_PRICES)
    prices = [
        _read_price(item, path=f"{fields.path('prices')}[{number}]", faults=faults)
        for number, item in enumerate(items)
    ]
    found = [price for price in prices if price is not None]
    if len(found) != len(items):
        return None
    try:
        return PriceTable(prices=tuple(found))
    except ValueError as error:
        fields.fault("prices", str(error))
        return None


def _read_price(payload: object, *, path: str, faults: Faults) -> UnitPrice | None:
    fields = Fields(
        payload,
        path=path,
        faults=faults,
        required=frozenset({"unit", "usd"}),
        optional=frozenset({"tiers"}),
    )
    unit = _PRICED.get(str(fields.get("unit")))
    if unit is None:
        fields.text("unit", _NO_UNIT, "must be a unit that usage is counted in")
    usd = _read_usd(fields)
    tiers = [
        _read_tier(item, path=f"{fields.path('tiers')}[{number}]", faults=faults)
        for number, item in enumerate(_list(fields, "tiers", most=_MOST_TIERS))
    ]
    if unit is None:
        return None
    try:
        return UnitPrice(unit=unit, usd=usd, tiers=tuple(tiers))
    except ValueError as error:
        fields.fault("tiers", str(error))
        return None


def _read_tier(payload: object, *, path: str, faults: Faults) -> PriceTier:
    names = frozenset({"above_input_tokens", "usd"})
    fields = Fields(payload, path=path, faults=faults, required=names)
    return PriceTier(
        above_input_tokens=fields.whole("above_input_tokens", least=0, most=MAX_COUNT),
        usd=_read_usd(fields),
    )


def _read_usd(fields: Fields) -> Decimal:
    detail = 'must be a string of US dollars, such as "2.50", with at most twelve decimals'
    return Decimal(fields.text("usd", _PRICE, detail) or 0)


def _list(fields: Fields, name: str, *, most: int) -> list[object]:
    value = fields.get(name) if name in fields else []
    if not isinstance(value, list) or len(value) > most:
        detail = f"must be a list of at most {most}"
        fields.fault(name, detail, malformed=not isinstance(value, list))
        return []
    return value


def _check_together(terms: PriceTerms, fields: Fields, *, now: datetime) -> None:
    """Fault what doesn't fit together."""
    begin = terms.effective_from or now
    if begin < now:
        fields.fault("effective_from", "must not be in the past, which has been paid for")
    if terms.effective_until is not None and terms.effective_until <= begin:
        fields.fault("effective_until", "must be later than the rule begins")
    if "prices" in fields and "mark_up_percent" in fields:
        fields.fault("mark_up_percent", "own prices are final: put the mark-up into them")
    if terms.scope.provider is not None:
        for name in ("monthly_traces", "thousand_traces"):
            if name in fields:
                fields.fault(name, "traces have no provider: leave it out of the scope")
