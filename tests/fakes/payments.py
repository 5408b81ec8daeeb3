"""The fake payment provider, which behaves as Stripe does where that matters to money.

The first answer to an idempotency key is the answer to all its repetitions, even when the payment
has moved on since. A declined payment can still be paid until it is cancelled. Events tell of
changes, in no promised order and any number of times.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count

from chalicelib.domain.billing import BillingDetails, TaxId
from chalicelib.domain.mandate import Agreement, CardSaving
from chalicelib.domain.payment import (
    Card,
    CardSetup,
    ChargeRequest,
    Failure,
    Payment,
    PaymentRefusedError,
    PaymentStatus,
    PaymentsUnavailableError,
)

_MINIMUM_CENTS = 50
_AUTHENTICATION = Failure(
    code="authentication_required",
    decline_code="authentication_required",
    message="Your card was declined. This transaction requires authentication.",
)
_CHALLENGE_FAILED = Failure(
    code="payment_intent_authentication_failure",
    decline_code=None,
    message="The provided payment method has failed authentication.",
)


class Behaviour(StrEnum):
    """What a card's bank does when it is charged."""

    PAYS = "pays"
    DECLINES = "declines"
    #: 3-D Secure, always.
    ASKS_CUSTOMER = "asks_customer"
    #: Days go by until `finish`.
    TAKES_TIME = "takes_time"


class Moment(StrEnum):
    """When an outage befalls a call."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(slots=True, kw_only=True)
class _Charged:
    request: ChargeRequest
    first_answer: Payment
    payment: Payment
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class _Outage:
    method: str
    moment: Moment
    times: int


@dataclass(slots=True)
class FakePayments:
    """The Payments port; `clock` is what the provider's own clock says.

    `before[method]` is called once, just before the method takes effect: for races.
    """

    clock: Callable[[], datetime]
    before: dict[str, Callable[[], object]] = field(default_factory=dict)
    details: dict[str, BillingDetails] = field(default_factory=dict)
    tax_ids: dict[str, TaxId | None] = field(default_factory=dict)
    #: Events not taken yet, oldest first.
    events: list[Mapping[str, object]] = field(default_factory=list)
    #: Whose each customer is; the customers that are there have saved cards, or an empty list.
    owners: dict[str, str] = field(default_factory=dict)
    saved_cards: dict[str, list[Card]] = field(default_factory=dict)
    savings: dict[str, CardSaving] = field(default_factory=dict)
    _behaviours: dict[str, tuple[Behaviour, str]] = field(default_factory=dict)
    _charged: dict[str, _Charged] = field(default_factory=dict)
    _outages: list[_Outage] = field(default_factory=list)
    _serial: count[int] = field(default_factory=lambda: count(1))
    _lock: threading.RLock = field(default_factory=threading.RLock)

    # What the world does to it.

    def add_card(
        self,
        customer_id: str,
        behaviour: Behaviour = Behaviour.PAYS,
        *,
        decline_code: str = "insufficient_funds",
        fingerprint: str = "",
    ) -> Card:
        """Save a card for the customer, as a browser would."""
        with self._lock:
            serial = next(self._serial)
            card = Card(
                payment_method_id=f"pm_{serial}",
                brand="visa",
                last4=f"{serial:04d}"[-4:],
                exp_month=12,
                exp_year=2030,
                fingerprint=fingerprint or f"fp_{serial}",
            )
            self.saved_cards[customer_id].append(card)
            self._behaviours[card.payment_method_id] = (behaviour, decline_code)
            return card

    def change_card(
        self, card: Card, behaviour: Behaviour, *, decline_code: str = "insufficient_funds"
    ) -> None:
        """Let the card's bank behave otherwise from now on."""
        self._behaviours[card.payment_method_id] = (behaviour, decline_code)

    def fail_next(self, method: str, moment: Moment = Moment.BEFORE, *, times: int = 1) -> None:
        """Let the next calls of a method fail, before or after they take effect."""
        self._outages.append(_Outage(method=method, moment=moment, times=times))

    def end_outages(self) -> None:
        """Every call succeeds from now on."""
        self._outages.clear()

    def authenticate(self, payment_id: str, *, passes: bool = True) -> None:
        """The customer answers the bank's challenge, if it can still be answered."""
        with self._lock:
            charged = self._of(payment_id)
            if charged.payment.status is PaymentStatus.REQUIRES_ACTION:
                self._conclude(charged, None if passes else _CHALLENGE_FAILED)

    def pay_otherwise(self, payment_id: str, *, takes_time: bool = False) -> None:
        """The customer confirms the payment anew, with another card, if that can still be done."""
        with self._lock:
            charged = self._of(payment_id)
            if charged.payment.status not in {
                PaymentStatus.DECLINED,
                PaymentStatus.REQUIRES_ACTION,
            }:
                return
            if takes_time:
                charged.payment = replace(
                    charged.payment, status=PaymentStatus.PROCESSING, failure=None
                )
            else:
                self._conclude(charged, None)

    def finish(self, payment_id: str, *, passes: bool = True) -> None:
        """The bank that took its time has decided."""
        with self._lock:
            charged = self._of(payment_id)
            if charged.payment.status is PaymentStatus.PROCESSING:
                self._conclude(charged, None if passes else _declined("generic_decline"))

    def payments(self) -> list[Payment]:
        """Every payment as it is now, oldest first."""
        with self._lock:
            return [charged.payment for charged in self._charged.values()]

    def of(self, payment_id: str) -> Payment:
        """The payment as it is now."""
        return self._of(payment_id).payment

    def booked(self) -> list[tuple[Payment, datetime]]:
        """Every payment as it is now, and when it was begun, oldest first."""
        with self._lock:
            return [(charged.payment, charged.created_at) for charged in self._charged.values()]

    def request_of(self, payment_id: str) -> ChargeRequest:
        """What the payment was asked for with."""
        return self._of(payment_id).request

    def forget_events(self) -> None:
        """Lose every event not taken yet: the sweep must do without them."""
        self.events.clear()

    # The port.

    def create_customer(self, organization_id: str, *, former: int = 0) -> str:
        """See the port. A customer that was deleted stays so."""
        with self.call("create_customer"):
            customer_id = f"cus_{organization_id}" + (f"_{former}" if former else "")
            if customer_id not in self.owners:
                self.owners[customer_id] = organization_id
                self.saved_cards[customer_id] = []
            return customer_id

    def update_customer(self, customer_id: str, details: BillingDetails) -> None:
        """See the port."""
        with self.call("update_customer"):
            self._require_customer(customer_id)
            self.details[customer_id] = details

    def set_tax_id(self, customer_id: str, tax_id: TaxId | None) -> None:
        """See the port."""
        with self.call("set_tax_id"):
            self._require_customer(customer_id)
            self.tax_ids[customer_id] = tax_id

    def set_up_card(
        self, organization_id: str, customer_id: str, agreement: Agreement
    ) -> CardSetup:
        """See the port."""
        with self.call("set_up_card"):
            self._require_customer(customer_id)
            setup_id = f"seti_{next(self._serial)}"
            self.savings[setup_id] = CardSaving(
                id=setup_id,
                organization_id=organization_id,
                customer_id=customer_id,
                card=None,
                agreement=agreement,
            )
            return CardSetup(
                client_secret=f"{setup_id}_secret_fake",
                customer_id=customer_id,
                publishable_key="pk_test_fake",
            )

    def cards(self, customer_id: str) -> Sequence[Card]:
        """See the port."""
        with self.call("cards"):
            self._require_customer(customer_id)
            return list(reversed(self.saved_cards[customer_id]))

    def card(self, customer_id: str, payment_method_id: str) -> Card | None:
        """See the port."""
        with self.call("card"):
            return self._card(customer_id, payment_method_id)

    def remove_card(self, payment_method_id: str) -> None:
        """See the port."""
        with self.call("remove_card"):
            for cards in self.saved_cards.values():
                cards[:] = [card for card in cards if card.payment_method_id != payment_method_id]

    def charge(self, request: ChargeRequest) -> Payment:
        """See the port."""
        with self.call("charge"):
            known = self._charged.get(request.purchase_id)
            if known is None:
                known = self._begin(request)
                self._charged[request.purchase_id] = known
            elif known.request != request:
                raise PaymentsUnavailableError("the key was used with other parameters")
            return known.first_answer

    def payment(self, payment_id: str) -> Payment:
        """See the port."""
        with self.call("payment"):
            return self._of(payment_id).payment

    def payment_of(self, customer_id: str, purchase_id: str, *, since: datetime) -> Payment | None:
        """See the port."""
        with self.call("payment_of"):
            charged = self._charged.get(purchase_id)
            if charged is None or charged.request.customer_id != customer_id:
                return None
            early = charged.created_at < since - timedelta(minutes=1)
            return None if early else charged.payment

    def cancel(self, payment_id: str) -> Payment:
        """See the port. What is paid, or being decided by the bank, can't be cancelled."""
        with self.call("cancel"):
            charged = self._of(payment_id)
            if charged.payment.status in {PaymentStatus.REQUIRES_ACTION, PaymentStatus.DECLINED}:
                charged.payment = replace(charged.payment, status=PaymentStatus.CANCELED)
                self._tell("canceled", charged.payment)
            return charged.payment

    def call(self, method: str) -> _Call:
        """One call of a method of the provider, with what befalls it."""
        race = self.before.pop(method, None)
        if race is not None:
            race()
        outage = next((item for item in self._outages if item.method == method), None)
        if outage is not None:
            outage.times -= 1
            if not outage.times:
                self._outages.remove(outage)
        return _Call(lock=self._lock, method=method, moment=outage.moment if outage else None)

    def _begin(self, request: ChargeRequest) -> _Charged:
        if request.amount_cents < _MINIMUM_CENTS:
            raise refused("amount_too_small")
        card = self._card(request.customer_id, request.payment_method_id)
        if card is None:
            raise refused("resource_missing")
        behaviour, decline_code = self._behaviours[card.payment_method_id]
        status, failure = _answer_of(behaviour, decline_code, off_session=request.off_session)
        payment_id = f"pi_{next(self._serial)}"
        payment = Payment(
            id=payment_id,
            status=status,
            amount_cents=request.amount_cents,
            organization_id=request.organization_id,
            purchase_id=request.purchase_id,
            client_secret=f"{payment_id}_secret_fake",
            failure=failure,
        )
        if status is PaymentStatus.SUCCEEDED:
            self._tell("succeeded", payment)
        elif failure is not None:
            self._tell("payment_failed", payment)
        return _Charged(
            request=request, first_answer=payment, payment=payment, created_at=self.clock()
        )

    def _conclude(self, charged: _Charged, failure: Failure | None) -> None:
        status = PaymentStatus.SUCCEEDED if failure is None else PaymentStatus.DECLINED
        charged.payment = replace(charged.payment, status=status, failure=failure)
        self._tell("succeeded" if failure is None else "payment_failed", charged.payment)

    def tell(self, kind: str, object_id: str, **hints: str) -> None:
        """Send an event; hints say whose its object was."""
        event_id = f"evt_{next(self._serial)}"
        self.events.append({"id": event_id, "type": kind, "object_id": object_id, **hints})

    def _tell(self, what: str, payment: Payment) -> None:
        self.tell(f"payment_intent.{what}", payment.id)

    def _of(self, payment_id: str) -> _Charged:
        for charged in self._charged.values():
            if charged.payment.id == payment_id:
                return charged
        raise refused("resource_missing")

    def _card(self, customer_id: str, payment_method_id: str) -> Card | None:
        for card in self.saved_cards.get(customer_id, ()):
            if card.payment_method_id == payment_method_id:
                return card
        return None

    def _require_customer(self, customer_id: str) -> None:
        if customer_id not in self.saved_cards:
            raise refused("resource_missing")


@dataclass(slots=True, kw_only=True)
class _Call:
    """One call: alone in the provider's database, and perhaps befallen by an outage."""

    lock: threading.RLock
    method: str
    moment: Moment | None

    def __enter__(self) -> None:
        if self.moment is Moment.BEFORE:
            raise PaymentsUnavailableError(f"{self.method} didn't reach the provider")
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()
        if self.moment is Moment.AFTER:
            raise PaymentsUnavailableError(f"the answer to {self.method} was lost")


def _answer_of(
    behaviour: Behaviour, decline_code: str, *, off_session: bool
) -> tuple[PaymentStatus, Failure | None]:
    match behaviour:
        case Behaviour.PAYS:
            return PaymentStatus.SUCCEEDED, None
        case Behaviour.DECLINES:
            return PaymentStatus.DECLINED, _declined(decline_code)
        case Behaviour.TAKES_TIME:
            return PaymentStatus.PROCESSING, None
        case Behaviour.ASKS_CUSTOMER:
            return PaymentStatus.REQUIRES_ACTION, _AUTHENTICATION if off_session else None


def _declined(decline_code: str) -> Failure:
    return Failure(
        code="card_declined", decline_code=decline_code, message="Your card was declined."
    )


def refused(code: str) -> PaymentRefusedError:
    """The provider's refusal."""
    return PaymentRefusedError(
        Failure(code=code, decline_code=None, message=f"The payment provider says: {code}.")
    )
