"""Comparing with the payment provider's books, and repairing what only a lost event explains.

Everything that events bring about is brought about here, too, by the same use cases: so a repair
is what should have happened, and a second run finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from chalicelib.domain.ledger import purchase_key
from chalicelib.domain.money import cents_to_nanos, format_usd
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.purchase import Purchase, PurchaseStatus
from chalicelib.domain.reconciliation import BookedPayment, Difference, Finding, Reconciliation
from chalicelib.domain.reversal import ReversalKind
from chalicelib.ports import Books, Ledger, Page, Payments, Purchases
from chalicelib.usecases.concluding import Concluding
from chalicelib.usecases.reversing import Reversing

T = TypeVar("T")

#: A bank may send a refund back for a month, and a dispute goes on for a season.
REFUNDS_WINDOW = timedelta(days=35)
DISPUTES_WINDOW = timedelta(days=120)
#: So many pages of a hundred are looked at within one function's time. The next run begins with
#: the newest again.
_MOST_PAGES = 100

#: What is younger may be under way at this moment, and isn't a difference yet.
_SETTLED_AFTER = timedelta(minutes=10)

_PAYABLE = {PaymentStatus.REQUIRES_ACTION, PaymentStatus.DECLINED}
_ENDED = {PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciling:
    """Compares, repairs and reports."""

    ledger: Ledger
    purchases: Purchases
    payments: Payments
    books: Books
    concluding: Concluding
    reversing: Reversing

    def reconcile(self, *, window: timedelta, now: datetime) -> Reconciliation:
        """Look at every payment made within the window, and at all that may still be sent back.

        A payment that can't be looked into is reported, and doesn't keep the others waiting.
        """
        books, until = self.books, now - _SETTLED_AFTER
        run = _Run(parts=self, report=Reconciliation(since=now - window), now=now)
        for booked in run.pages(partial(books.payments, now - window, until)):
            run.guarded(booked.payment.id, partial(run.compare, booked))
        for payment_id in run.pages(partial(books.refunded, now - REFUNDS_WINDOW, until)):
            run.guarded(payment_id, partial(run.compare_older, payment_id))
        for payment_id in run.pages(partial(books.disputed, now - DISPUTES_WINDOW, until)):
            run.guarded(payment_id, partial(run.compare_older, payment_id))
        return run.report


@dataclass(slots=True, kw_only=True)
class _Run:
    """One comparison under way."""

    parts: Reconciling
    report: Reconciliation
    now: datetime
    followed: set[str] = field(default_factory=set)

    def pages(self, page_after: Callable[[str | None], Page[T]]) -> Iterator[T]:
        """All items of a list, as far as one run goes."""
        after: str | None = None
        for _ in range(_MOST_PAGES):
            page = page_after(after)
            yield from page.items
            after = page.after
            if after is None:
                return
        self.report.complete = False

    def guarded(self, payment_id: str, look: Callable[[], None]) -> None:
        """Look into one payment; a failure is a finding."""
        try:
            look()
        except Exception as error:
            # Whatever it is, the report names it, and the run goes on.
            detail = f"{type(error).__name__}: {error}"
            self._find(Difference.FAILED, payment_id, None, detail=detail)

    def compare(self, booked: BookedPayment) -> None:
        """Bring the purchase in line with its payment, and tell what was or is wrong."""
        payment = booked.payment
        if payment.organization_id is None or payment.purchase_id is None:
            return
        self.report.payments += 1
        purchase = self.parts.purchases.get(payment.organization_id, payment.purchase_id)
        if purchase is None:
            self._find(Difference.UNKNOWN_PURCHASE, payment.id, None, detail=payment.purchase_id)
            return
        if self._contradicts(purchase, payment):
            return
        purchase = self._conclude(purchase, payment)
        if purchase.status is not PurchaseStatus.SUCCEEDED:
            return
        refunded_cents = purchase.reversals.in_force_cents(ReversalKind.REFUND)
        if booked.refunded_cents != refunded_cents:
            purchase = self._follow(purchase, payment.id)
        self._count(purchase, payment)

    def compare_older(self, payment_id: str) -> None:
        """Bring a purchase in line with a refund or dispute of its payment, however old that is."""
        if payment_id in self.followed:
            return
        self.followed.add(payment_id)
        payment = self.parts.payments.payment(payment_id)
        if payment.organization_id is None or payment.purchase_id is None:
            return
        self.report.reversals += 1
        purchase = self.parts.purchases.get(payment.organization_id, payment.purchase_id)
        if purchase is None:
            self._find(Difference.UNKNOWN_PURCHASE, payment_id, None, detail=payment.purchase_id)
            return
        self._follow(self._conclude(purchase, payment), payment_id)

    def _contradicts(self, purchase: Purchase, payment: Payment) -> bool:
        """Report what no repeated event could bring about, and so nothing can repair."""
        credited = purchase.status is PurchaseStatus.SUCCEEDED
        another = purchase.payment_id is not None and purchase.payment_id != payment.id
        paid = payment.status is PaymentStatus.SUCCEEDED
        if another:
            if paid and credited:
                self._find(Difference.PAID_TWICE, payment.id, purchase)
            return True
        if credited and not paid:
            self._find(Difference.NOT_PAID, payment.id, purchase, detail=payment.status.value)
            return True
        if paid and payment.amount_cents != purchase.charge_cents:
            detail = f"{payment.amount_cents} cents instead of {purchase.charge_cents}"
            self._find(Difference.OTHER_AMOUNT, payment.id, purchase, detail=detail)
            return True
        return False

    def _conclude(self, purchase: Purchase, payment: Payment) -> Purchase:
        if payment.status is PaymentStatus.SUCCEEDED:
            if purchase.status is PurchaseStatus.SUCCEEDED:
                return purchase
            purchase = self.parts.concluding.conclude(purchase, payment, now=self.now)
            self._find(Difference.NOT_CREDITED, payment.id, purchase, repaired=True)
            return purchase
        if purchase.final:
            if payment.status in _PAYABLE:
                closed = self.parts.payments.cancel(payment.id)
                purchase = self.parts.concluding.conclude(purchase, closed, now=self.now)
                self._find(Difference.STILL_PAYABLE, payment.id, purchase, repaired=True)
            return purchase
        if payment.status in _ENDED:
            purchase = self.parts.concluding.conclude(purchase, payment, now=self.now)
            self._find(Difference.NOT_CONCLUDED, payment.id, purchase, repaired=True)
        return purchase

    def _follow(self, purchase: Purchase, payment_id: str) -> Purchase:
        self.followed.add(payment_id)
        after = self.parts.reversing.follow(purchase, now=self.now)
        if after.reversals != purchase.reversals:
            taken_nanos = after.taken_back_nanos - purchase.taken_back_nanos
            detail = f"{format_usd(taken_nanos)} USD of credits were taken back"
            self._find(Difference.NOT_FOLLOWED, payment_id, after, repaired=True, detail=detail)
        return after

    def _count(self, purchase: Purchase, payment: Payment) -> None:
        report = self.report
        report.charged_cents += payment.amount_cents
        report.tax_nanos += cents_to_nanos(payment.amount_cents) - purchase.amount_nanos
        report.sent_back_cents += purchase.reversals.sent_back_cents(purchase.charge_cents)
        report.taken_back_nanos += purchase.taken_back_nanos
        entry = self.parts.ledger.entry(purchase.organization_id, purchase_key(purchase.id))
        if entry is None or entry.amount_nanos != purchase.amount_nanos:
            self._find(Difference.NO_ENTRY, payment.id, purchase)
            return
        report.credited_nanos += entry.amount_nanos

    def _find(
        self,
        difference: Difference,
        payment_id: str,
        purchase: Purchase | None,
        *,
        repaired: bool = False,
        detail: str = "",
    ) -> None:
        finding = Finding(
            difference=difference,
            repaired=repaired,
            payment_id=payment_id,
            organization_id=None if purchase is None else purchase.organization_id,
            purchase_id=None if purchase is None else purchase.id,
            detail=detail,
        )
        self.report.findings.append(finding)
