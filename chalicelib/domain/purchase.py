"""A purchase of credits, manual or automatic: its states, and the moves between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.billing import BillingDetails
from chalicelib.domain.money import cents_to_nanos, nanos_to_cents, share_cents
from chalicelib.domain.payment import Card, Failure, Payment, PaymentStatus
from chalicelib.domain.reversal import NO_REVERSALS, FollowedReversal, ReversalKind, Reversals
from chalicelib.domain.tax import NO_TAX, Tax


class PurchaseType(StrEnum):
    """Who decided to buy: a person, or auto top-up on the person's standing order."""

    PURCHASE = "purchase"
    AUTO_TOP_UP = "auto_top_up"


class PurchaseStatus(StrEnum):
    """Where a purchase stands. PENDING is not yet known to the payment provider."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


FINAL = frozenset({PurchaseStatus.SUCCEEDED, PurchaseStatus.FAILED, PurchaseStatus.CANCELED})

#: The request that began the purchase has ended by then, one way or the other.
_FIRST_CHECK = timedelta(minutes=1)
#: A customer who hasn't finished 3-D Secure by then won't: the payment is cancelled. One who must
#: be fetched first, since an automatic charge asked for it, gets a day.
ABANDONED_AFTER = {
    PurchaseType.PURCHASE: timedelta(hours=1),
    PurchaseType.AUTO_TOP_UP: timedelta(hours=24),
}
#: A purchase that never reached the payment provider is still made by the sweep while the
#: customer can be expected to remember it.
_FRESH_FOR = timedelta(minutes=15)
#: How often a payment that isn't final is asked about, at first and at most.
_CHECK_EVERY = timedelta(minutes=5)
_CHECK_AT_MOST_EVERY = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """`amount_nanos` is what is credited; the card is charged the tax on top.

    The buyer's details are frozen at the time of purchase. `check_at` is when the sweep asks the
    payment provider again, None once that is over. `version` guards each change.
    """

    id: str
    organization_id: str
    type: PurchaseType
    amount_nanos: int
    created_at: datetime
    created_by: str
    customer_id: str
    card: Card
    billing_details: BillingDetails
    tax: Tax = NO_TAX
    status: PurchaseStatus = PurchaseStatus.PENDING
    payment_id: str | None = None
    failure: Failure | None = None
    completed_at: datetime | None = None
    invoice_number: str | None = None
    reversals: Reversals = NO_REVERSALS
    check_at: datetime | None = None
    version: int = 1

    @classmethod
    def new(
        cls,
        *,
        id: str,  # noqa: A002 - the field's name
        organization_id: str,
        type: PurchaseType,  # noqa: A002 - the field's name
        amount_nanos: int,
        created_at: datetime,
        created_by: str,
        customer_id: str,
        card: Card,
        billing_details: BillingDetails,
        tax: Tax,
    ) -> Purchase:
        """A purchase that is about to be charged; the sweep looks after it from soon on."""
        return cls(
            id=id,
            organization_id=organization_id,
            type=type,
            amount_nanos=amount_nanos,
            created_at=created_at,
            created_by=created_by,
            customer_id=customer_id,
            card=card,
            billing_details=billing_details,
            tax=tax,
            check_at=created_at + _FIRST_CHECK,
        )

    @property
    def final(self) -> bool:
        """Whether nothing more is expected to happen to its payment."""
        return self.status in FINAL

    @property
    def charge_nanos(self) -> int:
        """What the card is charged, in nano-dollars."""
        return self.amount_nanos + self.tax.amount_nanos

    @property
    def charge_cents(self) -> int:
        """What the card is charged."""
        return nanos_to_cents(self.charge_nanos)

    @property
    def refunded_nanos(self) -> int:
        """The credits for which money was refunded, and didn't come back."""
        cents = min(self.charge_cents, self.reversals.in_force_cents(ReversalKind.REFUND))
        return self._credits_for(cents)

    @property
    def taken_back_nanos(self) -> int:
        """The credits that were taken back, since their money went back to the card."""
        return self._credits_for(self.reversals.sent_back_cents(self.charge_cents))

    @property
    def refundable_cents(self) -> int:
        """What of the charge hasn't gone back yet."""
        return self.charge_cents - self.reversals.sent_back_cents(self.charge_cents)

    def credits_in(self, cents: int) -> int:
        """The credits, in nano-dollars, that so much more sent back would take."""
        sent_back = self.reversals.sent_back_cents(self.charge_cents)
        return self._credits_for(sent_back + cents) - self._credits_for(sent_back)

    def cents_for(self, credits_nanos: int) -> int:
        """The most that can still be sent back for so many credits, tax included."""
        least, most = 0, self.refundable_cents
        while least < most:
            middle = (least + most + 1) // 2
            if self.credits_in(middle) <= credits_nanos:
                least = middle
            else:
                most = middle - 1
        return least

    def _credits_for(self, sent_back_cents: int) -> int:
        """The credits in a part of the charge, in nano-dollars: the rest of it is tax."""
        tax_cents = share_cents(
            sent_back_cents,
            of_cents=nanos_to_cents(self.tax.amount_nanos),
            whole_cents=self.charge_cents,
        )
        return cents_to_nanos(sent_back_cents - tax_cents)

    def reversed(self, turned: FollowedReversal) -> Purchase:
        """Money went back to the card, or came back from there."""
        if self.status is not PurchaseStatus.SUCCEEDED:
            raise ValueError(f"{self.id} was never credited")
        reversals = self.reversals.with_turn(turned)
        return replace(self, reversals=reversals, version=self.version + 1)

    def abandoned(self, now: datetime) -> bool:
        """Whether the customer had the time to finish and didn't."""
        return (
            self.status in {PurchaseStatus.PENDING, PurchaseStatus.REQUIRES_ACTION}
            and now >= self.created_at + ABANDONED_AFTER[self.type]
        )

    def fresh(self, now: datetime) -> bool:
        """Whether it may still be paid for without asking the customer again."""
        return now < self.created_at + _FRESH_FOR

    def succeeded(self, payment: Payment, *, invoice_number: str, now: datetime) -> Purchase:
        """Paid. Even a purchase given up for failed is credited if its payment went through."""
        if self.status is PurchaseStatus.SUCCEEDED:
            raise ValueError(f"{self.id} has succeeded before")
        if payment.status is not PaymentStatus.SUCCEEDED:
            raise ValueError(f"{payment.id} has not succeeded")
        return replace(
            self,
            status=PurchaseStatus.SUCCEEDED,
            payment_id=payment.id,
            card=payment.card or self.card,
            failure=None,
            completed_at=now,
            invoice_number=invoice_number,
            check_at=None,
            version=self.version + 1,
        )

    def awaiting(self, payment: Payment, *, now: datetime) -> Purchase:
        """Not final: the customer must act, or the bank takes its time."""
        status = {
            PaymentStatus.REQUIRES_ACTION: PurchaseStatus.REQUIRES_ACTION,
            PaymentStatus.PROCESSING: PurchaseStatus.PROCESSING,
        }[payment.status]
        return replace(
            self,
            status=status,
            payment_id=payment.id,
            check_at=self.next_check(now),
            version=self.version + 1,
        )

    def failed(self, failure: Failure | None, *, payment_id: str | None, now: datetime) -> Purchase:
        """Not paid, and given up. Without a failure it was cancelled, nobody being to blame."""
        if self.final:
            raise ValueError(f"{self.id} is final")
        return replace(
            self,
            status=PurchaseStatus.CANCELED if failure is None else PurchaseStatus.FAILED,
            payment_id=payment_id or self.payment_id,
            failure=failure,
            completed_at=now,
            check_at=None,
            version=self.version + 1,
        )

    def next_check(self, now: datetime) -> datetime:
        """Soon while it is young, ever more rarely later: a tenth of its age, within bounds."""
        age = now - self.created_at
        return now + min(max(age / 10, _CHECK_EVERY), _CHECK_AT_MOST_EVERY)

    def checked(self, now: datetime) -> Purchase:
        """Asked about in vain: nothing is known that wasn't before."""
        return replace(self, check_at=self.next_check(now), version=self.version + 1)
