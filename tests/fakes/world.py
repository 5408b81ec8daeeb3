"""The whole system in memory: the real use cases over fakes, with a clock that tests advance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from chalicelib.api.presenting import purchase_answer
from chalicelib.domain.account import Account
from chalicelib.domain.billing import BillingDetails
from chalicelib.domain.ledger import Entry
from chalicelib.domain.payment import Card
from chalicelib.domain.request import Answer
from chalicelib.domain.topup import TopUp
from chalicelib.usecases.metering import PricedReport, ReportResult
from chalicelib.usecases.purchasing import Order
from chalicelib.usecases.sweeping import PASSING, Swept
from chalicelib.usecases.topping_up import TopUpSettings
from tests.fakes.accounts import FakeAccounts
from tests.fakes.books import FakeBooks
from tests.fakes.metering import FakeHolds, FakeTraceCounts
from tests.fakes.outside import (
    FakeDocuments,
    FakeEvents,
    FakeMail,
    FakeQueue,
    FakeRenderer,
    FakeTaxes,
    FakeTaxIds,
    Message,
    NoPause,
    SequentialIds,
    Work,
)
from tests.fakes.payments import Behaviour, FakePayments
from tests.fakes.ports import Ports, UseCases, wire
from tests.fakes.records import FakeRecords
from tests.fakes.refunds import FakeRefunds
from tests.fakes.repositories import (
    FakeArchives,
    FakeCustomers,
    FakeInvoices,
    FakeLedger,
    FakeNotices,
    FakePurchaseDays,
    FakePurchases,
    FakeRequests,
    FakeTopUps,
)
from tests.fakes.roll_ups import FakeHistory
from tests.fakes.steps import Steps
from tests.fakes.store import Store
from tests.fakes.values import NOW, ORG, billing_details, charge, usd

#: As the queues' redrive policy has it.
_MOST_RECEIPTS = 5


class World:
    """Database, provider, queue and files; each process over them is a `UseCases`.

    `app` is a process that meets no mishap; `process(steps)` is one that may.
    """

    def __init__(self, *, now: datetime = NOW) -> None:
        self.now = now
        self.store = Store()
        self.payments = FakePayments(clock=lambda: self.now)
        self.refunds = FakeRefunds(self.payments)
        self.records = FakeRecords(self.payments)
        self.queue = FakeQueue()
        self.documents = FakeDocuments()
        self.ledger = FakeLedger(self.store)
        self.accounts = FakeAccounts(self.store)
        self.purchases = FakePurchases(self.store)
        self.top_ups = FakeTopUps(self.store)
        self.customers = FakeCustomers(self.store)
        self.invoices = FakeInvoices(self.store)
        self.holds = FakeHolds(self.store)
        self.trace_counts = FakeTraceCounts(self.store)
        self.purchase_days = FakePurchaseDays(self.store)
        self.notices = FakeNotices(self.store)
        self.events = FakeEvents()
        self.mail = FakeMail()
        self.pause = NoPause()
        self.ports = Ports(
            ledger=self.ledger,
            accounts=self.accounts,
            history=FakeHistory(self.store),
            purchases=self.purchases,
            top_ups=self.top_ups,
            customers=self.customers,
            requests=FakeRequests(self.store),
            invoices=self.invoices,
            notices=self.notices,
            archives=FakeArchives(self.store),
            holds=self.holds,
            trace_counts=self.trace_counts,
            purchase_days=self.purchase_days,
            payments=self.payments,
            refunds=self.refunds,
            records=self.records,
            books=FakeBooks(self.payments, self.refunds),
            tax_ids=FakeTaxIds(),
            taxes=FakeTaxes(),
            events=self.events,
            mail=self.mail,
            queue=self.queue,
            documents=self.documents,
            renderer=FakeRenderer(),
            ids=SequentialIds(),
            pause=self.pause,
        )
        self.app = self.process()

    def process(self, steps: Steps | None = None) -> UseCases:
        """Another process over the same world."""
        return wire(self.ports if steps is None else steps.around(self.ports))

    # What people and gateways do.

    def customer(
        self,
        organization_id: str = ORG,
        behaviour: Behaviour = Behaviour.PAYS,
        *,
        details: BillingDetails | None = None,
        decline_code: str = "insufficient_funds",
        fingerprint: str = "",
    ) -> Card:
        """An organization with billing details and one more saved card, which it gives."""
        found = details or billing_details()
        self.app.buyers.set_billing_details(organization_id, found, now=self.now)
        customer_id = self.customers.get(organization_id).customer_id
        return self.payments.add_card(
            customer_id or "", behaviour, decline_code=decline_code, fingerprint=fingerprint
        )

    def buy(
        self,
        organization_id: str = ORG,
        amount: str = "50.00",
        *,
        card: Card,
        key: str = "key-1",
        app: UseCases | None = None,
    ) -> Answer:
        """Buy as `POST /purchases` does; gives what it answers."""
        order = Order(
            organization_id=organization_id,
            amount_nanos=usd(amount),
            payment_method_id=card.payment_method_id,
            billing_details=None,
            tax_id=None,
            keeps_tax_id=True,
            ordered_by="ada",
        )
        buying = (app or self.app).purchasing
        answer, _ = buying.buy(order, key=key, present=purchase_answer, now=self.now)
        return answer

    def deduct(
        self,
        organization_id: str = ORG,
        amount: str = "1.00",
        *,
        key: str,
        app: UseCases | None = None,
    ) -> tuple[Entry, bool]:
        """Deduct as `POST /deductions` does."""
        wanted = charge(amount, organization_id=organization_id)
        return (app or self.app).metering.deduct(wanted, key=key, now=self.now)

    def use(self, *reports: PricedReport, app: UseCases | None = None) -> Sequence[ReportResult]:
        """Apply reports of one organization as the usage queue's worker does."""
        organization_id = reports[0].charge.organization_id
        return (app or self.app).metering.apply(organization_id, reports, now=self.now)

    def order_top_ups(
        self,
        organization_id: str = ORG,
        *,
        threshold: str = "10.00",
        amount: str = "25.00",
        limit: str | None = None,
        enabled: bool = True,
        app: UseCases | None = None,
    ) -> TopUp:
        """Save the standing order."""
        settings = TopUpSettings(
            enabled=enabled,
            threshold_nanos=usd(threshold),
            amount_nanos=usd(amount),
            monthly_limit_nanos=None if limit is None else usd(limit),
        )
        topping_up = (app or self.app).topping_up
        return topping_up.configure(organization_id, settings, by="ada", now=self.now)

    def account(self, organization_id: str = ORG) -> Account:
        """The account as it is."""
        return self.ledger.account(organization_id)

    # What the machinery does.

    def deliver(self, app: UseCases | None = None) -> int:
        """Hand out all events and messages until nothing new comes; gives how many succeeded.

        What fails is handed out again in the next delivery, and is dead after five.
        """
        process = app or self.app
        failed: list[Message] = []
        done = 0
        while True:
            while self.payments.events:
                process.queue.payment_event(self.payments.events[0])
                self.payments.events.pop(0)
            self._pass_notices_on(process)
            messages = self.queue.take()
            if not messages:
                break
            while messages:
                message = messages.pop(0)
                message.receipts += 1
                try:
                    self._handle(message, process)
                    done += 1
                except Exception:
                    # As a worker does: the message becomes visible again some time later.
                    failed.append(message)
                except BaseException:
                    self.queue.messages += [message, *messages, *failed]
                    raise
        for message in failed:
            dead = message.receipts >= _MOST_RECEIPTS
            (self.queue.dead if dead else self.queue.messages).append(message)
        return done

    def sweep(self, app: UseCases | None = None) -> Swept:
        """One run of the schedule; what fails for no passing reason is a bug, and raised."""
        swept = (app or self.app).sweeping.sweep(now=self.now)
        bugs = [error for _, error in swept.failures if not isinstance(error, PASSING)]
        if bugs:
            raise ExceptionGroup("the sweep met bugs", bugs)
        return swept

    def advance(self, **duration: float) -> None:
        """Let time pass: `advance(minutes=5)`."""
        self.now += timedelta(**duration)

    def run(self, *, every: timedelta = timedelta(minutes=1), **duration: float) -> None:
        """Let time pass with the machinery at work, sweeping every minute: `run(hours=2)`."""
        end = self.now + timedelta(**duration)
        while self.now < end:
            self.deliver()
            self.now = min(end, self.now + every)
            self.sweep()
        self.deliver()

    def _pass_notices_on(self, process: UseCases) -> None:
        # The table's stream: each change is handed out; what is passed on already is let be.
        for notice in self.notices.all():
            if notice.attempts == 0:
                process.noticing.pass_on(notice.organization_id, notice.name, now=self.now)

    def _handle(self, message: Message, process: UseCases) -> None:
        body = message.body
        match message.work:
            case Work.TOP_UP:
                process.topping_up.consider(cast("str", body["organization_id"]), now=self.now)
            case Work.PAYMENT_EVENT:
                process.receiving.receive(body, now=self.now)
            case Work.ARCHIVE:
                process.archiving.make(
                    cast("str", body["organization_id"]),
                    cast("str", body["month"]),
                    cast("str", body["name"]),
                    now=self.now,
                )
            case Work.INVOICE:
                process.invoicing.store(
                    cast("str", body["organization_id"]),
                    cast("str", body["number"]),
                    now=self.now,
                )
