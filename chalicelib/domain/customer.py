"""The organization as a buyer: who it is at the payment provider, and whom invoices name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain.billing import BillingDetails
from chalicelib.domain.mandate import Mandate

#: The mandates of so many cards are kept; nobody has that many.
_MAX_MANDATES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """`version` counts the changes and guards each against a concurrent one.

    `former_customer_ids` were its own at the payment provider until they were deleted there.
    """

    organization_id: str
    customer_id: str | None = None
    former_customer_ids: tuple[str, ...] = ()
    billing_details: BillingDetails | None = None
    default_payment_method_id: str | None = None
    mandates: tuple[Mandate, ...] = ()
    version: int = 0

    def known_as(self, customer_id: str) -> Customer:
        """The customer once the payment provider knows it."""
        return replace(self, customer_id=customer_id, version=self.version + 1)

    def forgotten(self) -> Customer:
        """The customer after the payment provider deleted it, its cards with it."""
        if self.customer_id is None:
            raise ValueError("it isn't known to the payment provider")
        return replace(
            self,
            customer_id=None,
            former_customer_ids=(*self.former_customer_ids, self.customer_id),
            default_payment_method_id=None,
            version=self.version + 1,
        )

    def with_billing_details(self, details: BillingDetails) -> Customer:
        """The customer with the details that its next invoices carry."""
        return replace(self, billing_details=details, version=self.version + 1)

    def with_default_payment_method(self, payment_method_id: str | None) -> Customer:
        """The customer with the card that auto top-up charges."""
        return replace(self, default_payment_method_id=payment_method_id, version=self.version + 1)

    def with_mandate(self, mandate: Mandate) -> Customer:
        """The customer that agreed to have a card charged."""
        kept = (*self.mandates, mandate)[-_MAX_MANDATES:]
        return replace(self, mandates=kept, version=self.version + 1)

    def agreed_in(self, setup_id: str) -> bool:
        """Whether the saving of that card was recorded before."""
        return any(mandate.setup_id == setup_id for mandate in self.mandates)

    def mandate_for(self, payment_method_id: str) -> Mandate | None:
        """The latest agreement about the card."""
        about = [m for m in self.mandates if m.payment_method_id == payment_method_id]
        return about[-1] if about else None
