"""Customers' tax ids, and their verification, which comes later as Stripe's does."""

from __future__ import annotations

from devstack.stripe import lists
from devstack.stripe.call import Call, Routes
from devstack.stripe.errors import Json, invalid, missing
from devstack.stripe.objects.lookup import customer_of
from devstack.stripe.state import State

#: The types whose first letters name no single country.
_NO_COUNTRY = ("eu_vat", "eu_oss_vat")

#: Greece writes EL in its VAT numbers.
_VAT_COUNTRY = {"EL": "GR", "XI": "GB"}

#: The types that Stripe verifies with the authority.
_VERIFIED = ("eu_vat", "gb_vat", "au_abn")
_EU_VAT_LENGTH = range(4, 15)


def check(*, kind: str, value: str) -> None:
    """Check what Stripe checks at once.

    Raises:
        ApiError: 400 `tax_id_invalid` for an EU VAT number without its country's letters.
    """
    if kind == "eu_vat" and not (value[:2].isalpha() and len(value) in _EU_VAT_LENGTH):
        raise invalid("Invalid value for eu_vat.", param="value", code="tax_id_invalid")


def add(state: State, customer: str, *, kind: str, value: str) -> Json:
    """Put a tax id on a customer.

    Raises:
        ApiError: as `check`.
    """
    check(kind=kind, value=value)
    tax_id = state.new(
        "tax_id",
        country=_country(kind, value),
        customer=customer,
        owner={"type": "customer", "customer": customer},
        type=kind,
        value=value,
        verification={
            "status": "pending" if kind in _VERIFIED else "unavailable",
            "verified_address": None,
            "verified_name": None,
        },
    )
    state.emit("customer.tax_id.created", tax_id)
    return tax_id


def verify(state: State, tax_id: str, *, status: str) -> Json:
    """What the authority answered: `verified` or `unverified`; records the event."""
    kept = state.get("tax_id", tax_id, param="id", status=404)
    verification = kept["verification"] | {"status": status}
    return state.change(kept, "customer.tax_id.updated", verification=verification)


def _country(kind: str, value: str) -> str | None:
    if kind in _NO_COUNTRY:
        prefix = value[:2].upper()
        return _VAT_COUNTRY.get(prefix, prefix) if kind == "eu_vat" else None
    return kind.split("_", maxsplit=1)[0].upper()


def _owned(state: State, call: Call) -> Json:
    customer_of(state, call.path["customer"], param="customer", status=404)
    found = state.get("tax_id", call.path["id"], param="id", status=404)
    if found["customer"] != call.path["customer"]:
        raise missing("tax_id", call.path["id"], param="id", status=404)
    return found


def _create(state: State, call: Call) -> Json:
    customer = customer_of(state, call.path["customer"], param="customer", status=404)
    return add(state, customer["id"], kind=call.params["type"], value=call.params["value"])


def _retrieve(state: State, call: Call) -> Json:
    return _owned(state, call)


def _delete(state: State, call: Call) -> Json:
    tax_id = _owned(state, call)
    del state.objects["tax_id"][tax_id["id"]]
    state.emit("customer.tax_id.deleted", tax_id)
    return {"id": tax_id["id"], "object": "tax_id", "deleted": True}


def _list(state: State, call: Call) -> Json:
    customer = customer_of(state, call.path["customer"], param="customer", status=404)
    mine = [item for item in state.all("tax_id") if item["customer"] == customer["id"]]
    return lists.page(call, mine)


ROUTES: Routes = {
    ("POST", "/v1/customers/{customer}/tax_ids"): _create,
    ("GET", "/v1/customers/{customer}/tax_ids"): _list,
    ("GET", "/v1/customers/{customer}/tax_ids/{id}"): _retrieve,
    ("DELETE", "/v1/customers/{customer}/tax_ids/{id}"): _delete,
}
