"""The operator's routes about one organization: refunds, adjustments, and what it may do."""

from __future__ import annotations

import re

from chalice.app import Response

from chalicelib.api.auth import Scope
from chalicelib.api.http import Call, Routes, json_response, kept_response
from chalicelib.api.presenting import Body, entry_body
from chalicelib.api.problems import STATUSES, problem_body
from chalicelib.domain.account import Account
from chalicelib.domain.errors import ConflictError
from chalicelib.domain.fields import Faults, Fields
from chalicelib.domain.instant import format_instant
from chalicelib.domain.ledger import Entry
from chalicelib.domain.money import MAX_NANOS, NANOS_PER_CENT, cents_to_nanos, format_usd, parse_usd
from chalicelib.domain.request import Answer
from chalicelib.usecases.adjusting import Adjustment
from chalicelib.usecases.closing import Closure
from chalicelib.usecases.refunding import Refunded, RefundOrder
from chalicelib.usecases.suspending import Act

routes = Routes()

_REASON = re.compile(r"(?=.*\S)[^\x00-\x1f\x7f]{1,200}")
_REASON_RULE = "must say why in 1 to 200 characters"


@routes.organization("POST", "/purchases/{purchase_id}/refunds", Scope.OPERATOR)
def create_refund(call: Call, purchase_id: str) -> Response:
    """Send a purchase's money back to its card, or a part of it."""
    key = call.idempotency_key()
    faults = Faults()
    fields = Fields(
        call.body(),
        path="",
        faults=faults,
        required=frozenset({"reason"}),
        optional=frozenset({"amount"}),
    )
    amount_nanos = fields.usd("amount")
    if "amount" in fields and (amount_nanos <= 0 or amount_nanos % NANOS_PER_CENT):
        fields.fault("amount", "must be whole cents, and more than zero")
    reason = fields.text("reason", _REASON, _REASON_RULE)
    faults.raise_any()
    order = RefundOrder(
        organization_id=call.organization_id,
        purchase_id=purchase_id,
        amount_nanos=amount_nanos if "amount" in fields else None,
        reason=reason.strip(),
        ordered_by=call.caller.subject,
    )
    answer, replayed = call.services.refunding.refund(
        order, key=key, present=refund_answer, now=call.now
    )
    return kept_response(answer, replayed=replayed)


@routes.organization("POST", "/adjustments", Scope.OPERATOR)
def create_adjustment(call: Call) -> Response:
    """Give credits, or take them."""
    key = call.idempotency_key()
    faults = Faults()
    fields = Fields(call.body(), path="", faults=faults, required=frozenset({"amount", "reason"}))
    amount_nanos = _signed_usd(fields, "amount")
    reason = fields.text("reason", _REASON, _REASON_RULE)
    faults.raise_any()
    adjustment = Adjustment(
        organization_id=call.organization_id,
        amount_nanos=amount_nanos,
        reason=reason.strip(),
        author=call.caller.subject,
    )
    entry, replayed = call.services.adjusting.adjust(adjustment, key=key, now=call.now)
    return json_response(entry_body(entry), status=201, replayed=replayed)


@routes.organization("PUT", "/suspension", Scope.OPERATOR)
def put_suspension(call: Call) -> Response:
    """Suspend the account, or let it go on."""
    faults = Faults()
    fields = Fields(
        call.body(), path="", faults=faults, required=frozenset({"suspended", "reason"})
    )
    suspended = fields.flag("suspended")
    act = _read_act(call, fields, faults)
    suspending = call.services.suspending
    change = suspending.suspend if suspended else suspending.resume
    account, entry = change(act, now=call.now)
    return json_response(standing_body(account, entry))


@routes.organization("PUT", "/closure", Scope.OPERATOR)
def put_closure(call: Call) -> Response:
    """Close the account for good, or go on with it."""
    faults = Faults()
    fields = Fields(call.body(), path="", faults=faults, required=frozenset({"refund", "reason"}))
    refunds = fields.flag("refund")
    act = _read_act(call, fields, faults)
    closure = call.services.closing.close(act, refunds=refunds, now=call.now)
    return json_response(closure_body(closure), status=200 if closure.complete else 202)


def standing_body(account: Account, entry: Entry | None) -> Body:
    """What an account may do, and the entry that says so if it was made just now."""
    return {
        "organization_id": account.organization_id,
        "standing": account.standing.value,
        "entry": None if entry is None else entry_body(entry),
    }


def closure_body(closure: Closure) -> Body:
    """How far a closing is."""
    return {
        "organization_id": closure.account.organization_id,
        "complete": closure.complete,
        "available": format_usd(closure.account.available_nanos),
        "refunds": [
            {"purchase_id": purchase_id, "amount": format_usd(nanos)}
            for purchase_id, nanos in closure.refunded_nanos.items()
        ],
        "forfeited": format_usd(closure.forfeited_nanos),
        "left": list(closure.left),
    }


def refund_answer(refunded: Refunded) -> Answer:
    """What `POST /purchases/{id}/refunds` answers, for ever."""
    reversal, purchase = refunded.reversal, refunded.purchase
    if reversal is None:
        message = refunded.failure.message if refunded.failure else "Nothing was refunded."
        refusal = ConflictError(message)
        return Answer(status=STATUSES[refusal.code], body=problem_body(refusal))
    followed = purchase.reversals.find(reversal.id)
    number = followed.document_number if followed else None
    body: Body = {
        "id": reversal.id,
        "purchase_id": purchase.id,
        "amount": format_usd(cents_to_nanos(reversal.amount_cents)),
        "status": "succeeded" if reversal.in_force else "failed",
        "reason": reversal.reason,
        "created_at": format_instant(reversal.created_at),
        "credit_note": None if number is None else {"number": number},
        "refunded_amount": format_usd(purchase.refunded_nanos),
    }
    return Answer(status=201, body=body)


def _read_act(call: Call, fields: Fields, faults: Faults) -> Act:
    reason = fields.text("reason", _REASON, _REASON_RULE)
    faults.raise_any()
    return Act(
        organization_id=call.organization_id, reason=reason.strip(), author=call.caller.subject
    )


def _signed_usd(fields: Fields, name: str) -> int:
    """An amount that may be negative, but not zero; zero when absent or faulty."""
    if name not in fields:
        return 0
    value = fields.get(name)
    try:
        nanos = parse_usd(value, signed=True)
    except ValueError as error:
        fields.fault(name, str(error), malformed=not isinstance(value, str))
        return 0
    if not 0 < abs(nanos) < MAX_NANOS:
        fields.fault(name, "must not be zero")
    return nanos
