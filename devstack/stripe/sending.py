"""One signed webhook over HTTP."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from stripe import WebhookSignature


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where events go; while a secret is being rolled there are two, and each one signs."""

    url: str
    secrets: tuple[str, ...]


def post(endpoint: Endpoint, payload: str, *, timeout_seconds: float) -> int | None:
    """Send a payload, signed now; answers the HTTP status, or None where nobody answered."""
    url = urlsplit(endpoint.url)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=timeout_seconds)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": _signature(payload, endpoint.secrets),
    }
    try:
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request("POST", path, payload.encode(), headers)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return None
    else:
        return response.status
    finally:
        connection.close()


def _signature(payload: str, secrets: tuple[str, ...]) -> str:
    """The Stripe-Signature header: one time stamp, and one v1 for each secret."""
    now = int(time.time())
    signed = [WebhookSignature.generate_signature_header(payload, key, now) for key in secrets]
    first = signed[0]
    return ",".join([first, *(other.partition(",")[2] for other in signed[1:])])
