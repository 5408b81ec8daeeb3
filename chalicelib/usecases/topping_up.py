"""Auto top-up: a hint is looked into, the one slot is claimed, the card is charged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.account import Account
from chalicelib.domain.errors import BusyError, ConflictError, ValidationFailedError
from chalicelib.domain.notices import Notice
from chalicelib.domain.payment import (
    Card,
    Failure,
    PaymentRefusedError,
    PaymentsUnavailableError,
)
from chalicelib.domain.payment_notices import top_up_paused
from chalicelib.domain.purchase import Purchase, PurchaseType
from chalicelib.domain.topup import Decision, TopUp, next_month
from chalicelib.domain.write import Committed, FloorChange, Write
from chalicelib.ports import Customers, Ids, Ledger, Payments, Queue, Taxes, TopUps
from chalicelib.usecases.concluding import Concluding
from chalicelib.usecases.customers import default_card, refuse_closed
from chalicelib.usecases.purchasing import charge_request, quoted_tax

#: Rivals are deductions that change the floor's account, and other settings; both are rare.
_ATTEMPTS = 10

#: Nobody need look again before something else happens.
_NOTHING_TO_DO = frozenset({Decision.NOT_DUE, Decision.OFF, Decision.SUSPENDED})

NO_CARD = Failure(
    code="no_payment_method",
    decline_code=None,
    message="There is no payment method to charge. Please add one.",
)
NO_BILLING_DETAILS = Failure(
    code="no_billing_details",
    decline_code=None,
    message="There are no billing details for the invoice. Please add them.",
)
WORN_OUT_CARD = Failure(
    code="too_many_attempts",
    decline_code=None,
    message="This card was declined too often this month. Please use another one.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUpSettings:
    """What a person saves; amounts in nano-dollars."""

    enabled: bool
    threshold_nanos: int
    amount_nanos: int
    monthly_limit_nanos: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToppingUp:
    """Keeps the standing orders and acts on them."""

    ledger: Ledger
    top_ups: TopUps
    customers: Customers
    payments: Payments
    queue: Queue
    ids: Ids
    concluding: Concluding
    taxes: Taxes

    def configure(
        self, organization_id: str, settings: TopUpSettings, *, by: str, now: datetime
    ) -> TopUp:
        """Save the settings; if the account is below the threshold already, charge at once.

        Raises:
            ConflictError: if it is to be enabled and there is no card, or nobody to invoice.
            ForbiddenError: if the account is closed.
        """
        if settings.enabled:
            self._require_means(organization_id)
        for _ in range(_ATTEMPTS):
            account = self.ledger.account(organization_id)
            refuse_closed(account)
            top_up = self.top_ups.get(organization_id).configured(
                enabled=settings.enabled,
                threshold_nanos=settings.threshold_nanos,
                amount_nanos=settings.amount_nanos,
                monthly_limit_nanos=settings.monthly_limit_nanos,
                by=by,
                at=now,
            )
            floor_nanos = settings.threshold_nanos if settings.enabled else 0
            due = settings.enabled and account.available_nanos < floor_nanos
            write = Write(
                organization_id=organization_id,
                at=now,
                floor=FloorChange(
                    from_nanos=account.floor_nanos, to_nanos=floor_nanos, tops_up=settings.enabled
                ),
                # Also when it isn't due: a deduction may be made meanwhile, by the old threshold.
                mark_low=settings.enabled,
                saves=(top_up,),
            )
            if isinstance(self.ledger.commit(write), Committed):
                if due:
                    self.queue.top_up_hint(organization_id)
                return top_up
        raise BusyError("These settings are being changed by somebody else; please try again.")

    def consider(self, organization_id: str, *, now: datetime) -> Decision:
        """Look into a hint, and charge if it is time to. Any number of hints make one charge."""
        # In this order: a top-up that is credited in between has changed the standing order, so
        # the claim fails; the other way round, the old balance would be topped up once more.
        top_up = self.top_ups.get(organization_id)
        account = self.ledger.account(organization_id)
        decision = top_up.decide(account, now=now)
        if decision is Decision.LIMIT_REACHED:
            self._save(top_up.postponed(next_month(now)), now=now)
        if decision in _NOTHING_TO_DO and top_up.overdue(now):
            self._save(top_up.rested(), now=now)
        if decision is Decision.CHARGE:
            try:
                decision = self._claim_and_charge(top_up, now=now)
            except PaymentsUnavailableError:
                # Nothing is wrong with the hint, and another would fare no better now. The sweep
                # comes back until the provider answers.
                self._mark_low(organization_id, now=now)
                return Decision.WAIT
        self._looked_after(account, decision, now=now)
        return decision

    def _require_means(self, organization_id: str) -> None:
        refuse_closed(self.ledger.account(organization_id))
        customer = self.customers.get(organization_id)
        if customer.customer_id is None or not self.payments.cards(customer.customer_id):
            raise ConflictError("Auto top-up needs a payment method: add a card first.")
        if customer.billing_details is None:
            raise ConflictError("Auto top-up needs billing details for its invoices.")

    def _claim_and_charge(self, top_up: TopUp, *, now: datetime) -> Decision:
        customer = self.customers.get(top_up.organization_id)
        cards = self.payments.cards(customer.customer_id) if customer.customer_id else ()
        card = default_card(customer, cards)
        details = customer.billing_details
        if customer.customer_id is None or card is None or details is None:
            failure = NO_BILLING_DETAILS if card else NO_CARD
            return self._pause(top_up, failure, now=now)
        if top_up.worn_out(card.fingerprint, now=now):
            return self._pause(top_up, WORN_OUT_CARD, now=now)
        try:
            tax = quoted_tax(self.taxes, top_up.amount_nanos, details)
        except ValidationFailedError as error:
            return self._pause(top_up, replace(NO_BILLING_DETAILS, message=error.detail), now=now)
        purchase = Purchase.new(
            id=self.ids.new("pur", now),
            organization_id=top_up.organization_id,
            type=PurchaseType.AUTO_TOP_UP,
            amount_nanos=top_up.amount_nanos,
            created_at=now,
            created_by=top_up.enabled_by or "auto_top_up",
            customer_id=customer.customer_id,
            card=card,
            billing_details=details,
            tax=tax,
        )
        if not top_up.has_room(purchase.charge_nanos, now=now):
            self._save(top_up.postponed(next_month(now)), now=now)
            return Decision.LIMIT_REACHED
        if not self._claim(top_up, purchase, card, now=now):
            return Decision.ALREADY_OPEN
        self._charge(purchase, now=now)
        return Decision.CHARGE

    def _claim(self, top_up: TopUp, purchase: Purchase, card: Card, *, now: datetime) -> bool:
        opened = top_up.opened(
            purchase.id,
            charge_nanos=purchase.charge_nanos,
            fingerprint=card.fingerprint,
            now=now,
        )
        write = Write(organization_id=top_up.organization_id, at=now, saves=(opened, purchase))
        return isinstance(self.ledger.commit(write), Committed)

    def _charge(self, purchase: Purchase, *, now: datetime) -> None:
        try:
            payment = self.payments.charge(charge_request(purchase))
        except PaymentRefusedError as error:
            self.concluding.give_up(purchase, error.failure, now=now)
        except PaymentsUnavailableError:
            # Whether the card was charged is unknown. The slot stays taken, so that nobody tries
            # anew, and the sweep asks with the same idempotency key until it knows.
            return
        else:
            self.concluding.conclude(purchase, payment, now=now)

    def _pause(self, top_up: TopUp, failure: Failure, *, now: datetime) -> Decision:
        paused = top_up.stopped(failure, now=now)
        self._save(paused, top_up_paused(paused, failure, at=now), now=now)
        return Decision.PAUSED

    def _save(self, top_up: TopUp, *notices: Notice, now: datetime) -> None:
        # If a rival was faster, the settings are new and the next hint decides by them.
        write = Write(organization_id=top_up.organization_id, at=now, saves=(top_up, *notices))
        self.ledger.commit(write)

    def _mark_low(self, organization_id: str, *, now: datetime) -> None:
        self.ledger.commit(Write(organization_id=organization_id, at=now, mark_low=True))

    def _looked_after(self, account: Account, decision: Decision, *, now: datetime) -> None:
        """Take away the mark that brings the sweep here, unless another drain has renewed it.

        While a top-up is open, the mark stays, renewed: should its end go unnoticed, the sweep
        looks again, but after all others that wait.
        """
        if account.low_since is None:
            return
        pending = decision in {Decision.CHARGE, Decision.ALREADY_OPEN}
        write = Write(
            organization_id=account.organization_id,
            at=now,
            mark_low=pending,
            clear_low_since=None if pending else account.low_since,
        )
        self.ledger.commit(write)
