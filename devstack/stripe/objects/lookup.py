"""Finding the customer that a request names, and the addresses that objects share."""

from __future__ import annotations

from typing import Any

from devstack.stripe.errors import Json, missing
from devstack.stripe.state import State

_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def customer_of(state: State, customer: str, *, param: str, status: int = 400) -> Json:
    """A customer that was not deleted.

    Raises:
        ApiError: `resource_missing`, with the given status.
    """
    found = state.get("customer", customer, param=param, status=status)
    if found.get("deleted"):
        raise missing("customer", customer, param=param, status=status)
    return found


def full_address(given: Any) -> Json | None:
    """An address with all of its members, or None where it was unset."""
    if not given:
        return None
    return {name: given.get(name) or None for name in _ADDRESS}


def full_billing_details(given: Json | None, kept: Json | None = None) -> Json:
    """Billing details with all of their members: those given over those kept."""
    details = dict(
        kept
        or {"address": full_address({"city": None}), "email": None, "name": None}
        | {"phone": None, "tax_id": None}
    )
    for name, value in (given or {}).items():
        if name == "address":
            details["address"] = full_address((details["address"] or {}) | (value or {}))
        else:
            details[name] = value or None
    return details
