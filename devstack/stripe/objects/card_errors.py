"""The errors that refused cards leave on intents, and the 402 that answers with them."""

from __future__ import annotations

from typing import Any

from devstack.stripe.declines import Decline
from devstack.stripe.errors import ApiError, Json

_STABLE = "https://stripe.com/docs/error-codes/"


def failure(decline: Decline, payment_method: Json, *, charge: str | None) -> Json:
    """The `last_payment_error` or `last_setup_error` of a refused card."""
    error: Json = {
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": _STABLE + decline.code.replace("_", "-"),
        "message": decline.message,
        "payment_method": payment_method,
        "type": "card_error",
    }
    if decline.advice_code:
        error["advice_code"] = decline.advice_code
    if charge:
        error["charge"] = charge
    return error


def not_authenticated(payment_method: Json, *, noun: str, code: str) -> Json:
    """The error of an intent whose customer refused or failed 3-D Secure."""
    return {
        "code": code,
        "doc_url": _STABLE + code.replace("_", "-"),
        "message": "The provided PaymentMethod has failed authentication. You can provide "
        f"payment_method_data or a new PaymentMethod to attempt to fulfill this {noun} again.",
        "payment_method": payment_method,
        "type": "invalid_request_error",
    }


def as_refusal(error: Json, **embedded: Any) -> ApiError:
    """The 402 that answers a confirmation whose card was refused."""
    fields = {name: value for name, value in error.items() if name not in ("type", "message")}
    fields.pop("doc_url")
    return ApiError(402, error["type"], error["message"], embedded=embedded, **fields)
