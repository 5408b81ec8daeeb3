"""What came about in histories, and what must in enough of them: a blind simulator finds nothing.

Where a part of the product always fails, no law about what it does can break. So a campaign counts
what was answered and which invocations ended well, and fails if something never did.
"""

from __future__ import annotations

from collections import Counter

#: After so many histories everything has come about, by far.
ENOUGH_HISTORIES = 100
_ORGANIZATION = "/v1/organizations/{organization_id}"
_ROUTES = (
    ("POST", "/purchases", 201),
    ("POST", "/purchases", 402),
    ("POST", "/payment-methods/setup", 200),
    ("PUT", "/billing-details", 200),
    ("PUT", "/auto-top-up", 200),
    ("POST", "/deductions", 201),
    ("POST", "/deductions", 402),
    ("POST", "/holds", 201),
    ("POST", "/holds", 402),
    ("POST", "/holds/{hold_id}/settle", 200),
    ("POST", "/holds/{hold_id}/release", 200),
    ("GET", "/access", 200),
    ("POST", "/purchases/{purchase_id}/refunds", 201),
    ("POST", "/adjustments", 201),
    ("PUT", "/suspension", 200),
    ("PUT", "/suspension", 409),
    ("PUT", "/closure", 200),
)
_FUNCTIONS = (
    "usage_worker",
    "top_up_worker",
    "payment_event_worker",
    "invoice_worker",
    "notice_worker",
    "rollup_worker",
    "sweep",
    "reconcile",
)


def answered(method: str, resource: str, status: int) -> str:
    """The name of an outcome: a route answered so."""
    return f"{method} {resource.removeprefix(_ORGANIZATION)} {status}"


def ended(function: str, *, well: bool) -> str:
    """The name of an outcome: an invocation came to its end."""
    return f"{function} {'ends' if well else 'fails'}"


EXPECTED = (
    *(answered(*route) for route in _ROUTES),
    answered("POST", "/webhooks/stripe", 200),
    *(ended(function, well=True) for function in _FUNCTIONS),
)


def missing(outcomes: Counter[str]) -> list[str]:
    """What should have come about, and never did."""
    return [name for name in EXPECTED if not outcomes[name]]
