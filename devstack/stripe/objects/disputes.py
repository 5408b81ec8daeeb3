"""Disputes: opened by cards that do so or by the control route, answered, won and lost."""

from __future__ import annotations

from devstack.stripe import lists
from devstack.stripe.call import Call, Routes
from devstack.stripe.errors import Json, refused
from devstack.stripe.objects import balance
from devstack.stripe.objects.metadata import merged
from devstack.stripe.state import State

_FEE_CENTS = 1_500
_ANSWER_SECONDS = 9 * 24 * 3600
_NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}
_OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")
_INQUIRY = ("warning_needs_response", "warning_under_review")
_EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy",
    "cancellation_policy_disclosure", "cancellation_rebuttal", "customer_communication",
    "customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature",
    "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
    "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address",
    "shipping_carrier", "shipping_date", "shipping_documentation", "shipping_tracking_number",
    "uncategorized_file", "uncategorized_text",
)  # fmt: skip


def open_for(state: State, charge: Json, *, reason: str, amount: int, inquiry: bool) -> Json:
    """Open a dispute over `amount` cents of a charge; an inquiry takes no money yet.

    Raises:
        ApiError: 400 when the charge did not succeed or is disputed already.
    """
    if charge["status"] != "succeeded" or charge["disputed"]:
        raise refused(f"Charge {charge['id']} can't be disputed.", param="charge")
    dispute = state.new(
        "dispute",
        amount=amount,
        balance_transactions=[],
        charge=charge["id"],
        currency=charge["currency"],
        enhanced_eligibility_types=[],
        evidence=dict.fromkeys(_EVIDENCE) | {"enhanced_evidence": {}},
        evidence_details={
            "due_by": state.now() + _ANSWER_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        intended_submission_method=None,
        is_charge_refundable=inquiry,
        metadata={},
        network_reason_code=_NETWORK_CODES.get(reason),
        payment_intent=charge["payment_intent"],
        payment_method_details={
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": charge["payment_method_details"]["card"]["network"],
                "network_reason_code": _NETWORK_CODES.get(reason),
            },
            "type": "card",
        },
        reason=reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    charge["disputed"] = True
    if not inquiry:
        _move(state, dispute, amount=-amount, fee=_FEE_CENTS)
    state.emit("charge.dispute.created", dispute)
    if not inquiry:
        state.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def escalate(state: State, dispute: Json) -> Json:
    """Turn an inquiry into a chargeback: the money is taken now.

    Raises:
        ApiError: 400 when it is no open inquiry.
    """
    if dispute["status"] not in _INQUIRY:
        raise refused(f"Dispute {dispute['id']} is {dispute['status']}, no open inquiry.")
    _move(state, dispute, amount=-dispute["amount"], fee=_FEE_CENTS)
    state.change(
        dispute, "charge.dispute.updated", status="needs_response", is_charge_refundable=False
    )
    state.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def decide(state: State, dispute: Json, *, won: bool) -> Json:
    """End a dispute; a won one brings its money back, an inquiry just closes.

    Raises:
        ApiError: 400 when it has ended before.
    """
    if dispute["status"] not in _OPEN:
        raise refused(f"Dispute {dispute['id']} is already closed.", code="resource_missing")
    if dispute["status"] in _INQUIRY:
        dispute["status"] = "warning_closed"
        state.emit("charge.dispute.closed", dispute)
        return dispute
    dispute["status"] = "won" if won else "lost"
    if won:
        _move(state, dispute, amount=dispute["amount"], fee=-_FEE_CENTS)
    state.emit("charge.dispute.closed", dispute)
    if won:
        state.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def warn(state: State, charge: Json) -> Json:
    """Record an early fraud warning of the issuer."""
    warning = state.new(
        "radar.early_fraud_warning",
        actionable=True,
        charge=charge["id"],
        fraud_type="made_with_stolen_card",
        payment_intent=charge["payment_intent"],
    )
    state.emit("radar.early_fraud_warning.created", warning)
    return warning


def _move(state: State, dispute: Json, *, amount: int, fee: int) -> None:
    taken = amount < 0
    booked = balance.record(
        state,
        dispute,
        kind="adjustment",
        category="dispute" if taken else "dispute_reversal",
        amount=amount,
        fee=fee,
        about=f"Chargeback {'withdrawal' if taken else 'reversal'} for {dispute['charge']}",
    )
    dispute["balance_transactions"] = [*dispute["balance_transactions"], booked]


def _find(state: State, call: Call) -> Json:
    return state.get("dispute", call.path["dispute"], param="id", status=404)


def _update(state: State, call: Call) -> Json:
    dispute, params = _find(state, call), call.params
    if dispute["status"] not in _OPEN:
        raise refused("This dispute is already closed.", param="evidence")
    changes: Json = {"metadata": merged(dispute["metadata"], params.get("metadata"))}
    if "evidence" in params:
        evidence = dispute["evidence"] | params["evidence"]
        changes["evidence"] = {name: value or None for name, value in evidence.items()} | {
            "enhanced_evidence": evidence["enhanced_evidence"]
        }
        submitted = params.get("submit", True)
        details = dispute["evidence_details"] | {"has_evidence": True}
        if submitted:
            warning = dispute["status"] in _INQUIRY
            changes["status"] = "warning_under_review" if warning else "under_review"
            details |= {
                "submission_count": details["submission_count"] + 1,
                "submission_method": "manual",
            }
        changes["evidence_details"] = details
    state.change(dispute, "charge.dispute.updated", **changes)
    verdict = {"winning_evidence": True, "losing_evidence": False}.get(
        dispute["evidence"]["uncategorized_text"] or ""
    )
    if verdict is not None and dispute["status"] in ("under_review", "warning_under_review"):
        decide(state, dispute, won=verdict)
    return dispute


def _close(state: State, call: Call) -> Json:
    return decide(state, _find(state, call), won=False)


def _list(state: State, call: Call) -> Json:
    return lists.page(call, state.all("dispute"), "charge", "payment_intent")


ROUTES: Routes = {
    ("GET", "/v1/disputes"): _list,
    ("GET", "/v1/disputes/{dispute}"): _find,
    ("POST", "/v1/disputes/{dispute}"): _update,
    ("POST", "/v1/disputes/{dispute}/close"): _close,
}
