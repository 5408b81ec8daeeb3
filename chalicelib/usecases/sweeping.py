"""Finishing what a crash, an outage or a lost message left undone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.errors import BusyError
from chalicelib.domain.payment import (
    Payment,
    PaymentRefusedError,
    PaymentStatus,
    PaymentsUnavailableError,
)
from chalicelib.domain.purchase import Purchase
from chalicelib.domain.write import Write
from chalicelib.ports import (
    Archives,
    Holds,
    Invoices,
    Ledger,
    Notices,
    Payments,
    Purchases,
    Queue,
    TopUps,
)
from chalicelib.usecases.concluding import Concluding
from chalicelib.usecases.holding import Holding
from chalicelib.usecases.noticing import Noticing, Passing
from chalicelib.usecases.purchasing import charge_request

#: What one run takes on of each kind: well within a minute. The rest is due in the next run.
_AT_ONCE = 100
#: A gateway that dies may leave hundreds of leases; each takes but a read and a write to end.
_HOLDS_AT_ONCE = 1_000


@dataclass(slots=True)
class Swept:
    """What a run found due; `failures` are bugs or outages, each with what it befell."""

    purchases: int = 0
    hints: int = 0
    notices: int = 0
    notices_given_up: int = 0
    invoices: int = 0
    archives: int = 0
    holds: int = 0
    failures: list[tuple[str, Exception]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeping:
    """Looks after everything that is due, by the sparse indexes that hold nothing else."""

    ledger: Ledger
    purchases: Purchases
    top_ups: TopUps
    invoices: Invoices
    archives: Archives
    payments: Payments
    queue: Queue
    concluding: Concluding
    notices: Notices
    noticing: Noticing
    holds: Holds
    holding: Holding

    def sweep(self, *, now: datetime) -> Swept:
        """One run. A purchase that fails doesn't keep the others waiting."""
        swept = Swept()
        for purchase in self.purchases.due(now, _AT_ONCE):
            swept.purchases += 1
            try:
                self._finish(purchase, now=now)
            except Exception as error:
                # Told to the caller, and put off, so that it can't crowd out the others.
                swept.failures.append((purchase.id, error))
                self._put_off(purchase, now=now)
        due = {*self.ledger.low_accounts(_AT_ONCE), *self.top_ups.due(now, _AT_ONCE)}
        for organization_id in sorted(due):
            self.queue.top_up_hint(organization_id)
            swept.hints += 1
        for issued in self.invoices.due(now, _AT_ONCE):
            self.queue.invoice_job(issued.invoice.organization_id, issued.invoice.number)
            write = Write(
                organization_id=issued.invoice.organization_id,
                at=now,
                saves=(issued.retried(now),),
            )
            self.ledger.commit(write)
            swept.invoices += 1
        for archive in self.archives.due(now, _AT_ONCE):
            self.queue.archive_job(archive.organization_id, archive.month, archive.name)
            again = archive.progressed(archive.done, now=now)
            write = Write(organization_id=archive.organization_id, at=now, saves=(again,))
            self.ledger.commit(write)
            swept.archives += 1
        self._pass_on_notices(swept, now=now)
        self._end_holds(swept, now=now)
        return swept

    def _end_holds(self, swept: Swept, *, now: datetime) -> None:
        for organization_id, hold_id in self.holds.due(now, _HOLDS_AT_ONCE):
            try:
                swept.holds += self.holding.expire(organization_id, hold_id, now=now)
            except Exception as error:
                # It stays due; the others need not wait for it.
                swept.failures.append((hold_id, error))

    def _pass_on_notices(self, swept: Swept, *, now: datetime) -> None:
        for notice in self.notices.due(now, _AT_ONCE):
            swept.notices += 1
            try:
                passing = self.noticing.pass_on(notice.organization_id, notice.name, now=now)
            except Exception as error:
                # Claimed or not, it comes again; the others need not wait for it.
                swept.failures.append((notice.id, error))
            else:
                swept.notices_given_up += passing is Passing.GIVEN_UP

    def _finish(self, purchase: Purchase, *, now: datetime) -> None:
        payment = self._payment_of(purchase)
        if payment is None and purchase.fresh(now):
            # It never reached the provider: made now, while the customer remembers it.
            try:
                payment = self.payments.charge(charge_request(purchase))
            except PaymentRefusedError as error:
                self.concluding.give_up(purchase, error.failure, now=now)
                return
        if payment is None:
            self.concluding.give_up(purchase, None, now=now)
            return
        if payment.status is PaymentStatus.REQUIRES_ACTION and purchase.abandoned(now):
            # Given up here, it must not be paid there later, unseen.
            payment = self.payments.cancel(payment.id)
        after = self.concluding.conclude(purchase, payment, now=now)
        if not after.final:
            self._put_off(after, now=now)

    def _put_off(self, purchase: Purchase, *, now: datetime) -> None:
        checked = purchase.checked(now)
        self.ledger.commit(
            Write(organization_id=purchase.organization_id, at=now, saves=(checked,))
        )

    def _payment_of(self, purchase: Purchase) -> Payment | None:
        if purchase.payment_id is not None:
            return self.payments.payment(purchase.payment_id)
        return self.payments.payment_of(
            purchase.customer_id, purchase.id, since=purchase.created_at
        )


#: Failures that pass by themselves: the next run tries again.
PASSING = (PaymentsUnavailableError, BusyError)
