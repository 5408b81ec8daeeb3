"""The running stack as a gateway's tests need it: organizations with credits, and their ledgers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from devstack.client import Client
from devstack.seed import seed
from devstack.stack import Stack
from gateway import ClientSettings, CreditsClient, HttpService, JournalFolder, LeasePolicy
from gateway.journal import Journals
from tests.gateway.fakes import Counts

PATIENCE_SECONDS = 120.0
"""How long a test waits for what must come; reaching it is a failure, never a measurement."""

_serial = count(1)


@dataclass
class Customer:
    """An organization with a card, that bought credits or didn't, and looks into its ledger."""

    stack: Stack
    bought: str | None
    organization_id: str = field(default_factory=lambda: f"gw-{next(_serial)}")

    def __post_init__(self) -> None:
        seed(self.stack.description(), self.client)
        if self.bought is not None:
            self.buy(self.bought)

    @property
    def client(self) -> Client:
        token = self.stack.token(
            organization_id=self.organization_id, scope="credits:read credits:write"
        )
        return Client(url=self.stack.url, organization_id=self.organization_id, token=token)

    def buy(self, amount: str) -> None:
        (card,) = self.client.get("/payment-methods")["data"]
        body = {"amount": amount, "payment_method_id": card["id"]}
        assert self.client.post("/purchases", body)["status"] == "succeeded"

    def credits(self) -> tuple[str, str]:
        """What is available, and what is held."""
        found = self.client.get("/credits")
        return found["available"], found["held"]

    def usage_entries(self) -> list[Mapping[str, Any]]:
        entries: list[Mapping[str, Any]] = []
        query: dict[str, str] = {"limit": "100"}
        while True:
            page = self.client.get("/ledger", **query)
            entries += page["data"]
            if page["next_cursor"] is None:
                return [entry for entry in entries if entry["type"] == "usage"]
            query["cursor"] = page["next_cursor"]

    def spent(self) -> Decimal:
        return -sum((Decimal(entry["amount"]) for entry in self.usage_entries()), Decimal(0))


def gateway_client(
    stack: Stack,
    journals: Path | Journals,
    *,
    amount_nanos: int = 1_000_000_000,
    seconds: int = 600,
    margin_seconds: int = 60,
    counts: Counts | None = None,
    timeout_seconds: float = 30.0,
) -> CreditsClient:
    """A client of the stack, with short waits."""
    policy = LeasePolicy(amount_nanos=amount_nanos, seconds=seconds, margin_seconds=margin_seconds)
    return CreditsClient(
        service=service_of(stack, timeout_seconds=timeout_seconds),
        queue=stack.cloud.client("sqs"),
        queue_url=stack.description()["usage_queue_url"],
        journals=JournalFolder(journals) if isinstance(journals, Path) else journals,
        settings=ClientSettings(
            leases=policy, fresh_seconds=1.0, stale_seconds=5.0, report_seconds=1.0
        ),
        count=counts or Counts(),
    )


def service_of(stack: Stack, *, timeout_seconds: float) -> HttpService:
    """The stack's routes, with a token that lasts longer than a test."""
    token = partial(stack.token, organization_id="gateway", scope="gateway")
    return HttpService(stack.url, token=token, timeout_seconds=timeout_seconds)


def eventually(look: Callable[[], Any], wanted: object) -> None:
    """Wait until what is seen is what is wanted; fail with what was seen last."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    seen = look()
    while seen != wanted and time.monotonic() < deadline:
        time.sleep(0.2)
        seen = look()
    assert seen == wanted
