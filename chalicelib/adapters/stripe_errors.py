"""Stripe's errors in the ports' words: an outage, a refusal, or a decline that has a payment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import stripe

from chalicelib.domain.payment import Failure, PaymentRefusedError, PaymentsUnavailableError

if TYPE_CHECKING:
    from stripe import PaymentIntent

#: Stripe's own failures say nothing about the card, nor whether the call took effect.
#: Nor does a clash of idempotency keys: the first call with the key may have succeeded.
_OUTAGES = (
    stripe.APIConnectionError,
    stripe.APIError,
    stripe.RateLimitError,
    stripe.IdempotencyError,
)
#: An expired or wrong key is our configuration's fault: it mustn't look like the card's.
_MISCONFIGURED = (stripe.AuthenticationError, stripe.PermissionError)


class DeclinedError(Exception):
    """Stripe's 402: the payment exists, and its intent says how it stands."""

    def __init__(self, intent: PaymentIntent) -> None:
        super().__init__(intent.id)
        self.intent = intent


@contextmanager
def translated() -> Iterator[None]:
    """Stripe's errors in the port's words."""
    try:
        yield
    except stripe.CardError as error:
        intent = error.error.payment_intent if error.error else None
        if intent is not None:
            raise DeclinedError(intent) from error
        raise PaymentRefusedError(_failure_of_error(error)) from error
    except stripe.InvalidRequestError as error:
        raise PaymentRefusedError(_failure_of_error(error)) from error
    except (*_MISCONFIGURED, *_OUTAGES) as error:
        raise PaymentsUnavailableError(_said_of(error)) from error


def _said_of(error: stripe.StripeError) -> str:
    """What leads to it in Stripe's own log; its words may quote the request, and the key."""
    code, status = error.code or "no code", error.http_status or "no answer"
    return f"{type(error).__name__}: {code}, {status}, request {error.request_id or 'unknown'}"


def _failure_of_error(error: stripe.StripeError) -> Failure:
    return Failure(
        code=error.code or "payment_refused",
        decline_code=error.error.decline_code if error.error else None,
        message=error.user_message or "The payment was refused.",
    )
