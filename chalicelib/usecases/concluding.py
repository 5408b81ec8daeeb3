"""What follows from how a payment stands: credit, wait, or give up; the same whoever finds out.

The request that began a purchase, the webhook, a customer's question and the sweep all come here.
Whoever comes second changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.errors import BusyError
from chalicelib.domain.invoice import CardPayment, Seller
from chalicelib.domain.invoicing import invoice_for_purchase
from chalicelib.domain.ledger import Entry, EntryKind, purchase_key
from chalicelib.domain.numbering import IssuedInvoice, invoice_year
from chalicelib.domain.payment import Failure, Payment, PaymentStatus
from chalicelib.domain.payment_notices import (
    purchase_succeeded,
    top_up_failed,
    top_up_needs_action,
)
from chalicelib.domain.purchase import Purchase, PurchaseStatus, PurchaseType
from chalicelib.domain.purchase_day import day_of
from chalicelib.domain.tax import TaxNotes
from chalicelib.domain.topup import TopUp
from chalicelib.domain.write import Committed, Outcome, Saved, Write
from chalicelib.ports import (
    Ids,
    Invoices,
    Ledger,
    Pause,
    Payments,
    PurchaseDays,
    Purchases,
    Queue,
    TopUps,
)

#: Rivals are other purchases taking invoice numbers; with this many tries and jittered pauses,
#: dozens of writers at once get through. Who doesn't is finished by the sweep.
_ATTEMPTS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluding:
    """Brings purchases in line with their payments."""

    ledger: Ledger
    purchases: Purchases
    top_ups: TopUps
    invoices: Invoices
    payments: Payments
    purchase_days: PurchaseDays
    queue: Queue
    ids: Ids
    pause: Pause
    seller: Seller
    tax_notes: TaxNotes

    def conclude(self, purchase: Purchase, payment: Payment, *, now: datetime) -> Purchase:
        """Bring the purchase in line with its payment; gives the purchase as it then is.

        Raises:
            BusyError: when others were faster too often; nothing is lost, the sweep comes again.
        """
        if payment.status is PaymentStatus.SUCCEEDED:
            return self._credit(purchase, payment, now=now)
        if payment.status in {PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION}:
            return self._await(purchase, payment, now=now)
        return self._fail(purchase, payment, now=now)

    def give_up(
        self,
        purchase: Purchase,
        failure: Failure | None,
        *,
        payment_id: str | None = None,
        now: datetime,
    ) -> Purchase:
        """Give up a purchase for which there is no payment that could still succeed."""
        for attempt in range(_ATTEMPTS):
            if purchase.final:
                return purchase
            failed = purchase.failed(failure, payment_id=payment_id, now=now)
            if self._save(failed, (failed, *self._freed(failed, now=now)), now=now):
                return failed
            purchase = self._reread(purchase, attempt)
        raise BusyError("The purchase is busy; please try again.")

    def _credit(self, purchase: Purchase, payment: Payment, *, now: datetime) -> Purchase:
        for attempt in range(_ATTEMPTS):
            if purchase.status is PurchaseStatus.SUCCEEDED:
                return purchase
            paid, outcome = self._try_to_credit(purchase, payment, now=now)
            if isinstance(outcome, Committed):
                self._after_credit(paid)
                return paid
            purchase = self._reread(purchase, attempt)
        raise BusyError("The purchase is being credited; please ask again.")

    def _try_to_credit(
        self, purchase: Purchase, payment: Payment, *, now: datetime
    ) -> tuple[Purchase, Outcome]:
        sequence = self.invoices.sequence(invoice_year(now)).taken()
        paid = purchase.succeeded(payment, invoice_number=sequence.number, now=now)
        invoice, notice = self._invoice_of(paid, now=now), purchase_succeeded(paid, at=now)
        saves: list[Saved] = [paid, sequence, invoice, notice]
        if paid.type is PurchaseType.AUTO_TOP_UP:
            top_up = self.top_ups.get(paid.organization_id)
            saves.append(
                top_up.succeeded(
                    paid.id, charge_nanos=paid.charge_nanos, claimed_at=paid.created_at
                )
            )
        write = Write(
            organization_id=paid.organization_id,
            at=now,
            entries=(self._entry_of(paid, now=now),),
            saves=tuple(saves),
        )
        return paid, self.ledger.commit(write)

    def _entry_of(self, paid: Purchase, *, now: datetime) -> Entry:
        return Entry(
            id=self.ids.new("ent", now),
            organization_id=paid.organization_id,
            key=purchase_key(paid.id),
            kind=EntryKind(paid.type.value),
            amount_nanos=paid.amount_nanos,
            recorded_at=now,
            digest=paid.id,
            details={"purchase_id": paid.id, "invoice_number": paid.invoice_number},
        )

    def _invoice_of(self, paid: Purchase, *, now: datetime) -> IssuedInvoice:
        if paid.invoice_number is None:
            raise ValueError("a paid purchase has its invoice's number")
        return IssuedInvoice.new(
            invoice_for_purchase(
                number=paid.invoice_number,
                organization_id=paid.organization_id,
                purchase_id=paid.id,
                purchase_type=paid.type,
                transaction_id=paid.payment_id or paid.id,
                issued_at=now,
                supplied_at=now,
                seller=self.seller,
                buyer=paid.billing_details,
                net_nanos=paid.amount_nanos,
                tax_nanos=paid.tax.amount_nanos,
                tax_rate_percent=paid.tax.rate_percent,
                tax_note=self.tax_notes.general,
                reverse_charge_note=self.tax_notes.reverse_charge,
                payment=CardPayment(brand=paid.card.brand, last4=paid.card.last4, paid_at=now),
            )
        )

    def _after_credit(self, paid: Purchase) -> None:
        # If the process dies here, the sweep finds the invoice without its files, and the account
        # by its mark, which stays until somebody has seen that no top-up is due.
        if paid.invoice_number is not None:
            self.queue.invoice_job(paid.organization_id, paid.invoice_number)
        if self.ledger.account(paid.organization_id).needs_top_up:
            self.queue.top_up_hint(paid.organization_id)

    def _await(self, purchase: Purchase, payment: Payment, *, now: datetime) -> Purchase:
        for attempt in range(_ATTEMPTS):
            if purchase.final or purchase.status.value == payment.status.value:
                return purchase
            waiting = purchase.awaiting(payment, now=now)
            saves: tuple[Saved, ...] = (waiting,)
            if (
                purchase.type is PurchaseType.AUTO_TOP_UP
                and payment.status is PaymentStatus.REQUIRES_ACTION
            ):
                top_up = self.top_ups.get(purchase.organization_id).needs_action(purchase.id)
                saves = (waiting, top_up, top_up_needs_action(waiting, at=now))
            if self._save(waiting, saves, now=now):
                return waiting
            purchase = self._reread(purchase, attempt)
        raise BusyError("The purchase is busy; please try again.")

    def _fail(self, purchase: Purchase, payment: Payment, *, now: datetime) -> Purchase:
        if purchase.final:
            return purchase
        if payment.status is not PaymentStatus.CANCELED:
            # A declined payment could still be confirmed with another card. Only one that is
            # cancelled can't be paid any more, behind the back of a purchase that has failed.
            canceled = self.payments.cancel(payment.id)
            if canceled.status is not PaymentStatus.CANCELED:
                # It was paid meanwhile, or its bank is deciding.
                return self.conclude(purchase, canceled, now=now)
        return self.give_up(purchase, payment.failure, payment_id=payment.id, now=now)

    def _freed(self, failed: Purchase, *, now: datetime) -> tuple[Saved, ...]:
        """What the purchase had claimed: room in its day, or in its month and the slot."""
        top_up = self._freed_top_up(failed, now=now)
        if top_up is None:
            day = self.purchase_days.get(failed.organization_id, day_of(failed.created_at))
            return (day.given_back(failed.charge_nanos),)
        if failed.failure is None:
            return (top_up,)
        return (top_up, *top_up_failed(failed, failed.failure, top_up, at=now))

    def _freed_top_up(self, failed: Purchase, *, now: datetime) -> TopUp | None:
        if failed.type is not PurchaseType.AUTO_TOP_UP:
            return None
        return self.top_ups.get(failed.organization_id).failed(
            failed.id,
            failed.failure,
            charge_nanos=failed.charge_nanos,
            now=now,
        )

    def _save(self, purchase: Purchase, saves: tuple[Saved, ...], *, now: datetime) -> bool:
        write = Write(organization_id=purchase.organization_id, at=now, saves=saves)
        return isinstance(self.ledger.commit(write), Committed)

    def _reread(self, purchase: Purchase, attempt: int) -> Purchase:
        self.pause(attempt)
        current = self.purchases.get(purchase.organization_id, purchase.id)
        if current is None:
            raise LookupError(f"purchase {purchase.id} has vanished")
        return current
