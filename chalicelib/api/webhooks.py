"""Stripe's webhooks: verified over the raw body, kept on a queue, answered at once."""

from __future__ import annotations

from chalice.app import Request, Response

from chalicelib.api.http import Routes, json_response
from chalicelib.domain.errors import InvalidSignatureError
from chalicelib.wiring import services

routes = Routes()


@routes.open("POST", "/webhooks/stripe")
def receive_stripe_event(request: Request) -> Response:
    """Keep the event safely; what follows from it is the worker's matter."""
    raw = request.raw_body
    event = services().verify_stripe_event(
        raw.encode() if isinstance(raw, str) else raw,
        request.headers.get("stripe-signature", ""),
    )
    if event is None:
        raise InvalidSignatureError("Nothing proves that Stripe sent this event lately.")
    services().queue.payment_event(event)
    return json_response({"received": True})
