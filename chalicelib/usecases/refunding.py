"""Refunds that an operator orders: the money goes back once, and the credits with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from chalicelib.domain.errors import (
    BusyError,
    ConflictError,
    NotFoundError,
    ValidationFailedError,
)
from chalicelib.domain.money import cents_to_nanos, format_usd, nanos_to_cents
from chalicelib.domain.payment import Failure, PaymentRefusedError, PaymentsUnavailableError
from chalicelib.domain.purchase import Purchase, PurchaseStatus
from chalicelib.domain.request import Answer, IdempotentRequest
from chalicelib.domain.reversal import RefundRequest, Reversal
from chalicelib.domain.write import Committed, Write
from chalicelib.ports import Ids, Ledger, Purchases, Refunds
from chalicelib.usecases.idempotency import Answers, digest_of, in_progress
from chalicelib.usecases.reversing import Reversing

_OPERATION = "refund"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    """What an operator asks for; `amount_nanos` of the card's money, None for all that is left."""

    organization_id: str
    purchase_id: str
    amount_nanos: int | None
    reason: str
    ordered_by: str

    def digest(self) -> str:
        """Stands for the order's content; who repeats it doesn't matter."""
        content = asdict(self)
        del content["ordered_by"]
        return digest_of(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """The refund and the purchase after it; a failure instead if the provider refused."""

    purchase: Purchase
    reversal: Reversal | None
    failure: Failure | None = None


#: Makes the answer that is kept for the repetitions of a request.
Present = Callable[[Refunded], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunding:
    """Takes orders for refunds."""

    ledger: Ledger
    purchases: Purchases
    refunds: Refunds
    ids: Ids
    answers: Answers
    reversing: Reversing

    def refund(
        self, order: RefundOrder, *, key: str, present: Present, now: datetime
    ) -> tuple[Answer, bool]:
        """Send the money back and take the credits; gives the answer, and whether it is old.

        Raises:
            NotFoundError: if the organization has no such purchase.
            ConflictError: if it was not paid, or nothing is left of it.
            ValidationFailedError: if less is left than was asked for.
            BusyError: if the payment provider doesn't answer. Whether money was sent back is then
                unknown; the same key continues where this attempt ended.
        """
        digest = order.digest()
        first = self.answers.find(order.organization_id, _OPERATION, key, digest, now=now)
        if first is not None and first.answer is not None:
            return first.answer, True
        purchase = self._get(order)
        if first is None:
            first = self._begin(order, purchase, key=key, digest=digest, now=now)
        refunded = self._send_back(order, purchase, request_id=first.subject_id, now=now)
        return self.answers.keep(first, present(refunded), now=now), False

    def _begin(
        self, order: RefundOrder, purchase: Purchase, *, key: str, digest: str, now: datetime
    ) -> IdempotentRequest:
        _require_left(order, purchase)
        request = IdempotentRequest(
            organization_id=order.organization_id,
            operation=_OPERATION,
            key=key,
            digest=digest,
            subject_id=self.ids.new("ref", now),
            started_at=now,
        )
        write = Write(organization_id=order.organization_id, at=now, saves=(request,))
        if not isinstance(self.ledger.commit(write), Committed):
            raise in_progress()
        return request

    def _send_back(
        self, order: RefundOrder, purchase: Purchase, *, request_id: str, now: datetime
    ) -> Refunded:
        # What is left is the provider's to say in the end: it alone sees all refunds at once.
        request = RefundRequest(
            id=request_id,
            organization_id=order.organization_id,
            purchase_id=purchase.id,
            payment_id=purchase.payment_id or "",
            amount_cents=None if order.amount_nanos is None else nanos_to_cents(order.amount_nanos),
            reason=order.reason,
            ordered_by=order.ordered_by,
        )
        try:
            reversal = self.refunds.refund(request)
            # If the process dies here, the webhook takes the credits, or the reconciliation.
            return Refunded(purchase=self.reversing.follow(purchase, now=now), reversal=reversal)
        except PaymentRefusedError as error:
            return Refunded(purchase=purchase, reversal=None, failure=error.failure)
        except PaymentsUnavailableError as error:
            raise BusyError(
                "The payment provider didn't answer. Repeat the request with the same "
                "Idempotency-Key in a minute: the money is sent back once at most.",
                retry_after_seconds=60,
            ) from error

    def _get(self, order: RefundOrder) -> Purchase:
        purchase = self.purchases.get(order.organization_id, order.purchase_id)
        if purchase is None:
            raise NotFoundError("There is no such purchase.")
        return purchase


def _require_left(order: RefundOrder, purchase: Purchase) -> None:
    if purchase.status is not PurchaseStatus.SUCCEEDED:
        raise ConflictError("The purchase was not paid, so there is nothing to refund.")
    left_nanos = cents_to_nanos(purchase.refundable_cents)
    if left_nanos == 0:
        raise ConflictError("Nothing of the payment is left to refund.")
    if order.amount_nanos is not None and order.amount_nanos > left_nanos:
        left = format_usd(left_nanos)
        raise ValidationFailedError.of("amount", f"must be at most {left}: no more is left")
