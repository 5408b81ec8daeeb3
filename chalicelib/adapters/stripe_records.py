"""The CustomerRecords port on Stripe: whose a customer is, and what became of cards and tax IDs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe import StripeClient

from chalicelib.adapters.stripe_errors import translated
from chalicelib.adapters.stripe_payments import AGREED_AT, AGREED_BY, MANDATE_VERSION, card_of
from chalicelib.domain.billing import TaxId
from chalicelib.domain.instant import parse_instant
from chalicelib.domain.mandate import Agreement, CardSaving
from chalicelib.domain.payment import Card, PaymentRefusedError

if TYPE_CHECKING:
    from stripe import SetupIntent

_ORGANIZATION = "organization_id"


class StripeRecords:
    """The CustomerRecords port."""

    def __init__(self, client: StripeClient) -> None:
        self._api = client.v1

    def card_saving(self, setup_id: str) -> CardSaving:
        """See the port."""
        with translated():
            intent = self._api.setup_intents.retrieve(
                setup_id, params={"expand": ["payment_method"]}
            )
        metadata = dict(intent.metadata.to_dict()) if intent.metadata else {}
        customer = intent.customer
        return CardSaving(
            id=intent.id,
            organization_id=metadata.get(_ORGANIZATION),
            customer_id=customer if customer is None or isinstance(customer, str) else customer.id,
            card=_saved_card(intent),
            agreement=_agreement(metadata),
        )

    def organization_of(self, customer_id: str) -> str | None:
        """See the port. Stripe still knows that a deleted customer was there, and no more."""
        try:
            with translated():
                customer = self._api.customers.retrieve(customer_id)
        except PaymentRefusedError as error:
            if error.failure.code == "resource_missing":
                return None
            raise
        if getattr(customer, "deleted", False) or not customer.metadata:
            return None
        found: str | None = customer.metadata.to_dict().get(_ORGANIZATION)
        return found

    def keeps_tax_id(self, customer_id: str, tax_id: TaxId) -> bool:
        """See the port."""
        with translated():
            kept = self._api.customers.tax_ids.list(customer_id, params={"limit": 100}).data
        return any((one.type, one.value) == (tax_id.type, tax_id.value) for one in kept)


def _saved_card(intent: SetupIntent) -> Card | None:
    method = intent.payment_method
    if intent.status != "succeeded" or method is None or isinstance(method, str):
        return None
    return card_of(method)


def _agreement(metadata: dict[str, str]) -> Agreement | None:
    if not metadata.keys() >= {MANDATE_VERSION, AGREED_BY, AGREED_AT}:
        return None
    return Agreement(
        text_version=metadata[MANDATE_VERSION],
        agreed_by=metadata[AGREED_BY],
        agreed_at=parse_instant(metadata[AGREED_AT]),
    )
