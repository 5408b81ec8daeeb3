"""A card payment as the payment provider tells it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PaymentStatus(StrEnum):
    """Where a payment stands; the last two can't take money any more unless confirmed anew."""

    SUCCEEDED = "succeeded"
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    DECLINED = "declined"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What may be shown of a saved card, and the fingerprint that tells one card from another."""

    payment_method_id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a payment failed: the provider's codes, and a sentence for the customer."""

    code: str
    decline_code: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One attempt to take money; `amount_cents` is what the card is charged.

    `organization_id` and `purchase_id` come from the payment's own metadata, and are None on a
    payment that isn't ours.
    """

    id: str
    status: PaymentStatus
    amount_cents: int
    organization_id: str | None = None
    purchase_id: str | None = None
    client_secret: str | None = None
    card: Card | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequest:
    """What the payment provider is asked to take; `purchase_id` is also its idempotency key."""

    organization_id: str
    purchase_id: str
    customer_id: str
    payment_method_id: str
    amount_cents: int
    description: str
    off_session: bool
    tax_calculation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSetup:
    """What a browser needs to save a card without the number passing through us."""

    client_secret: str
    customer_id: str
    publishable_key: str


class PaymentsUnavailableError(Exception):
    """The provider didn't answer, or answered with an error of its own.

    Whether the call took effect is unknown: ask again with the same idempotency key. It says
    nothing about the card.
    """


class PaymentRefusedError(Exception):
    """The provider won't take the request as it stands; asking again can't help."""

    def __init__(self, failure: Failure) -> None:
        # The provider's sentence is for the customer alone: it may quote what they sent.
        super().__init__(failure.decline_code or failure.code)
        self.failure = failure
