"""Proof that an event comes from Stripe, and the little of it that is used."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stripe import SignatureVerificationError, WebhookSignature

#: How old a signature may be, in seconds: Stripe's own default, against replays.
_TOLERANCE_SECONDS = 300


class WebhookError(Exception):
    """The event isn't proven to come from Stripe, or isn't one."""


def verified_event(raw: bytes, *, signature: str, secrets: Sequence[str]) -> Mapping[str, object]:
    """The event's id and type, and the id of the object that it is about.

    More isn't taken from it: by the time it is worked on, the object may be another.

    Raises:
        WebhookError: unless one of the secrets signed it lately.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WebhookError("The body is not UTF-8.") from error
    if not any(_signed(text, signature, secret) for secret in secrets):
        raise WebhookError("The Stripe-Signature doesn't prove that Stripe sent this.")
    try:
        event: Any = json.loads(text)
        return {
            "id": event["id"],
            "type": event["type"],
            "object_id": event["data"]["object"]["id"],
        }
    except (ValueError, KeyError, TypeError) as error:
        raise WebhookError("The body is no event of Stripe's.") from error


def _signed(text: str, signature: str, secret: str) -> bool:
    try:
        return bool(
            WebhookSignature.verify_header(text, signature, secret, tolerance=_TOLERANCE_SECONDS)
        )
    except SignatureVerificationError:
        return False
