"""What browsers load from the local Stripe: the stand-in of Stripe.js and its frames."""

from __future__ import annotations

from devstack.stripe.api import Response, to_bytes
from devstack.stripe.state import State


def page(method: str, path: str, _state: State) -> Response:
    """The file or frame at this path; 404 where there is none."""
    body = to_bytes({"error": {"message": f"nothing at {method} {path}"}})
    return Response(status=404, body=body, headers={"Content-Type": "application/json"})
