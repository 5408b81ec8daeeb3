"""Stripe Tax: calculations with simple rates, and the transactions that commit them."""

from __future__ import annotations

import copy

from devstack.stripe import lists
from devstack.stripe.call import Call, Routes
from devstack.stripe.errors import Json, invalid, refused
from devstack.stripe.objects import tax_rates
from devstack.stripe.objects.lookup import customer_of, full_address
from devstack.stripe.state import State

_DEFAULT_TAX_CODE = "txcd_10000000"
_LIFETIME_SECONDS = 90 * 24 * 3600


def _buyer(state: State, params: Json) -> Json:
    """The `customer_details`: those given, or the customer's own.

    Raises:
        ApiError: 400 `customer_tax_location_invalid` without a country.
    """
    given = params.get("customer_details", {})
    address, tax_ids = given.get("address"), given.get("tax_ids", [])
    override = given.get("taxability_override", "none")
    if "customer" in params:
        customer = customer_of(state, params["customer"], param="customer")
        address = address or customer["address"]
        tax_ids = tax_ids or [
            {"type": item["type"], "value": item["value"]}
            for item in state.all("tax_id")
            if item["customer"] == customer["id"]
        ]
        exemptions = {"exempt": "customer_exempt", "reverse": "reverse_charge"}
        if override == "none":
            override = exemptions.get(customer["tax_exempt"], "none")
    if not address or not address.get("country"):
        raise invalid(
            "The customer's location isn't recognized. Set a valid customer address in order to "
            "automatically calculate tax.",
            param="customer_details[address]",
            code="customer_tax_location_invalid",
        )
    return {
        "address": full_address(address),
        "address_source": given.get("address_source", "billing"),
        "ip_address": given.get("ip_address"),
        "tax_ids": [dict(item) for item in tax_ids],
        "taxability_override": override,
    }


def _create(state: State, call: Call) -> Json:
    params = call.params
    buyer = _buyer(state, params)
    country = buyer["address"]["country"].upper()
    how = tax_rates.treatment(
        country,
        seller_country=state.seller_country,
        tax_id_types={item["type"] for item in buyer["tax_ids"]},
        override=buyer["taxability_override"],
    )
    items = [_line(state, item, how, country) for item in params["line_items"]]
    exclusive = [item for item in items if item["tax_behavior"] == "exclusive"]
    calculation = state.new(
        "tax.calculation",
        amount_total=sum(item["amount"] for item in items)
        + sum(item["amount_tax"] for item in exclusive),
        currency=params["currency"].lower(),
        customer=params.get("customer"),
        customer_details=buyer,
        expires_at=state.now() + _LIFETIME_SECONDS,
        ship_from_details=None,
        shipping_cost=None,
        tax_amount_exclusive=sum(item["amount_tax"] for item in exclusive),
        tax_amount_inclusive=sum(
            item["amount_tax"] for item in items if item["tax_behavior"] == "inclusive"
        ),
        tax_breakdown=_breakdown(items, how, country),
        tax_date=params.get("tax_date", state.now()),
    )
    calculation["line_items"] = {
        "object": "list",
        "data": items,
        "has_more": False,
        "url": f"/v1/tax/calculations/{calculation['id']}/line_items",
    }
    return calculation


def _line(state: State, item: Json, how: tax_rates.Treatment, country: str) -> Json:
    behavior = item.get("tax_behavior", "exclusive")
    tax = how.tax_on(item["amount"], inclusive=behavior == "inclusive")
    made = state.new(
        "tax.calculation_line_item",
        amount=item["amount"],
        amount_tax=tax,
        metadata=item.get("metadata") or None,
        product=item.get("product"),
        quantity=item.get("quantity", 1),
        tax_behavior=behavior,
        tax_breakdown=[
            {
                "amount": tax,
                "jurisdiction": {
                    "country": country,
                    "display_name": country,
                    "level": "country",
                    "state": None,
                },
                "sourcing": "destination",
                "tax_rate_details": how.tax_type
                and {
                    "display_name": how.tax_type.upper(),
                    "percentage_decimal": how.percentage,
                    "tax_type": how.tax_type,
                },
                "taxability_reason": how.reason,
                "taxable_amount": item["amount"] if how.per_mille else 0,
            }
        ],
        tax_code=item.get("tax_code", _DEFAULT_TAX_CODE),
    )
    made["reference"] = item.get("reference", made["id"])
    return made


def _breakdown(items: list[Json], how: tax_rates.Treatment, country: str) -> list[Json]:
    rows = []
    for behavior in ("exclusive", "inclusive"):
        mine = [item for item in items if item["tax_behavior"] == behavior]
        if mine:
            rows.append(
                {
                    "amount": sum(item["amount_tax"] for item in mine),
                    "inclusive": behavior == "inclusive",
                    "tax_rate_details": {
                        "country": country,
                        "flat_amount": None,
                        "percentage_decimal": how.percentage,
                        "rate_type": "percentage",
                        "state": None,
                        "tax_type": how.tax_type,
                    },
                    "taxability_reason": how.reason,
                    "taxable_amount": sum(item["amount"] for item in mine) if how.per_mille else 0,
                }
            )
    return rows


def _retrieve(state: State, call: Call) -> Json:
    return state.get("tax.calculation", call.path["calculation"], param="calculation", status=404)


def _lines(state: State, call: Call) -> Json:
    return lists.page(call, _retrieve(state, call)["line_items"]["data"][::-1])


def checked_hooks(state: State, hooks: Json) -> Json | None:
    """A payment intent's hooks, if the calculation that they name is there.

    Raises:
        ApiError: 400 otherwise.
    """
    given = ((hooks or {}).get("inputs") or {}).get("tax") or {}
    name = given.get("calculation")
    if not name:
        return None
    calculation = state.get(
        "tax.calculation", name, param="hooks[inputs][tax][calculation]", status=400
    )
    if calculation["expires_at"] <= state.now():
        raise refused("The tax calculation has expired.", param="hooks[inputs][tax][calculation]")
    return {"inputs": {"tax": {"calculation": copy.copy(name)}}}


ROUTES: Routes = {
    ("POST", "/v1/tax/calculations"): _create,
    ("GET", "/v1/tax/calculations/{calculation}"): _retrieve,
    ("GET", "/v1/tax/calculations/{calculation}/line_items"): _lines,
}
