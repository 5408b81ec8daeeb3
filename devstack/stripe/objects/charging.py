"""Taking money for a payment intent: challenge, decline, processing or success, with the events."""

from __future__ import annotations

import copy

from devstack.stripe.declines import DECLINES, Decline
from devstack.stripe.errors import Json, refused
from devstack.stripe.objects import (
    card_errors,
    charges,
    confirming,
    disputes,
    tax_transactions,
    wallet,
)
from devstack.stripe.state import State


def attempt(state: State, intent: Json, payment_method: Json, params: Json) -> Json:
    """Try to charge; the intent ends as succeeded, processing or requires_action.

    Args:
        state: where everything is kept.
        intent: the payment intent; must be open.
        payment_method: what is charged.
        params: of the confirmation: off_session, return_url, use_stripe_sdk,
            error_on_requires_action.

    Raises:
        ApiError: 402, after the intent went back to requires_payment_method.
    """
    facts = state.cards[payment_method["id"]]
    off_session = params.get("off_session", False) is not False
    options = intent["payment_method_options"]["card"]
    error: Json | None = None
    if confirming.wants_challenge(
        facts, off_session=off_session, requested=options["request_three_d_secure"]
    ):
        if not off_session and not params.get("error_on_requires_action"):
            return _ask_for_action(state, intent, payment_method, params)
        error = _fail(state, intent, payment_method, DECLINES["authentication_required"])
    else:
        error = _charge(state, intent, payment_method, authenticated=False)
    if error is not None:
        raise card_errors.as_refusal(error, payment_intent=copy.deepcopy(intent))
    return intent


def _ask_for_action(state: State, intent: Json, payment_method: Json, params: Json) -> Json:
    intent.update(
        status="requires_action",
        payment_method=payment_method["id"],
        last_payment_error=None,
        next_action=confirming.next_action(state, intent, params),
    )
    state.emit("payment_intent.requires_action", intent)
    return intent


def authenticate(state: State, intent: Json, *, accepted: bool) -> Json:
    """What the customer did with the 3-D Secure challenge: the charge follows, or the intent fails.

    Raises:
        ApiError: 400 when no challenge is open.
    """
    if intent["status"] != "requires_action":
        raise refused(f"PaymentIntent {intent['id']} is {intent['status']}: no challenge is open.")
    payment_method = state.get("payment_method", intent["payment_method"], param="payment_method")
    if accepted:
        _charge(state, intent, payment_method, authenticated=True)
        return intent
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_payment_error=card_errors.not_authenticated(
            copy.deepcopy(payment_method),
            noun="PaymentIntent",
            code="payment_intent_authentication_failure",
        ),
    )
    state.emit("payment_intent.payment_failed", intent)
    return intent


def finish_processing(state: State, intent: Json, *, decline: Decline | None) -> Json:
    """Decide a payment that was `processing`: it succeeds, or fails for the given reason.

    Raises:
        ApiError: 400 when it is not processing.
    """
    if intent["status"] != "processing":
        raise refused(f"PaymentIntent {intent['id']} is {intent['status']}, not processing.")
    payment_method = state.get("payment_method", intent["payment_method"], param="payment_method")
    charge = state.get("charge", intent["latest_charge"], param="charge")
    if decline is None:
        charges.settle(state, charge)
        _succeed(state, intent, payment_method, charge)
        return intent
    charge.update(
        status="failed",
        paid=False,
        failure_code=decline.code,
        failure_message=decline.message,
    )
    _fail(state, intent, payment_method, decline, charge=charge)
    return intent


def _charge(
    state: State, intent: Json, payment_method: Json, *, authenticated: bool
) -> Json | None:
    """Charge without any further question; answers the error of a refused card."""
    facts = state.cards[payment_method["id"]]
    decline = facts.decline or facts.card.charge
    if decline is not None:
        return _fail(state, intent, payment_method, decline, authenticated=authenticated)
    status = "pending" if facts.card.processing else "succeeded"
    charge = charges.attempt(
        state, intent, payment_method, status=status, authenticated=authenticated
    )
    if facts.card.processing:
        intent.update(
            status="processing",
            payment_method=payment_method["id"],
            latest_charge=charge["id"],
            last_payment_error=None,
            next_action=None,
        )
        state.emit("charge.pending", charge)
        state.emit("payment_intent.processing", intent)
    else:
        _succeed(state, intent, payment_method, charge)
    return None


def _fail(
    state: State,
    intent: Json,
    payment_method: Json,
    decline: Decline,
    *,
    authenticated: bool = False,
    charge: Json | None = None,
) -> Json:
    """Put the intent back to requires_payment_method; answers its `last_payment_error`."""
    charge = charge or charges.attempt(
        state,
        intent,
        payment_method,
        status="failed",
        decline=decline,
        authenticated=authenticated,
    )
    error = card_errors.failure(decline, copy.deepcopy(payment_method), charge=charge["id"])
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        latest_charge=charge["id"],
        last_payment_error=error,
        next_action=None,
    )
    state.emit("charge.failed", charge)
    state.emit("payment_intent.payment_failed", intent)
    return error


def _succeed(state: State, intent: Json, payment_method: Json, charge: Json) -> None:
    facts = state.cards[payment_method["id"]]
    if intent["setup_future_usage"] and intent["customer"]:
        facts.set_up = facts.set_up or intent["setup_future_usage"] == "off_session"
        wallet.keep(state, payment_method, intent["customer"])
    facts.spent = payment_method["customer"] is None
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        payment_method=payment_method["id"],
        latest_charge=charge["id"],
        last_payment_error=None,
        next_action=None,
    )
    state.emit("charge.succeeded", charge)
    state.emit("payment_intent.succeeded", intent)
    tax_transactions.commit(state, intent)
    if facts.card.fraud_warning:
        disputes.warn(state, charge)
    if facts.card.dispute is not None:
        disputes.open_for(
            state,
            charge,
            reason=facts.card.dispute,
            amount=charge["amount"],
            inquiry=facts.card.inquiry,
        )
