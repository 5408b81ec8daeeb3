"""The organization as a buyer: its record at the payment provider, its details, its cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.billing import BillingDetails, TaxId
from chalicelib.domain.customer import Customer
from chalicelib.domain.errors import (
    BusyError,
    ConflictError,
    NotFoundError,
    ValidationFailedError,
)
from chalicelib.domain.mandate import TEXT_VERSION, Agreement
from chalicelib.domain.payment import Card, CardSetup, PaymentRefusedError
from chalicelib.domain.write import Committed, Write
from chalicelib.ports import Customers, Ledger, Payments, Queue, TaxIds, TopUps
from chalicelib.usecases.card_tries import CardTries

#: Rivals are other settings of the same organization, saved by people.
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedCard:
    """A card, and whether auto top-up charges it."""

    card: Card
    default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyers:
    """Keeps who the organizations are when they pay."""

    ledger: Ledger
    customers: Customers
    top_ups: TopUps
    payments: Payments
    tax_ids: TaxIds
    queue: Queue
    card_tries: CardTries

    def known(self, organization_id: str, *, now: datetime) -> tuple[Customer, str]:
        """The customer, made known to the payment provider if need be, and its id there."""
        for _ in range(_ATTEMPTS):
            customer = self.customers.get(organization_id)
            if customer.customer_id is not None:
                return customer, customer.customer_id
            former = len(customer.former_customer_ids)
            customer_id = self.payments.create_customer(organization_id, former=former)
            self._save(customer.known_as(customer_id), now=now)
        raise _busy()

    def set_billing_details(
        self, organization_id: str, details: BillingDetails, *, now: datetime
    ) -> Customer:
        """Keep the details for the next invoices, here and at the payment provider.

        Raises:
            ValidationFailedError: if the tax ID is of no known type, or can't be one of its type.
        """
        self._check_tax_id(details.tax_id)
        for _ in range(_ATTEMPTS):
            customer, customer_id = self.known(organization_id, now=now)
            if customer.billing_details == details:
                return customer
            self.payments.update_customer(customer_id, details)
            self._keep_tax_id(customer_id, details.tax_id)
            changed = customer.with_billing_details(details)
            if self._save(changed, now=now):
                return changed
        raise _busy()

    def set_up_card(self, organization_id: str, *, by: str, now: datetime) -> CardSetup:
        """Begin saving a card, for somebody who was shown the mandate and agreed.

        Raises:
            TooManyTriesError: if that was begun too often in the last hour.
        """
        self.card_tries.count_setup(organization_id, now=now)
        _, customer_id = self.known(organization_id, now=now)
        agreement = Agreement(text_version=TEXT_VERSION, agreed_by=by, agreed_at=now)
        return self.payments.set_up_card(organization_id, customer_id, agreement)

    def cards(self, organization_id: str) -> Sequence[SavedCard]:
        """The saved cards, newest first."""
        customer = self.customers.get(organization_id)
        if customer.customer_id is None:
            return []
        cards = self.payments.cards(customer.customer_id)
        default = default_card(customer, cards)
        return [SavedCard(card=card, default=card == default) for card in cards]

    def set_default_card(
        self, organization_id: str, payment_method_id: str, *, now: datetime
    ) -> SavedCard:
        """Make it the card that auto top-up charges; a person did this, so a pause ends.

        Raises:
            NotFoundError: if the organization has no such card.
        """
        for _ in range(_ATTEMPTS):
            customer = self.customers.get(organization_id)
            card = self._card(customer, payment_method_id)
            top_up = self.top_ups.get(organization_id)
            chosen = customer.with_default_payment_method(payment_method_id)
            # What waited for another card may be due, and no usage may come to say so.
            write = Write(
                organization_id=organization_id,
                at=now,
                mark_low=top_up.enabled,
                saves=(chosen, top_up.resumed()) if top_up.enabled else (chosen,),
            )
            if isinstance(self.ledger.commit(write), Committed):
                if top_up.enabled:
                    self.queue.top_up_hint(organization_id)
                return SavedCard(card=card, default=True)
        raise _busy()

    def remove_card(self, organization_id: str, payment_method_id: str) -> None:
        """Forget a card.

        Raises:
            NotFoundError: if the organization has no such card.
            ConflictError: if it is the last one and auto top-up is on.
        """
        customer = self.customers.get(organization_id)
        self._card(customer, payment_method_id)
        if self.top_ups.get(organization_id).enabled:
            cards = self.payments.cards(customer.customer_id or "")
            if len(cards) <= 1:
                raise ConflictError(
                    "Auto top-up needs a payment method: turn it off first, or add another card."
                )
        self.payments.remove_card(payment_method_id)

    def _check_tax_id(self, tax_id: TaxId | None) -> None:
        if tax_id is None:
            return
        if not self.tax_ids.listed(tax_id.type):
            raise ValidationFailedError.of("tax_id.type", "is not one of GET /v1/tax-id-types")
        if not self.tax_ids.well_formed(tax_id.type, tax_id.value):
            raise ValidationFailedError.of("tax_id.value", f"is not a valid {tax_id.type}")

    def _keep_tax_id(self, customer_id: str, tax_id: TaxId | None) -> None:
        try:
            self.payments.set_tax_id(customer_id, tax_id)
        except PaymentRefusedError as error:
            raise ValidationFailedError.of("tax_id.value", error.failure.message) from error

    def _card(self, customer: Customer, payment_method_id: str) -> Card:
        card = None
        if customer.customer_id is not None:
            card = self.payments.card(customer.customer_id, payment_method_id)
        if card is None:
            raise NotFoundError("There is no such payment method.")
        return card

    def _save(self, customer: Customer, *, now: datetime) -> bool:
        write = Write(organization_id=customer.organization_id, at=now, saves=(customer,))
        return isinstance(self.ledger.commit(write), Committed)


def default_card(customer: Customer, cards: Sequence[Card]) -> Card | None:
    """The card that auto top-up charges: the chosen one, else the newest."""
    for card in cards:
        if card.payment_method_id == customer.default_payment_method_id:
            return card
    return cards[0] if cards else None


def _busy() -> BusyError:
    return BusyError("These settings are being changed by somebody else; please try again.")
