"""What happens to cards and customers at the payment provider, without anybody asking us."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.customer import Customer
from chalicelib.domain.errors import BusyError
from chalicelib.domain.mandate import CardSaving, Mandate
from chalicelib.domain.payment import Card, Failure
from chalicelib.domain.payment_notices import top_up_paused
from chalicelib.domain.topup import TopUp
from chalicelib.domain.write import Committed, Saved, Write
from chalicelib.ports import CustomerRecords, Customers, Ledger, Payments, Queue, TopUps
from chalicelib.usecases.customers import default_card
from chalicelib.usecases.topping_up import NO_CARD

#: Rivals are settings of the same organization, and charges of its auto top-up.
_ATTEMPTS = 20

OTHER_BRAND = Failure(
    code="card_brand_changed",
    decline_code=None,
    message="Your bank replaced the card by one of another brand. Please save it again.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepingCards:
    """Brings what is kept of cards in line with the provider. Each answers whether it was ours."""

    ledger: Ledger
    customers: Customers
    top_ups: TopUps
    payments: Payments
    records: CustomerRecords
    queue: Queue

    def card_saved(self, setup_id: str, *, now: datetime) -> bool:
        """Keep the mandate of a saved card. A person saved it: if it is charged next, a pause ends.

        Told again, it changes nothing, so that it never ends a later pause.
        """
        saving = self.records.card_saving(setup_id)
        if saving.organization_id is None:
            return False
        for _ in range(_ATTEMPTS):
            customer = self.customers.get(saving.organization_id)
            if saving.card is None or customer.customer_id != saving.customer_id:
                # Not saved after all, or for a customer that was deleted since.
                return True
            if customer.agreed_in(saving.id) or saving.agreement is None:
                return True
            top_up = self.top_ups.get(saving.organization_id)
            agreed = customer.with_mandate(_mandate(saving, saving.card))
            charged = default_card(customer, self.payments.cards(customer.customer_id or ""))
            answers = top_up.waits_for_card_of(saving.agreement.agreed_at)
            resumes = top_up.enabled and answers and charged == saving.card
            saves: tuple[Saved, ...] = (agreed, top_up.resumed()) if resumes else (agreed,)
            if self._save(customer.organization_id, saves, looks_after=resumes, now=now):
                return True
        raise _busy()

    def cards_changed(self, customer_id: str, *, now: datetime) -> bool:
        """Cards were removed or replaced: another is charged, or auto top-up is paused."""
        organization_id = self.records.organization_of(customer_id)
        if organization_id is None:
            return False
        for _ in range(_ATTEMPTS):
            customer = self.customers.get(organization_id)
            if customer.customer_id != customer_id:
                return False
            saves = self._after_change(customer, self.payments.cards(customer_id), now=now)
            if not saves or self._save(organization_id, saves, now=now):
                return True
        raise _busy()

    def customer_deleted(self, organization_id: str, customer_id: str, *, now: datetime) -> bool:
        """The customer was deleted, and its cards with it; the next purchase makes another."""
        for _ in range(_ATTEMPTS):
            customer = self.customers.get(organization_id)
            if customer.customer_id != customer_id:
                return customer_id in customer.former_customer_ids
            if self.records.organization_of(customer_id) is not None:
                # It is there, whatever the event says.
                return True
            stopped = self._stopped(organization_id, NO_CARD, now=now)
            if self._save(organization_id, (customer.forgotten(), *stopped), now=now):
                return True
        raise _busy()

    def tax_ids_changed(self, customer_id: str) -> bool:
        """A tax ID was removed in the dashboard: the one on file is kept there again."""
        organization_id = self.records.organization_of(customer_id)
        if organization_id is None:
            return False
        customer = self.customers.get(organization_id)
        details = customer.billing_details
        if customer.customer_id != customer_id:
            return False
        tax_id = None if details is None else details.tax_id
        if tax_id is not None and not self.records.keeps_tax_id(customer_id, tax_id):
            self.payments.set_tax_id(customer_id, tax_id)
        return True

    def _after_change(
        self, customer: Customer, cards: Sequence[Card], *, now: datetime
    ) -> tuple[Saved, ...]:
        saves: tuple[Saved, ...] = ()
        chosen = customer.default_payment_method_id
        if chosen is not None and all(card.payment_method_id != chosen for card in cards):
            saves = (customer.with_default_payment_method(None),)
        card = default_card(customer, cards)
        if card is None:
            return (*saves, *self._stopped(customer.organization_id, NO_CARD, now=now))
        mandate = customer.mandate_for(card.payment_method_id)
        if mandate is not None and mandate.brand != card.brand:
            return (*saves, *self._stopped(customer.organization_id, OTHER_BRAND, now=now))
        return saves

    def _stopped(
        self, organization_id: str, failure: Failure, *, now: datetime
    ) -> tuple[Saved, ...]:
        """Auto top-up paused and the customer told; nothing if it is off, or paused already."""
        top_up: TopUp = self.top_ups.get(organization_id)
        if not top_up.enabled or top_up.paused:
            return ()
        stopped = top_up.stopped(failure, now=now)
        return stopped, top_up_paused(stopped, failure, at=now)

    def _save(
        self,
        organization_id: str,
        saves: tuple[Saved, ...],
        *,
        looks_after: bool = False,
        now: datetime,
    ) -> bool:
        """Save, and have the account looked after if it may be due for a top-up by now."""
        write = Write(organization_id=organization_id, at=now, mark_low=looks_after, saves=saves)
        if not isinstance(self.ledger.commit(write), Committed):
            return False
        if looks_after:
            self.queue.top_up_hint(organization_id)
        return True


def _mandate(saving: CardSaving, card: Card) -> Mandate:
    if saving.agreement is None:
        raise ValueError("nobody agreed to anything")
    return Mandate(
        setup_id=saving.id,
        payment_method_id=card.payment_method_id,
        brand=card.brand,
        agreement=saving.agreement,
    )


def _busy() -> BusyError:
    return BusyError("These settings are being changed by somebody else; please try again.")
