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

    More isn't taken from it: by the time it is worked on, the object may be another. But whose it
    was is taken along where the object itself won't tell any more, once detached or deleted.

    Raises:
        WebhookError: unless one of the secrets signed it lately.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WebhookError("The body is not UTF-8.") from error
    # Signatures with other letters can't be compared, which Stripe's client takes for a bug.
    if not signature.isascii() or not any(_signed(text, signature, secret) for secret in secrets):
        raise WebhookError("The Stripe-Signature doesn't prove that Stripe sent this.")
    try:
        event: Any = json.loads(text)
        about, before = event["data"]["object"], event["data"].get("previous_attributes") or {}
        metadata = about.get("metadata") or {}
        owner = about["id"] if about.get("object") == "customer" else about.get("customer")
        hints = {
            "customer_id": owner or before.get("customer"),
            "organization_id": metadata.get("organization_id"),
            # For the log alone: it links what is done here and at Stripe.
            "purchase_id": metadata.get("purchase_id"),
        }
        said = {"id": event["id"], "type": event["type"], "object_id": about["id"]}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WebhookError("The body is no event of Stripe's.") from error
    if not all(isinstance(value, str) for value in said.values()):
        raise WebhookError("The body is no event of Stripe's.")
    return {**said, **{name: hint for name, hint in hints.items() if isinstance(hint, str)}}


def _signed(text: str, signature: str, secret: str) -> bool:
    try:
        return bool(
            WebhookSignature.verify_header(text, signature, secret, tolerance=_TOLERANCE_SECONDS)
        )
    except SignatureVerificationError:
        return False
