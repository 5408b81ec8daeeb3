"""Buying credits by hand: charged at once, credited at once, and never twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from chalicelib.domain.billing import BillingDetails, TaxId
from chalicelib.domain.customer import Customer
from chalicelib.domain.errors import BusyError, NotFoundError, ValidationFailedError
from chalicelib.domain.money import format_usd
from chalicelib.domain.payment import (
    Card,
    ChargeRequest,
    Payment,
    PaymentRefusedError,
    PaymentsUnavailableError,
)
from chalicelib.domain.purchase import Purchase, PurchaseType
from chalicelib.domain.purchase_day import PurchaseDay, day_of
from chalicelib.domain.request import Answer, IdempotentRequest
from chalicelib.domain.tax import Tax
from chalicelib.domain.write import Committed, Write
from chalicelib.ports import Ids, Ledger, Pause, Payments, PurchaseDays, Purchases, Taxes
from chalicelib.usecases.card_tries import CardTries
from chalicelib.usecases.concluding import Concluding
from chalicelib.usecases.customers import Buyers
from chalicelib.usecases.idempotency import Answers, digest_of, in_progress

_OPERATION = "purchase"
#: Rivals are other purchases of the same organization on the same day.
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person asks for.

    Without billing details, those on file serve; the tax ID replaces theirs, unless it is to be
    kept.
    """

    organization_id: str
    amount_nanos: int
    payment_method_id: str
    billing_details: BillingDetails | None
    tax_id: TaxId | None
    keeps_tax_id: bool
    ordered_by: str

    def digest(self) -> str:
        """Stands for the order's content; who repeats it doesn't matter."""
        content = asdict(self)
        del content["ordered_by"]
        return digest_of(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """A purchase as it stands; `client_secret` is there while the customer must act."""

    purchase: Purchase
    client_secret: str | None = None


#: Makes the answer that is kept for the repetitions of a request.
Present = Callable[[Bought], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchasing:
    """Takes orders and answers for purchases."""

    ledger: Ledger
    purchases: Purchases
    payments: Payments
    ids: Ids
    answers: Answers
    buyers: Buyers
    concluding: Concluding
    taxes: Taxes
    purchase_days: PurchaseDays
    card_tries: CardTries
    daily_maximum_nanos: int
    pause: Pause

    def preview(self, order: Order) -> Tax:
        """What tax the order would be charged; nothing is changed.

        Raises:
            ValidationFailedError: if it can't be known without billing details.
        """
        customer = self.buyers.customers.get(order.organization_id)
        return quoted_tax(self.taxes, order.amount_nanos, _details(order, customer))

    def buy(
        self, order: Order, *, key: str, present: Present, now: datetime
    ) -> tuple[Answer, bool]:
        """Charge the card and add the credits; gives the answer, and whether it is an old one.

        Raises:
            ValidationFailedError: if the card or the billing details are missing, or the day's
                limit is reached.
            TooManyTriesError: if too many purchases of the last hour were not paid.
            BusyError: if the payment provider doesn't answer. Whether the card was charged is
                then unknown; the same key continues where this attempt ended.
        """
        digest = order.digest()
        first = self.answers.find(order.organization_id, _OPERATION, key, digest, now=now)
        if first is not None and first.answer is not None:
            return first.answer, True
        if first is None:
            purchase, first = self._begin(order, key=key, digest=digest, now=now)
        else:
            purchase = self._get(order.organization_id, first.subject_id)
        bought = self._pay(purchase, now=now)
        return self.answers.keep(first, present(bought), now=now), False

    def find(self, organization_id: str, purchase_id: str, *, now: datetime) -> Bought:
        """The purchase as it stands, asking the payment provider if it isn't final.

        Raises:
            NotFoundError: if the organization has no such purchase.
        """
        purchase = self._get(organization_id, purchase_id)
        if purchase.final or purchase.payment_id is None:
            return Bought(purchase=purchase)
        payment = self.payments.payment(purchase.payment_id)
        return self._concluded(purchase, payment, now=now)

    def _begin(
        self, order: Order, *, key: str, digest: str, now: datetime
    ) -> tuple[Purchase, IdempotentRequest]:
        customer, customer_id = self.buyers.known(order.organization_id, now=now)
        card = self.payments.card(customer_id, order.payment_method_id)
        if card is None:
            raise ValidationFailedError.of("payment_method_id", "is no saved card of yours")
        details = _details(order, customer)
        self.buyers.set_billing_details(order.organization_id, details, now=now)
        purchase = self._new(order, customer_id=customer_id, card=card, details=details, now=now)
        request = IdempotentRequest(
            organization_id=order.organization_id,
            operation=_OPERATION,
            key=key,
            digest=digest,
            subject_id=purchase.id,
            started_at=now,
        )
        for attempt in range(_ATTEMPTS):
            day = self.purchase_days.get(order.organization_id, day_of(now))
            self._refuse_beyond_limit(day, purchase)
            counted = self.card_tries.with_purchase(
                day, purchase.id, purchase.charge_nanos, now=now
            )
            saves = (purchase, request, counted)
            write = Write(organization_id=order.organization_id, at=now, saves=saves)
            if isinstance(self.ledger.commit(write), Committed):
                return purchase, request
            if self.answers.begun(request):
                raise in_progress()
            # Another purchase of the same day was counted at this moment.
            self.pause(attempt)
        raise BusyError("Too many purchases at once; please try again.")

    def _refuse_beyond_limit(self, day: PurchaseDay, purchase: Purchase) -> None:
        left_nanos = self.daily_maximum_nanos - day.charged_nanos
        if purchase.charge_nanos > left_nanos:
            raise ValidationFailedError.of(
                "amount",
                f"is beyond today's limit of {format_usd(self.daily_maximum_nanos)} US dollars, "
                f"of which {format_usd(max(0, left_nanos))} are left",
            )

    def _new(
        self,
        order: Order,
        *,
        customer_id: str,
        card: Card,
        details: BillingDetails,
        now: datetime,
    ) -> Purchase:
        return Purchase.new(
            id=self.ids.new("pur", now),
            organization_id=order.organization_id,
            type=PurchaseType.PURCHASE,
            amount_nanos=order.amount_nanos,
            created_at=now,
            created_by=order.ordered_by,
            customer_id=customer_id,
            card=card,
            billing_details=details,
            tax=quoted_tax(self.taxes, order.amount_nanos, details),
        )

    def _pay(self, purchase: Purchase, *, now: datetime) -> Bought:
        if purchase.final:
            return Bought(purchase=purchase)
        if not purchase.fresh(now):
            # Stripe's idempotency keys don't last for ever: what is old, only the sweep finishes,
            # and it looks for the payment before it would make one.
            raise in_progress()
        try:
            payment = self.payments.charge(charge_request(purchase))
        except PaymentRefusedError as error:
            return Bought(purchase=self.concluding.give_up(purchase, error.failure, now=now))
        except PaymentsUnavailableError as error:
            raise BusyError(
                f"The payment provider didn't answer. Repeat the request with the same "
                f"Idempotency-Key in a minute, or ask for purchase {purchase.id}: the card is "
                f"charged once at most.",
                retry_after_seconds=60,
            ) from error
        return self._concluded(purchase, payment, now=now)

    def _concluded(self, purchase: Purchase, payment: Payment, *, now: datetime) -> Bought:
        purchase = self.concluding.conclude(purchase, payment, now=now)
        secret = None if purchase.final else payment.client_secret
        return Bought(purchase=purchase, client_secret=secret)

    def _get(self, organization_id: str, purchase_id: str) -> Purchase:
        purchase = self.purchases.get(organization_id, purchase_id)
        if purchase is None:
            raise NotFoundError("There is no such purchase.")
        return purchase


def _details(order: Order, customer: Customer) -> BillingDetails:
    details = order.billing_details or customer.billing_details
    if details is None:
        raise ValidationFailedError.of(
            "billing_details", "are required: none are on file, and an invoice needs them"
        )
    return details if order.keeps_tax_id else replace(details, tax_id=order.tax_id)


def quoted_tax(taxes: Taxes, amount_nanos: int, details: BillingDetails) -> Tax:
    """The tax to charge on top.

    Raises:
        ValidationFailedError: if the address is none that tax can be calculated for.
        BusyError: if it can't be calculated now.
    """
    try:
        return taxes.quote(amount_nanos, details)
    except PaymentRefusedError as error:
        raise ValidationFailedError.of("billing_details", error.failure.message) from error
    except PaymentsUnavailableError as error:
        raise BusyError("The tax can't be calculated now; please try again.") from error


def charge_request(purchase: Purchase) -> ChargeRequest:
    """What the payment provider is asked to take for the purchase."""
    automatic = purchase.type is PurchaseType.AUTO_TOP_UP
    return ChargeRequest(
        organization_id=purchase.organization_id,
        purchase_id=purchase.id,
        customer_id=purchase.customer_id,
        payment_method_id=purchase.card.payment_method_id,
        amount_cents=purchase.charge_cents,
        description="AI gateway credits, auto top-up" if automatic else "AI gateway credits",
        off_session=automatic,
        tax_calculation_id=purchase.tax.calculation_id,
    )
