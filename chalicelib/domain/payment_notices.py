"""The notices about payments: what each tells, as docs/events.md promises."""

from __future__ import annotations

from datetime import datetime

from chalicelib.domain.instant import format_instant
from chalicelib.domain.money import cents_to_nanos, format_usd
from chalicelib.domain.notices import Notice, NoticeKind
from chalicelib.domain.payment import Card, Failure
from chalicelib.domain.purchase import ABANDONED_AFTER, Purchase, PurchaseType
from chalicelib.domain.topup import TopUp

_SUCCEEDED = {
    PurchaseType.PURCHASE: NoticeKind.PURCHASE_SUCCEEDED,
    PurchaseType.AUTO_TOP_UP: NoticeKind.TOP_UP_SUCCEEDED,
}


def purchase_succeeded(paid: Purchase, *, at: datetime) -> Notice:
    """Credits were bought, by hand or automatically."""
    return _about(
        paid,
        _SUCCEEDED[paid.type],
        at=at,
        tax=format_usd(cents_to_nanos(paid.charge_cents) - paid.amount_nanos),
        invoice_number=paid.invoice_number,
    )


def top_up_failed(
    failed: Purchase, failure: Failure, top_up: TopUp, *, at: datetime
) -> tuple[Notice, ...]:
    """An automatic charge failed; `top_up` is what became of the standing order.

    A failure that pauses it is two facts, and two notices.
    """
    notice = _about(
        failed,
        NoticeKind.TOP_UP_FAILED,
        at=at,
        failure=_failure(failure),
        retry_at=top_up.retry_at and format_instant(top_up.retry_at),
        paused=top_up.paused,
    )
    if not top_up.paused:
        return (notice,)
    return (notice, top_up_paused(top_up, failure, purchase_id=failed.id, at=at))


def top_up_paused(
    top_up: TopUp, failure: Failure, *, purchase_id: str | None = None, at: datetime
) -> Notice:
    """Nothing is charged any more until a person acts; without a purchase, nothing was tried."""
    return Notice.of(
        NoticeKind.TOP_UP_PAUSED,
        organization_id=top_up.organization_id,
        # It can pause again once it was resumed, and each change has its version.
        fact=str(top_up.version),
        at=at,
        data={"purchase_id": purchase_id, "failure": _failure(failure)},
    )


def top_up_needs_action(waiting: Purchase, *, at: datetime) -> Notice:
    """The bank wants the customer to confirm an automatic charge, for as long as it stays open."""
    expires_at = waiting.created_at + ABANDONED_AFTER[waiting.type]
    return _about(
        waiting,
        NoticeKind.TOP_UP_ACTION_REQUIRED,
        # A bank may ask more than once for one charge.
        fact=f"{waiting.id}#{waiting.version}",
        at=at,
        expires_at=format_instant(expires_at),
    )


def refund_created(
    refunded: Purchase,
    *,
    refund_id: str,
    amount_nanos: int,
    credits_nanos: int,
    credit_note_number: str | None,
    at: datetime,
) -> Notice:
    """Money went back to the card, `amount_nanos` of it, and credits were taken back for it."""
    return _reversed(
        refunded,
        NoticeKind.REFUND_CREATED,
        refund_id,
        at=at,
        refund_id=refund_id,
        amount=format_usd(amount_nanos),
        credits=format_usd(credits_nanos),
        credit_note_number=credit_note_number,
    )


def dispute_opened(
    disputed: Purchase,
    *,
    dispute_id: str,
    amount_nanos: int,
    credits_nanos: int,
    reason: str,
    at: datetime,
) -> Notice:
    """The bank took `amount_nanos` of a payment back, and credits were taken back for it."""
    return _reversed(
        disputed,
        NoticeKind.DISPUTE_OPENED,
        dispute_id,
        at=at,
        dispute_id=dispute_id,
        amount=format_usd(amount_nanos),
        credits=format_usd(credits_nanos),
        reason=reason,
    )


def _reversed(
    purchase: Purchase, kind: NoticeKind, fact: str, *, at: datetime, **data: object
) -> Notice:
    return Notice.of(
        kind,
        organization_id=purchase.organization_id,
        fact=fact,
        at=at,
        data={
            "purchase_id": purchase.id,
            "payment_method": _card(purchase.card),
            **data,
        },
    )


def _about(
    purchase: Purchase, kind: NoticeKind, *, at: datetime, fact: str | None = None, **more: object
) -> Notice:
    return Notice.of(
        kind,
        organization_id=purchase.organization_id,
        fact=fact or purchase.id,
        at=at,
        data={
            "purchase_id": purchase.id,
            "amount": format_usd(purchase.amount_nanos),
            "payment_method": _card(purchase.card),
            **more,
        },
    )


def _card(card: Card) -> dict[str, str]:
    return {"brand": card.brand, "last4": card.last4}


def _failure(failure: Failure) -> dict[str, str | None]:
    return {
        "code": failure.code,
        "decline_code": failure.decline_code,
        "message": failure.message,
    }
