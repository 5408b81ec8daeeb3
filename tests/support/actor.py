"""An organization of a running stack with all who call about it, and the world around Stripe."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol

from devstack.aws import Cloud
from devstack.client import Client, request
from devstack.seed import BILLING_DETAILS

PATIENCE_SECONDS = 120.0
LONG_AGO = "2020-01-01T00:00:00.000000Z"
FAR_OFF = "2099-01-01T00:00:00.000000Z"
Json = dict[str, Any]


def wait_for(
    what: str, look: Callable[[], Any], *, patience_seconds: float = PATIENCE_SECONDS
) -> Any:
    """The first truthy answer; reaching the deadline is a failure, never a measurement."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come")


class Running(Protocol):
    """What an actor needs of a stack: the local one, or one that was deployed."""

    @property
    def url(self) -> str:
        """Where the API answers."""

    @property
    def cloud(self) -> Cloud:
        """The account that everything is in."""

    @property
    def environment(self) -> Mapping[str, str]:
        """At least STRIPE_API_BASE and STRIPE_API_KEY."""

    def token(self, *, organization_id: str, scope: str) -> str:
        """A token that the API accepts."""


class Actor:
    """Has billing details from the start, and no card."""

    def __init__(self, stack: Running, name: str) -> None:
        self.stack = stack
        self.name = f"{name}-{uuid.uuid4().hex[:6]}"
        self.customer = self._client("credits:read credits:write")
        self.gateway = self._client("gateway")
        self.operator = self._client("operator")
        self.customer.put("/billing-details", dict(BILLING_DETAILS))

    def _client(self, scope: str) -> Client:
        token = self.stack.token(organization_id=self.name, scope=scope)
        return Client(url=self.stack.url, organization_id=self.name, token=token)

    @cached_property
    def physical_ids(self) -> dict[str, str]:
        """The names and addresses of the stack's resources."""
        return self.stack.cloud.physical_ids()

    def save_card(self, payment_method: str = "pm_card_visa") -> str:
        """Save one of Stripe's test cards, and make it the default."""
        setup = self.customer.call("POST", "/payment-methods/setup", body={})
        intent = setup["client_secret"].partition("_secret_")[0]
        where = {"return_url": "https://example.com/done"}
        card: str = self.stripe(
            "POST", f"/setup_intents/{intent}/confirm", payment_method=payment_method, **where
        )["payment_method"]
        if self.stripe("GET", f"/setup_intents/{intent}")["status"] == "requires_action":
            self.control(f"/setup_intents/{intent}/authenticate", outcome="accept")
        self.customer.put(f"/payment-methods/{card}/default", {})
        return card

    def buy(self, amount: str, card: str, *, expected: int = 201, key: str = "") -> Json:
        """Order credits."""
        order = {"amount": amount, "payment_method_id": card}
        return self.customer.post("/purchases", order, expected=expected, key=key)

    def order_top_ups(self, *, monthly_limit: str | None = None) -> Json:
        """Turn auto top-up on: 25 whenever fewer than 20 are left."""
        order = {"threshold": "20.00", "amount": "25.00", "monthly_limit": monthly_limit}
        return self.customer.put("/auto-top-up", {"enabled": True, **order})

    def available(self) -> Decimal:
        """What can be spent now."""
        return Decimal(self.customer.get("/credits")["available"])

    def wait_for_available(self, amount: str) -> None:
        """Wait until exactly so much can be spent."""
        wait_for(f"{amount} for {self.name}", lambda: self.available() == Decimal(amount))

    def wait_for_top_up(self, status: str) -> None:
        """Wait until auto top-up has the status."""
        wait_for(status, lambda: self.customer.get("/auto-top-up")["status"] == status)

    def report(self, *lines: Json, **fields: object) -> Json:
        """A usage report."""
        return {
            "version": 1,
            "report_id": str(uuid.uuid4()),
            "organization_id": self.name,
            "project_id": "search",
            "occurred_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "hold_id": None,
            "final": False,
            "lines": lines,
            **fields,
        }

    def send(self, *reports: Mapping[str, object]) -> None:
        """Send at most ten reports so that one batch has them all."""
        self.stack.cloud.client("sqs").send_message_batch(
            QueueUrl=self.physical_ids["UsageQueue"],
            Entries=[
                {
                    "Id": str(number),
                    "MessageGroupId": self.name,
                    "MessageDeduplicationId": str(uuid.uuid4()),
                    "MessageBody": json.dumps(report),
                }
                for number, report in enumerate(reports)
            ],
        )

    def stripe(self, method: str, path: str, **fields: object) -> Json:
        """Call Stripe as its dashboard does."""
        key = self.stack.environment["STRIPE_API_KEY"]
        answer = request(
            method,
            f"{self.stack.environment['STRIPE_API_BASE']}/v1{path}",
            data=fields,
            headers={"Authorization": f"Bearer {key}"},
        )
        answer.raise_for_status()
        found: Json = answer.json()
        return found

    def control(self, path: str, *, method: str = "POST", **body: object) -> None:
        """Do what banks, cardholders and networks do."""
        url = f"{self.stack.environment['STRIPE_API_BASE']}/_control{path}"
        request(method, url, json=body).raise_for_status()

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Let no webhook through."""
        self.control("/disturbances", action="drop", types=["*"], count=None)
        try:
            yield
        finally:
            self.control("/disturbances", method="DELETE")

    def intent_of(self, purchase_id: str) -> str:
        """The payment behind a purchase."""
        intents = self.stripe("GET", "/payment_intents?limit=100")["data"]
        (found,) = (i["id"] for i in intents if i["metadata"].get("purchase_id") == purchase_id)
        intent: str = found
        return intent

    def rows(self, table: str) -> list[Json]:
        """The organization's rows in a table whose hash key it is."""
        answer = self.stack.cloud.client("dynamodb").query(
            TableName=self.physical_ids[table],
            KeyConditionExpression="organization_id = :name",
            ExpressionAttributeValues={":name": {"S": self.name}},
            ConsistentRead=True,
        )
        rows: list[Json] = answer["Items"]
        return rows

    def change(self, table: str, key: Json, *, forget: str = "", **attributes: str) -> None:
        """Change a row behind the application's back, as if something had been lost."""
        sets = ", ".join(f"#{name} = :{name}" for name in attributes)
        self.stack.cloud.client("dynamodb").update_item(
            TableName=self.physical_ids[table],
            Key=key,
            UpdateExpression=f"SET {sets}" + (f" REMOVE {forget}" if forget else ""),
            ExpressionAttributeNames={f"#{name}": name for name in attributes},
            ExpressionAttributeValues={f":{n}": {"S": v} for n, v in attributes.items()},
        )

    def make_due(
        self, table: str, sort_key: str, *, forget: str = "", check_at: str = LONG_AGO
    ) -> None:
        """Mark the organization's rows of a table as unfinished, for the sweep to see to."""
        for row in self.rows(table):
            key = {name: row[name] for name in ("organization_id", sort_key)}
            self.change(table, key, forget=forget, due="due", check_at=check_at)
