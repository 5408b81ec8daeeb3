"""Closing an account for good: step by step, each done once, so that it can be gone on with.

First nothing new can begin; then what is open ends, credits go back or are given up, and cards are
forgotten. The ledger and the invoices stay. What happened elsewhere is done when it is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chalicelib.domain.account import Account, Standing
from chalicelib.domain.errors import BusyError, ConflictError
from chalicelib.domain.ledger import (
    CLOSURE_KEY,
    Entry,
    EntryKind,
    adjustment_key,
)
from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.purchase import Purchase
from chalicelib.domain.write import FloorChange, StandingChange, Write
from chalicelib.ports import (
    Customers,
    Holds,
    Ids,
    Ledger,
    Payments,
    Purchases,
    TopUps,
)
from chalicelib.usecases.adjusting import Adjusting, Adjustment
from chalicelib.usecases.concluding import Concluding
from chalicelib.usecases.holding import Holding
from chalicelib.usecases.sending_back import SendingBack
from chalicelib.usecases.suspending import Act, standing_entry

#: Rivals are settings, charges and deductions of the same organization.
_ATTEMPTS = 20
#: A purchase that the provider doesn't know by then never got there.
_UNDER_WAY = timedelta(minutes=2)
#: Each but the first is for what was left over since, and no account needs as many.
_MOST_FORFEITS = 50
_REASON_CHARACTERS = 200


@dataclass(slots=True, kw_only=True)
class Closure:
    """How far a closing is: what was sent back by purchase, and given up, in nano-dollars.

    `left` says what keeps it from being complete, a sentence each.
    """

    account: Account
    refunded_nanos: dict[str, int] = field(default_factory=dict)
    forfeited_nanos: int = 0
    left: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return not self.left


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Closes accounts."""

    ledger: Ledger
    purchases: Purchases
    holds: Holds
    top_ups: TopUps
    customers: Customers
    payments: Payments
    ids: Ids
    concluding: Concluding
    holding: Holding
    sending_back: SendingBack
    adjusting: Adjusting

    def close(self, act: Act, *, refunds: bool, now: datetime) -> Closure:
        """Close the account, or go on with it; `refunds` sends back what was paid and not used.

        Credits that no payment stands behind, or all of them without `refunds`, are given up by an
        adjustment. Done again, it does what is left; what was paid since goes the same way.

        Raises:
            ConflictError: if it was begun to be closed the other way.
            BusyError: if the account stays contended, or the provider doesn't answer; close again.
        """
        act = self._mark(act, refunds=refunds, now=now)
        closure = Closure(account=self.ledger.account(act.organization_id))
        self._end_purchases(act.organization_id, closure, now=now)
        for hold in self.holds.open(act.organization_id):
            self.holding.release(act.organization_id, hold.id, key=f"closure of {hold.id}", now=now)
        if not closure.left:
            if refunds:
                sent = self.sending_back.send(act, now=now)
                closure.refunded_nanos, closure.left = sent.nanos, sent.left
            if not closure.left:
                self._give_up_rest(act, now=now)
            self._forget_cards(act.organization_id)
        closure.forfeited_nanos = -sum(e.amount_nanos for e in self._forfeits(act))
        closure.account = self.ledger.account(act.organization_id)
        return closure

    def _mark(self, act: Act, *, refunds: bool, now: datetime) -> Act:
        """Let nothing new begin, and turn auto top-up off; gives the act that was first."""
        for _ in range(_ATTEMPTS):
            first = self.ledger.entry(act.organization_id, CLOSURE_KEY)
            if first is not None:
                return _same(act, first, refunds=refunds)
            account = self.ledger.account(act.organization_id)
            top_up = self.top_ups.get(act.organization_id)
            entry = standing_entry(act, EntryKind.CLOSURE, ids=self.ids, now=now)
            entry = replace(entry, key=CLOSURE_KEY, details={**entry.details, "refunds": refunds})
            off = top_up.configured(
                enabled=False,
                threshold_nanos=top_up.threshold_nanos,
                amount_nanos=top_up.amount_nanos,
                monthly_limit_nanos=top_up.monthly_limit_nanos,
                by=act.author,
                at=now,
            )
            write = Write(
                organization_id=act.organization_id,
                at=now,
                entries=(entry,),
                floor=FloorChange(from_nanos=account.floor_nanos, to_nanos=0, tops_up=False),
                standing=StandingChange(before=account.standing, after=Standing.CLOSED),
                # Also when it is off: somebody may be turning it on.
                saves=(off,),
            )
            self.ledger.commit(write)
        raise BusyError("The account is being changed by somebody else; please try again.")

    def _end_purchases(self, organization_id: str, closure: Closure, *, now: datetime) -> None:
        for purchase in self.purchases.open(organization_id):
            after = self._ended(purchase, now=now)
            if not after.final:
                closure.left.append(f"{purchase.id} is {after.status.value}: close again later")

    def _ended(self, purchase: Purchase, *, now: datetime) -> Purchase:
        if purchase.payment_id is not None:
            payment = self.payments.payment(purchase.payment_id)
        else:
            found = self.payments.payment_of(
                purchase.customer_id, purchase.id, since=purchase.created_at
            )
            if found is None and now < purchase.created_at + _UNDER_WAY:
                return purchase
            if found is None:
                return self.concluding.give_up(purchase, None, now=now)
            payment = found
        if payment.status is PaymentStatus.REQUIRES_ACTION:
            # Given up here, it must not be paid there later, unseen.
            payment = self.payments.cancel(payment.id)
        return self.concluding.conclude(purchase, payment, now=now)

    def _give_up_rest(self, act: Act, *, now: datetime) -> None:
        left_nanos = self.ledger.account(act.organization_id).available_nanos
        if left_nanos <= 0:
            return
        number = 1 + len(self._forfeits(act))
        adjustment = Adjustment(
            organization_id=act.organization_id,
            amount_nanos=-left_nanos,
            reason=f"Closed: {act.reason}"[:_REASON_CHARACTERS],
            author=act.author,
        )
        self.adjusting.adjust(adjustment, key=_forfeit_key(number), now=now)

    def _forfeits(self, act: Act) -> Sequence[Entry]:
        found: list[Entry] = []
        for number in range(1, _MOST_FORFEITS + 1):
            key = adjustment_key(_forfeit_key(number))
            entry = self.ledger.entry(act.organization_id, key)
            if entry is None:
                break
            found.append(entry)
        return found

    def _forget_cards(self, organization_id: str) -> None:
        customer = self.customers.get(organization_id)
        if customer.customer_id is not None:
            for card in self.payments.cards(customer.customer_id):
                self.payments.remove_card(card.payment_method_id)


def _same(act: Act, first: Entry, *, refunds: bool) -> Act:
    """The act that began the closing, which goes on as it was begun."""
    if first.details["refunds"] is not refunds:
        way = "with" if first.details["refunds"] else "without"
        raise ConflictError(f"It was begun {way} refunds; close it again that way.")
    return replace(act, reason=str(first.details["reason"]), author=str(first.details["author"]))


def _forfeit_key(number: int) -> str:
    return f"closure#{number}"
