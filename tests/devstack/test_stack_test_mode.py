"""With a key of Stripe's own test mode, events are fetched, since Stripe can't reach loopback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import stripe

from devstack import demo
from devstack.__main__ import RefusalError, settings_of
from devstack.settings import CHECKOUT, StripeAccount
from devstack.stack import Stack
from devstack.stripe.server import LocalStripe
from devstack.stripe_events import EventFeed, deliver
from tests.devstack.conftest import wait_until

KEY = "sk_test_of_somebody"
SECRET = "whsec_of_the_stack"


@pytest.fixture
def far_stripe() -> Iterator[LocalStripe]:
    """Stands for Stripe's test mode: an account that delivers no webhooks here."""
    running = LocalStripe(port=0, webhook_url=None, api_key=KEY)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def sink() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A listener that keeps what is posted to it, with the signature."""
    received: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.headers["Stripe-Signature"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_events_since_the_beginning_arrive_once_in_order_and_signed(
    far_stripe: LocalStripe, sink: tuple[str, list[tuple[str, bytes]]]
) -> None:
    client = stripe.StripeClient(KEY, base_addresses={"api": far_stripe.url})
    client.v1.customers.create({"name": "before"})
    feed = EventFeed(client=client)
    feed.begin()
    for name in ("first", "second", "third"):
        client.v1.customers.create({"name": name})
    url, received = sink
    for event in feed.read():
        assert deliver(event, webhook_url=url, secret=SECRET)
    assert feed.read() == []
    events = [
        stripe.Webhook.construct_event(body, signature, SECRET) for signature, body in received
    ]
    assert [event.data.object["name"] for event in events] == ["first", "second", "third"]


def test_the_demo_passes_on_a_stripe_that_is_elsewhere(
    far_stripe: LocalStripe,
    start_stack: Callable[..., Stack],
    capsys: pytest.CaptureFixture[str],
) -> None:
    stack = start_stack(
        stripe=StripeAccount(api_key=KEY, publishable_key="pk_test_1", is_local=False),
        environment={"STRIPE_API_BASE": far_stripe.url},
    )
    assert "stripe" not in stack.parts
    described = {**stack.description(), "stripe_api_base": far_stripe.url}
    (stack.home / "stack.json").write_text(json.dumps(described))
    assert demo.main(["--home", str(stack.home)]) == 0, capsys.readouterr().err
    log = stack.logs / "stripe-events.log"
    wait_until(lambda: "payment_intent.succeeded 200" in log.read_text(), "the fetched event")


def test_a_test_key_chooses_stripe_itself_and_a_live_key_is_refused() -> None:
    chosen = settings_of({"STRIPE_API_KEY": KEY}, home=CHECKOUT, root=CHECKOUT).stripe
    assert chosen == StripeAccount(api_key=KEY, publishable_key="", is_local=False)
    with pytest.raises(RefusalError, match="never moves real money"):
        settings_of({"STRIPE_API_KEY": "sk_live_1"}, home=CHECKOUT, root=CHECKOUT)
