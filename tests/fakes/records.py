"""What the fake provider keeps of customers and cards, and what issuers and people do to them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain.billing import TaxId
from chalicelib.domain.mandate import CardSaving
from chalicelib.domain.payment import Card
from tests.fakes.payments import Behaviour, FakePayments, refused


@dataclass(slots=True)
class FakeRecords:
    """The CustomerRecords port, over the payments' customers."""

    payments: FakePayments

    # What the world does to it.

    def save_card(
        self,
        client_secret: str,
        behaviour: Behaviour = Behaviour.PAYS,
        *,
        decline_code: str = "insufficient_funds",
    ) -> Card:
        """The browser finishes the saving of a card."""
        setup_id = client_secret.partition("_secret_")[0]
        saving = self.payments.savings[setup_id]
        card = self.payments.add_card(
            saving.customer_id or "", behaviour, decline_code=decline_code
        )
        self.payments.savings[setup_id] = replace(saving, card=card)
        self.payments.tell("setup_intent.succeeded", setup_id)
        return card

    def detach(self, card: Card) -> None:
        """Somebody removes a card in the dashboard."""
        customer_id = self._customer_with(card)
        self.payments.saved_cards[customer_id].remove(card)
        self.payments.tell(
            "payment_method.detached", card.payment_method_id, customer_id=customer_id
        )

    def replace_card(self, card: Card, **changes: object) -> Card:
        """The issuer replaces a card: another number, expiry or brand."""
        customer_id = self._customer_with(card)
        cards = self.payments.saved_cards[customer_id]
        replaced = replace(card, **changes)  # type: ignore[arg-type]
        cards[cards.index(card)] = replaced
        self.payments.tell(
            "payment_method.automatically_updated",
            card.payment_method_id,
            customer_id=customer_id,
        )
        return replaced

    def delete_customer(self, customer_id: str) -> None:
        """Somebody deletes a customer in the dashboard."""
        del self.payments.saved_cards[customer_id]
        self.payments.tell(
            "customer.deleted",
            customer_id,
            customer_id=customer_id,
            organization_id=self.payments.owners[customer_id],
        )

    def remove_tax_id(self, customer_id: str) -> None:
        """Somebody removes a customer's tax ID in the dashboard."""
        self.payments.tax_ids[customer_id] = None
        self.payments.tell("customer.tax_id.deleted", "txi_1", customer_id=customer_id)

    # The port.

    def card_saving(self, setup_id: str) -> CardSaving:
        """See the port."""
        with self.payments.call("card_saving"):
            if setup_id not in self.payments.savings:
                raise refused("resource_missing")
            return self.payments.savings[setup_id]

    def organization_of(self, customer_id: str) -> str | None:
        """See the port."""
        with self.payments.call("organization_of"):
            there = customer_id in self.payments.saved_cards
            return self.payments.owners[customer_id] if there else None

    def keeps_tax_id(self, customer_id: str, tax_id: TaxId) -> bool:
        """See the port."""
        with self.payments.call("keeps_tax_id"):
            return self.payments.tax_ids.get(customer_id) == tax_id

    def _customer_with(self, card: Card) -> str:
        found = (owner for owner, cards in self.payments.saved_cards.items() if card in cards)
        return next(found)
