"""The organization as a buyer: who it is at the payment provider, and whom invoices name."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain.billing import BillingDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """`version` counts the changes and guards each against a concurrent one."""

    organization_id: str
    customer_id: str | None = None
    billing_details: BillingDetails | None = None
    default_payment_method_id: str | None = None
    version: int = 0

    def known_as(self, customer_id: str) -> Customer:
        """The customer once the payment provider knows it."""
        return replace(self, customer_id=customer_id, version=self.version + 1)

    def with_billing_details(self, details: BillingDetails) -> Customer:
        """The customer with the details that its next invoices carry."""
        return replace(self, billing_details=details, version=self.version + 1)

    def with_default_payment_method(self, payment_method_id: str | None) -> Customer:
        """The customer with the card that auto top-up charges."""
        return replace(self, default_payment_method_id=payment_method_id, version=self.version + 1)
