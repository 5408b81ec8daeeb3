"""A fresh local Stripe, stripe-python's real client for it, and an address for its webhooks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
import stripe

from devstack.stripe.delivery import Patience
from devstack.stripe.server import LocalStripe
from tests.support.loopback import Request, served

SECRET = "whsec_of_the_test"
PATIENCE_SECONDS = 120.0
"""How long a test waits for what must come; reaching it is a failure, never a measurement."""


@dataclass
class Sink:
    """A webhook address that notes what it gets and answers as it is told."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    received: list[tuple[str, bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, signature: str, body: bytes) -> int:
        """Note one delivery; answers the next of `statuses`, or 200."""
        with self.lock:
            self.received.append((signature, body))
            return self.statuses.pop(0) if self.statuses else 200

    def types(self) -> list[str]:
        """The types of the events that came, in the order in which they came."""
        with self.lock:
            return [json.loads(body)["type"] for _, body in self.received]


@pytest.fixture
def sink() -> Iterator[Sink]:
    """An address for webhooks."""
    noting = Sink()

    def answer(request: Request) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        request.answer(status=noting.take(request.headers["Stripe-Signature"], body))

    with served(answer) as address:
        noting.url = f"{address}/hooks"
        yield noting


@pytest.fixture
def local(sink: Sink) -> Iterator[LocalStripe]:
    """A local Stripe that sends its events to the sink, and tries again at once."""
    patience = Patience(attempts=4, first_wait_seconds=0.01, timeout_seconds=5.0)
    with LocalStripe(webhook_url=sink.url, webhook_secret=SECRET, patience=patience) as running:
        yield running


@pytest.fixture
def client(local: LocalStripe) -> Iterator[stripe.StripeClient]:
    """stripe-python's own client, as the product uses it; it never retries by itself."""
    http = stripe.RequestsClient(timeout=20)
    yield stripe.StripeClient(local.api_key, base_addresses={"api": local.url}, http_client=http)
    http.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def customer(client: stripe.StripeClient) -> str:
    """The id of a customer."""
    return client.v1.customers.create(params={"email": "ada@example.com"}).id


@pytest.fixture
def save_card(client: stripe.StripeClient, customer: str) -> Callable[[str], str]:
    """Save a test card for the customer by a setup intent; answers the payment method's id."""

    def save(card: str) -> str:
        intent = client.v1.setup_intents.create(
            params={
                "customer": customer,
                "payment_method": card,
                "confirm": True,
                "usage": "off_session",
                "allowed_payment_method_types": ["card"],
            }
        )
        assert intent.status == "succeeded"
        return str(intent.payment_method)

    return save


@pytest.fixture
def control(local: LocalStripe) -> Callable[..., dict[str, Any]]:
    """Call a control route: `control("POST", "/reset", **body)`; fails unless it answers 200."""

    def call(method: str, path: str, /, **body: object) -> dict[str, Any]:
        with requests.Session() as session:
            response = session.request(method, f"{local.url}/_control{path}", json=body, timeout=20)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    return call


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """The first truthy answer of `condition`; fails when it never comes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"This never came: {what}")


def types_of(local: LocalStripe) -> list[str]:
    """The types of all events recorded, oldest first."""
    return [event["type"] for event in local.state.all("event")]
