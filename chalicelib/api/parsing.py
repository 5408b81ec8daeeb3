"""What requests contain, read into the use cases' values; what can't be read is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping

from chalicelib.api.cursors import read_cursor
from chalicelib.api.http import Call
from chalicelib.domain.billing import Address, BillingDetails, TaxId
from chalicelib.domain.errors import InvalidRequestError, ValidationFailedError
from chalicelib.domain.fields import Faults, Fields
from chalicelib.domain.instant import parse_instant
from chalicelib.domain.money import NANOS_PER_CENT, format_usd
from chalicelib.domain.purchase import PurchaseType
from chalicelib.ports import Window
from chalicelib.usecases.topping_up import TopUpSettings

_DEFAULT_LIMIT = 20
_MAX_LIMIT = 100
_NAME = re.compile(r"(?=.*\S)[^\x00-\x1f\x7f]{1,200}")
_LINE = re.compile(r"(?=.*\S)[^\x00-\x1f\x7f]{1,200}")
_SHORT = re.compile(r"(?=.*\S)[^\x00-\x1f\x7f]{1,40}")
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]{1,189}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_TAX_ID_TYPE = re.compile(r"[a-z]{2}_[a-z0-9_]{1,30}")
_PAYMENT_METHOD = re.compile(r"[A-Za-z0-9_]{1,255}")


def read_window(call: Call, query: Mapping[str, str], *, list_name: str) -> Window:
    """`limit`, `cursor`, `from` and `to` of a list.

    Raises:
        InvalidRequestError: if the cursor is forged.
        ValidationFailedError: if another of them is out of bounds.
    """
    faults = Faults()
    limit = query.get("limit", str(_DEFAULT_LIMIT))
    if not re.fullmatch(r"[0-9]{1,3}", limit) or not 1 <= int(limit) <= _MAX_LIMIT:
        faults.add("limit", f"must be a whole number from 1 to {_MAX_LIMIT}")
    times = {}
    for name in ("from", "to"):
        try:
            times[name] = parse_instant(query[name]) if name in query else None
        except ValueError as error:
            faults.add(name, str(error))
    faults.raise_any()
    after = None
    if "cursor" in query:
        after = _after(call, f"{list_name}/{call.organization_id}", query["cursor"])
    return Window(limit=int(limit), after=after, since=times["from"], until=times["to"])


def _after(call: Call, list_name: str, cursor: str) -> str:
    services = call.services
    try:
        return read_cursor(services.cursor_keys(), list_name=list_name, cursor=cursor)
    except InvalidRequestError:
        if not services.renew_cursor_keys():
            raise
    # Another function may have made it with a key that is newer than what we remember.
    return read_cursor(services.cursor_keys(), list_name=list_name, cursor=cursor)


def read_purchase_type(query: Mapping[str, str]) -> PurchaseType | None:
    """`type` of a list of purchases; None for all.

    Raises:
        ValidationFailedError: if there is no such type.
    """
    types = {item.value: item for item in PurchaseType}
    wanted = query.get("type")
    refuse_unless(wanted is None or wanted in types, "type", f"must be {' or '.join(types)}")
    return None if wanted is None else types[wanted]


def read_card_amount(fields: Fields, name: str, *, least: int, most: int) -> int:
    """An amount that a card can be charged: whole cents, within bounds."""
    nanos = fields.usd(name)
    if name not in fields:
        return nanos
    if not least <= nanos <= most:
        fields.fault(name, f"must be from {format_usd(least)} to {format_usd(most)} US dollars")
    elif nanos % NANOS_PER_CENT:
        fields.fault(name, "must be whole cents")
    return nanos


def read_payment_method(fields: Fields) -> str:
    """The id of a saved card."""
    return fields.text("payment_method_id", _PAYMENT_METHOD, "must be the id of a saved card")


def read_billing_details(payload: object, *, path: str, faults: Faults) -> BillingDetails:
    """Name, address and tax ID of a buyer."""
    fields = Fields(
        payload,
        path=path,
        faults=faults,
        required=frozenset({"name", "address"}),
        optional=frozenset({"email", "tax_id"}),
    )
    tax_id = fields.get("tax_id")
    return BillingDetails(
        name=fields.text("name", _NAME, "must be 1 to 200 characters").strip(),
        email=fields.text_or_null("email", _EMAIL, "must be an e-mail address"),
        address=_read_address(fields.get("address"), path=fields.path("address"), faults=faults)
        if "address" in fields
        else Address(line1="", city="", postal_code="", country=""),
        tax_id=read_tax_id(tax_id, path=fields.path("tax_id"), faults=faults) if tax_id else None,
    )


def read_tax_id(payload: object, *, path: str, faults: Faults) -> TaxId:
    """A tax ID and its type."""
    fields = Fields(payload, path=path, faults=faults, required=frozenset({"type", "value"}))
    return TaxId(
        type=fields.text("type", _TAX_ID_TYPE, 'must be a type such as "eu_vat"'),
        value=fields.text("value", _SHORT, "must be 1 to 40 characters").strip(),
    )


def read_top_up_settings(payload: object, *, least: int, most: int) -> TopUpSettings:
    """The settings of auto top-up.

    Raises:
        ValidationFailedError: with a fault per field.
    """
    faults = Faults()
    fields = Fields(
        payload,
        path="",
        faults=faults,
        required=frozenset({"enabled"}),
        optional=frozenset({"threshold", "amount", "monthly_limit"}),
    )
    enabled = fields.flag("enabled")
    for name in ("threshold", "amount"):
        if enabled and name not in fields:
            fields.fault(name, "is required to turn auto top-up on")
    limit = fields.get("monthly_limit")
    settings = TopUpSettings(
        enabled=enabled,
        threshold_nanos=fields.usd("threshold"),
        amount_nanos=read_card_amount(fields, "amount", least=least, most=most),
        monthly_limit_nanos=None if limit is None else fields.usd("monthly_limit"),
    )
    if settings.monthly_limit_nanos is not None and (
        settings.monthly_limit_nanos < settings.amount_nanos
    ):
        fields.fault("monthly_limit", "must not be less than the amount of one top-up")
    faults.raise_any()
    return settings


def require_one_of(payload: Fields, *names: str) -> None:
    """Note a fault unless exactly one of the fields is there."""
    if sum(name in payload for name in names) != 1:
        payload.fault(names[0], f"send exactly one of {', '.join(names)}")


def refuse_unless(valid: bool, field: str, detail: str) -> None:  # noqa: FBT001 - reads as said
    """Refuse because of one field.

    Raises:
        ValidationFailedError: unless it is valid.
    """
    if not valid:
        raise ValidationFailedError.of(field, detail)


def _read_address(payload: object, *, path: str, faults: Faults) -> Address:
    fields = Fields(
        payload,
        path=path,
        faults=faults,
        required=frozenset({"line1", "city", "postal_code", "country"}),
        optional=frozenset({"line2", "state"}),
    )
    line = "must be 1 to 200 characters"
    return Address(
        line1=fields.text("line1", _LINE, line),
        line2=fields.text_or_null("line2", _LINE, line),
        city=fields.text("city", _LINE, line),
        state=fields.text_or_null("state", _LINE, line),
        postal_code=fields.text("postal_code", _SHORT, "must be 1 to 40 characters"),
        country=fields.text("country", _COUNTRY, 'must be an ISO 3166-1 code, such as "DE"'),
    )
