"""Delivers the events of Stripe's own test mode to the local stack, which Stripe can't reach.

`python -m devstack.stripe_events --webhook-url URL`: asks Stripe for its new events, and posts
each, signed with the stack's own secret, as Stripe would post it to a public address.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import stripe

from devstack.client import request

POLL_SECONDS = 2.0
PAGE_SIZE = 100
ATTEMPTS = 20
"""An event that was refused as often is left; the sweep finds what it would have said."""


@dataclass(slots=True, kw_only=True)
class EventFeed:
    """Reads an account's events, oldest first, from where it began."""

    client: stripe.StripeClient
    position: str = ""

    def begin(self) -> None:
        """Start after the newest event that there is now."""
        newest = self._page(limit=1)
        self.position = newest[0]["id"] if newest else ""

    def read(self) -> list[dict[str, Any]]:
        """Return the events since the last reading, oldest first."""
        found: list[dict[str, Any]] = []
        while True:
            after = {"ending_before": self.position} if self.position else {}
            page = self._page(limit=PAGE_SIZE, **after)
            if not page:
                return found
            found += reversed(page)
            self.position = page[0]["id"]

    def _page(self, **query: object) -> list[dict[str, Any]]:
        answer = self.client.raw_request("get", f"/v1/events?{urlencode(query)}")
        page: list[dict[str, Any]] = json.loads(answer.body)["data"]
        return page


def deliver(event: dict[str, Any], *, webhook_url: str, secret: str) -> bool:
    """Post one event, signed; say whether it was accepted."""
    payload = json.dumps(event)
    signature = stripe.WebhookSignature.generate_signature_header(payload, secret)
    response = request(
        "POST",
        webhook_url,
        data=payload.encode(),
        headers={"Content-Type": "application/json", "Stripe-Signature": signature},
    )
    print(f"{event['id']} {event['type']} {response.status_code}", flush=True)
    return response.ok


def main() -> None:
    """Deliver until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m devstack.stripe_events")
    parser.add_argument("--webhook-url", required=True)
    webhook_url = parser.parse_args().webhook_url
    secret = os.environ["STRIPE_WEBHOOK_SECRETS"].split(",")[0]
    feed = EventFeed(
        client=stripe.StripeClient(
            os.environ["STRIPE_API_KEY"],
            base_addresses={"api": os.environ["STRIPE_API_BASE"]},
            max_network_retries=2,
        )
    )
    try:
        feed.begin()
    except stripe.AuthenticationError as error:
        sys.exit(f"Stripe refused STRIPE_API_KEY: {error.user_message}")
    print("Ready: events of Stripe's test mode are delivered from now on.", flush=True)
    while True:
        try:
            events = feed.read()
        except stripe.StripeError as error:
            print(f"Stripe did not answer: {error}", flush=True)
            events = []
        for event in events:
            for _ in range(ATTEMPTS):
                if deliver(event, webhook_url=webhook_url, secret=secret):
                    break
                time.sleep(POLL_SECONDS)
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
