"""Refunds: money given back, at once, later, or after all not."""

from __future__ import annotations

from devstack.stripe import lists
from devstack.stripe.call import Call, Routes
from devstack.stripe.cards import RefundOutcome
from devstack.stripe.errors import Json, invalid, refused
from devstack.stripe.objects import balance, tax_transactions
from devstack.stripe.objects.metadata import merged
from devstack.stripe.state import State

#: A dispute in these states has taken the money already; a won one has brought it back.
_CHARGED_BACK = ("needs_response", "under_review", "lost")

_NOT_PLAYED = ("currency", "customer", "origin", "refund_application_fee", "reverse_transfer")


def _charge_of(state: State, params: Json) -> Json:
    if "charge" in params and "payment_intent" not in params:
        charge = state.get("charge", params["charge"], param="charge")
    elif "payment_intent" in params and "charge" not in params:
        intent = state.get("payment_intent", params["payment_intent"], param="payment_intent")
        if intent["status"] != "succeeded":
            raise refused(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                param="payment_intent",
            )
        charge = state.get("charge", intent["latest_charge"], param="charge")
    else:
        raise invalid("One of the following params should be provided: payment_intent or charge.")
    if charge["status"] != "succeeded":
        raise refused(f"Charge {charge['id']} has not been paid.", param="charge")
    if any(
        dispute["charge"] == charge["id"] and dispute["status"] in _CHARGED_BACK
        for dispute in state.all("dispute")
    ):
        raise refused(f"Charge {charge['id']} has been charged back.", code="charge_disputed")
    return charge


def _amount_of(charge: Json, params: Json) -> int:
    left = int(charge["amount"]) - int(charge["amount_refunded"])
    if left == 0:
        raise refused(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    amount = int(params.get("amount", left))
    if amount < 1:
        raise invalid(
            "This value must be greater than or equal to 1.",
            param="amount",
            code="parameter_invalid_integer",
        )
    if amount > left:
        raise refused(
            f"Refund amount ({_money(amount)}) is greater than unrefunded amount on charge "
            f"({_money(left)})",
            param="amount",
        )
    return amount


def _money(cents: int) -> str:
    return f"${cents // 100}.{cents % 100:02d}"


def _create(state: State, call: Call) -> Json:
    params = call.params
    for name in _NOT_PLAYED:
        if name in params:
            raise invalid(f"The local Stripe does not play '{name}'.", param=name)
    charge = _charge_of(state, params)
    amount = _amount_of(charge, params)
    outcome = state.cards[charge["payment_method"]].card.refund
    refund = state.new(
        "refund",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        destination_details={
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        metadata=merged(None, params.get("metadata")),
        payment_intent=charge["payment_intent"],
        reason=params.get("reason"),
        receipt_number=None,
        source_transfer_reversal=None,
        status="pending" if outcome is RefundOutcome.PENDING else "succeeded",
        transfer_reversal=None,
    )
    refund["balance_transaction"] = balance.record(
        state,
        refund,
        kind="refund",
        category="refund",
        amount=-amount,
        fee=0,
        about=f"REFUND FOR CHARGE ({charge['id']})",
    )["id"]
    _count(charge, amount)
    tax_transactions.reverse_refunded(state, state.find(charge["payment_intent"]), refund)
    state.emit("refund.created", refund)
    state.emit("charge.refunded", charge)
    return refund


def _count(charge: Json, amount: int) -> None:
    """Add to (or, negative, take from) what a charge has refunded."""
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]


def settle(state: State, refund: Json, *, succeeded: bool) -> Json:
    """What the bank did with a refund: it arrived, or it came back.

    A refund that already succeeded may still come back, as Stripe's 5126 test card does.

    Raises:
        ApiError: 400 when it has failed before, or has already arrived and would arrive again.
    """
    if refund["status"] == "failed" or (succeeded and refund["status"] == "succeeded"):
        raise refused(f"Refund {refund['id']} is {refund['status']} already.")
    if succeeded:
        state.change(refund, "refund.updated", status="succeeded")
        state.emit("charge.refund.updated", refund)
        return refund
    charge = state.get("charge", refund["charge"], param="charge")
    returned = balance.record(
        state,
        refund,
        kind="refund_failure",
        category="refund_failure",
        amount=refund["amount"],
        fee=0,
        about=f"REFUND FAILURE FOR CHARGE ({charge['id']})",
    )
    _count(charge, -refund["amount"])
    state.change(
        refund,
        "refund.updated",
        status="failed",
        failure_reason="lost_or_stolen_card",
        failure_balance_transaction=returned["id"],
    )
    state.emit("charge.refund.updated", refund)
    state.emit("refund.failed", refund)
    return refund


def _find(state: State, call: Call) -> Json:
    return state.get("refund", call.path["refund"], param="id", status=404)


def _update(state: State, call: Call) -> Json:
    refund = _find(state, call)
    metadata = merged(refund["metadata"], call.params.get("metadata"))
    return state.change(refund, "refund.updated", metadata=metadata)


def _list(state: State, call: Call) -> Json:
    return lists.page(call, state.all("refund"), "charge", "payment_intent")


ROUTES: Routes = {
    ("POST", "/v1/refunds"): _create,
    ("GET", "/v1/refunds"): _list,
    ("GET", "/v1/refunds/{refund}"): _find,
    ("POST", "/v1/refunds/{refund}"): _update,
}
