"""The mandate: the customer's word that a saved card may be charged without them.

Card networks want its text to say who charges, when, and how the amount comes about, and a record
of who agreed to it and when.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.payment import Card

#: Another text is another version; what was agreed to stays agreed to.
TEXT_VERSION = "2026-11"


def mandate_text(seller_name: str) -> str:
    """What the customer agrees to by saving a card."""
    return (
        f"I allow {seller_name} to charge this card without asking me each time: whenever my "
        "credits fall below the threshold that I set for auto top-up, by the amount and within "
        "the monthly limit that I set there, plus tax. This holds until I turn auto top-up off "
        "or remove the card."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """That somebody agreed to a version of the text, before the card was saved."""

    text_version: str
    agreed_by: str
    agreed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSaving:
    """How the saving of a card stands at the payment provider.

    `organization_id` is None for one that isn't ours; without a card it hasn't succeeded.
    """

    id: str
    organization_id: str | None
    customer_id: str | None
    card: Card | None
    agreement: Agreement | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """The agreement about one card; `brand` is what it was for, since another needs a new one."""

    setup_id: str
    payment_method_id: str
    brand: str
    agreement: Agreement
