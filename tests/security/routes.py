"""Every route of docs/openapi.yaml as a request that would have its effect, if it were let in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.functional.api import Answer, Api
from tests.support.contract import contract, operations, scopes_of

DETAILS = {
    "name": "Somebody Else Ltd",
    "address": {"line1": "1 St", "city": "Rome", "postal_code": "1", "country": "IT"},
}
#: A good body for every operation that takes one; `{card}` and the like are of the organization.
BODIES: dict[str, dict[str, Any]] = {
    "create_purchase": {"amount": "7.00", "payment_method_id": "{payment_method_id}"},
    "put_auto_top_up": {"enabled": True, "threshold": "1.00", "amount": "5.00"},
    "put_billing_details": DETAILS,
    "create_refund": {"amount": "1.00", "reason": "asked for it"},
    "create_adjustment": {"amount": "1.00", "reason": "goodwill"},
    "create_deduction": {"amount": "1.00"},
    "create_hold": {"amount": "1.00"},
    "settle_hold": {"amount": "1.00"},
    "put_prices": {"scope": {"provider": "openai"}, "mark_up_percent": "5"},
}
QUERIES = {
    "get_quote": {"provider": "openai", "model": "gpt-4o"},
    "get_trace_terms": {"organization_id": "acme"},
    "get_invoices_archive": {"month": f"{datetime.now(UTC):%Y-%m}"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An operation of the contract."""

    method: str
    path: str
    operation: dict[str, Any]

    @property
    def name(self) -> str:
        """The operation's id."""
        return str(self.operation["operationId"])

    @property
    def scopes(self) -> tuple[str, ...]:
        """Of which it needs one; none if it is open."""
        return scopes_of(self.operation)

    @property
    def of_organization(self) -> bool:
        """Whether it is about one organization."""
        return "{organization_id}" in self.path

    @property
    def other_ids(self) -> list[str]:
        """The parameters of the path beside the organization."""
        parts = [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
        return [part for part in parts if part != "organization_id"]

    def takes(self, parameter: str) -> bool:
        """Whether it takes one of the contract's shared parameters, such as `cursor`."""
        given = self.operation.get("parameters", ())
        return {"$ref": f"#/components/parameters/{parameter}"} in given

    def __str__(self) -> str:
        return self.name


ROUTES = [
    Route(method=method, path=path, operation=operation)
    for (method, path), operation in operations(contract()).items()
]
GUARDED = [route for route in ROUTES if route.scopes]
OF_ORGANIZATION = [route for route in GUARDED if route.of_organization]


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """An organization with a card, two purchases, invoices and a hold."""

    id: str
    ids: dict[str, str]

    @classmethod
    def seeded(cls, api: Api, organization_id: str) -> Organization:
        """A new one."""
        card = api.card(organization_id)
        bought: dict[str, Any] = {}
        for key in ("a", "b"):
            bought = api.call(
                "POST",
                f"{organization_id}/purchases",
                body={"amount": "50.00", "payment_method_id": card},
                scope="credits:write",
                key=key,
            ).json()
            number = bought["invoice"]["number"]
            api.services.invoicing.store(organization_id, number, now=datetime.now(UTC))
        hold = api.call(
            "POST", f"{organization_id}/holds", body={"amount": "5.00"}, scope="gateway", key="a"
        ).json()
        ids = {
            "organization_id": organization_id,
            "purchase_id": bought["id"],
            "transaction_id": bought["id"],
            "number": bought["invoice"]["number"],
            "payment_method_id": card,
            "hold_id": hold["id"],
            "version": "1",
        }
        return cls(id=organization_id, ids=ids)


def send(
    api: Api,
    route: Route,
    token: str | None,
    *,
    ids: dict[str, str],
    query: dict[str, str] | None = None,
    key: str = "tried",
) -> Answer:
    """The route's request, complete and good, with the token."""
    path = route.path
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", value)
    body: Any = BODIES.get(route.name)
    if body is not None:
        body = json.loads(json.dumps(body).replace("{payment_method_id}", ids["payment_method_id"]))
    return api.call(
        route.method,
        f"/{path}",
        body=body,
        token=token,
        key=key if route.takes("idempotency_key") else None,
        query=query or QUERIES.get(route.name),
    )


def state_of(api: Api) -> dict[str, Any]:
    """All that the application keeps, and what it asked Stripe to do."""
    client = api.services._client("dynamodb")
    tables = {}
    for name, table in sorted(api.services.settings.tables.items()):
        items = client.scan(TableName=table, ConsistentRead=True)["Items"]
        tables[name] = sorted(json.dumps(item, sort_keys=True) for item in items)
    asked = [one for one in api.stripe.api.journal.all() if one.method != "GET"]
    return {**tables, "stripe": len(asked)}
