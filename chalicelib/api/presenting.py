"""The use cases' values as the contract's JSON."""

from __future__ import annotations

from chalicelib.api.cursors import make_cursor
from chalicelib.api.http import Call
from chalicelib.api.problems import STATUSES, problem_body
from chalicelib.domain.account import Account
from chalicelib.domain.billing import BillingDetails
from chalicelib.domain.breakdown import PACKED_KEYS, breakdown_in
from chalicelib.domain.errors import CardDeclinedError
from chalicelib.domain.instant import format_instant
from chalicelib.domain.ledger import Entry
from chalicelib.domain.money import format_usd
from chalicelib.domain.payment import Failure
from chalicelib.domain.purchase import Purchase, PurchaseStatus
from chalicelib.domain.request import Answer
from chalicelib.domain.tax import Tax
from chalicelib.domain.topup import TopUp, month_of
from chalicelib.usecases.customers import SavedCard
from chalicelib.usecases.purchasing import Bought, Order

Body = dict[str, object]


def account_body(account: Account, top_up: TopUp, call: Call) -> Body:
    """The balance, as `GET /credits` tells it."""
    return {
        "organization_id": account.organization_id,
        "currency": "USD",
        "available": format_usd(account.available_nanos),
        "held": format_usd(account.held_nanos),
        "status": account.status.value,
        "auto_top_up": top_up_body(top_up, call),
    }


def top_up_body(top_up: TopUp, call: Call) -> Body:
    """The standing order and how it fares."""
    failed = top_up.last_failure
    limit = top_up.monthly_limit_nanos
    return {
        "enabled": top_up.enabled,
        "threshold": format_usd(top_up.threshold_nanos),
        "amount": format_usd(top_up.amount_nanos),
        "monthly_limit": None if limit is None else format_usd(limit),
        "status": top_up.status.value,
        "last_failure": failed
        and {
            **failure_body(failed.failure),
            "at": format_instant(failed.at),
            "purchase_id": failed.purchase_id,
        },
        "retry_at": top_up.retry_at and format_instant(top_up.retry_at),
        "open_purchase_id": top_up.open_purchase_id,
        "enabled_by": top_up.enabled_by,
        "enabled_at": top_up.enabled_at and format_instant(top_up.enabled_at),
        "spent_this_month": format_usd(top_up.spent_in(month_of(call.now))),
    }


def purchase_body(bought: Bought) -> Body:
    """A purchase. One that the payment provider hasn't answered for yet is processing."""
    purchase = bought.purchase
    pending = purchase.status is PurchaseStatus.PENDING
    body: Body = {
        "id": purchase.id,
        "type": purchase.type.value,
        "amount": format_usd(purchase.amount_nanos),
        "status": PurchaseStatus.PROCESSING.value if pending else purchase.status.value,
        "failure": purchase.failure and failure_body(purchase.failure),
        "payment_method": {"brand": purchase.card.brand, "last4": purchase.card.last4},
        "created_at": format_instant(purchase.created_at),
        "completed_at": purchase.completed_at and format_instant(purchase.completed_at),
        "invoice": invoice_reference(purchase),
        "refunded_amount": format_usd(purchase.refunded_nanos),
    }
    if bought.client_secret is not None:
        body["client_secret"] = bought.client_secret
    return body


def preview_body(order: Order, tax: Tax) -> Body:
    """What an order would cost."""
    return {
        "net": format_usd(order.amount_nanos),
        "tax": format_usd(tax.amount_nanos),
        "total": format_usd(order.amount_nanos + tax.amount_nanos),
    }


def purchase_answer(bought: Bought) -> Answer:
    """What `POST /purchases` answers, for ever: the purchase, or why the card was declined."""
    failure = bought.purchase.failure
    if bought.purchase.status is PurchaseStatus.FAILED and failure is not None:
        declined = CardDeclinedError(
            failure.message,
            extra={
                "decline_code": failure.decline_code or failure.code,
                "purchase_id": bought.purchase.id,
            },
        )
        return Answer(status=STATUSES[declined.code], body=problem_body(declined))
    return Answer(status=201, body=purchase_body(bought))


def transaction_body(purchase: Purchase) -> Body:
    """A succeeded purchase, as a line of the Transaction History."""
    return {
        "id": purchase.id,
        "type": purchase.type.value,
        "amount": format_usd(purchase.amount_nanos),
        "created_at": format_instant(purchase.created_at),
        "status": purchase.status.value,
        "refunded_amount": format_usd(purchase.refunded_nanos),
        "invoice": invoice_reference(purchase),
        "credit_notes": credit_note_references(purchase),
    }


def credit_note_references(purchase: Purchase) -> list[Body]:
    """What was issued for refunds, and the routes that lead there."""
    base = f"/v1/organizations/{purchase.organization_id}/documents"
    numbers = [followed.document_number for followed in purchase.reversals.followed]
    return [{"number": number, "url": f"{base}/{number}"} for number in numbers if number]


def invoice_reference(purchase: Purchase) -> Body | None:
    """The invoice's number, and the route that leads to it."""
    if purchase.invoice_number is None:
        return None
    path = f"/v1/organizations/{purchase.organization_id}/transactions/{purchase.id}/invoice"
    return {"number": purchase.invoice_number, "url": path}


def failure_body(failure: Failure) -> Body:
    """Why a payment failed."""
    return {
        "code": failure.code,
        "decline_code": failure.decline_code,
        "message": failure.message,
    }


def entry_body(entry: Entry) -> Body:
    """A ledger entry. `amount` is the change of available and held together."""
    return {
        "id": entry.id,
        "type": entry.kind.value,
        "amount": format_usd(entry.amount_nanos),
        "available_change": format_usd(entry.available_nanos),
        "held_change": format_usd(entry.held_nanos),
        "created_at": format_instant(entry.recorded_at),
        "project_id": entry.project_id,
        "overdrawn": entry.overdrawn,
        "cause": entry.key,
        "breakdown": breakdown_in(entry.details),
        "details": _details_body(entry),
    }


def _details_body(entry: Entry) -> Body:
    """What an entry says of itself beside its breakdown; of a hold, what it had left in dollars."""
    details = {name: value for name, value in entry.details.items() if name not in PACKED_KEYS}
    hold = details.get("hold")
    if isinstance(hold, dict) and isinstance(hold.get("remaining"), int):
        details["hold"] = {**hold, "remaining": format_usd(hold["remaining"])}
    return details


def card_body(saved: SavedCard) -> Body:
    """A saved card."""
    card = saved.card
    return {
        "id": card.payment_method_id,
        "brand": card.brand,
        "last4": card.last4,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "default": saved.default,
    }


def billing_details_body(details: BillingDetails) -> Body:
    """Whom invoices name."""
    address, tax_id = details.address, details.tax_id
    return {
        "name": details.name,
        "email": details.email,
        "address": {
            "line1": address.line1,
            "line2": address.line2,
            "city": address.city,
            "state": address.state,
            "postal_code": address.postal_code,
            "country": address.country,
        },
        "tax_id": tax_id and {"type": tax_id.type, "value": tax_id.value},
    }


def list_body(items: list[Body], *, call: Call, list_name: str, after: str | None) -> Body:
    """A part of a list, and the cursor to the next."""
    cursor = None
    if after is not None:
        secret, *_ = call.services.cursor_keys()
        name = f"{list_name}/{call.organization_id}"
        cursor = make_cursor(secret, list_name=name, after=after)
    return {"data": items, "next_cursor": cursor}
