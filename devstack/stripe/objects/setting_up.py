"""Saving a card for a setup intent: challenge, refusal or success, with the events."""

from __future__ import annotations

import copy

from devstack.stripe.cards import Challenge
from devstack.stripe.errors import Json, refused
from devstack.stripe.objects import card_errors, confirming, wallet
from devstack.stripe.state import State


def attempt(state: State, intent: Json, payment_method: Json, params: Json) -> Json:
    """Try to save the card; the intent ends as succeeded or requires_action.

    Raises:
        ApiError: 402, after the intent went back to requires_payment_method.
    """
    facts = state.cards[payment_method["id"]]
    if facts.card.attach is not None:
        error = card_errors.failure(facts.card.attach, copy.deepcopy(payment_method), charge=None)
        _fail(state, intent, error)
        raise card_errors.as_refusal(error, setup_intent=copy.deepcopy(intent))
    if facts.card.challenge in (Challenge.ALWAYS, Challenge.UNLESS_SET_UP):
        intent.update(
            status="requires_action",
            payment_method=payment_method["id"],
            last_setup_error=None,
            next_action=confirming.next_action(state, intent, params),
        )
        state.emit("setup_intent.requires_action", intent)
        return intent
    return _succeed(state, intent, payment_method)


def authenticate(state: State, intent: Json, *, accepted: bool) -> Json:
    """What the customer did with the 3-D Secure challenge: the card is saved, or it is not.

    Raises:
        ApiError: 400 when no challenge is open.
    """
    if intent["status"] != "requires_action":
        raise refused(f"SetupIntent {intent['id']} is {intent['status']}: no challenge is open.")
    payment_method = state.get("payment_method", intent["payment_method"], param="payment_method")
    if accepted:
        return _succeed(state, intent, payment_method)
    return _fail(
        state,
        intent,
        card_errors.not_authenticated(
            copy.deepcopy(payment_method),
            noun="SetupIntent",
            code="setup_intent_authentication_failure",
        ),
    )


def _fail(state: State, intent: Json, error: Json) -> Json:
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        last_setup_error=error,
    )
    state.emit("setup_intent.setup_failed", intent)
    return intent


def _succeed(state: State, intent: Json, payment_method: Json) -> Json:
    facts = state.cards[payment_method["id"]]
    facts.set_up = facts.set_up or intent["usage"] == "off_session"
    if intent["customer"]:
        wallet.keep(state, payment_method, intent["customer"])
    intent.update(
        status="succeeded",
        payment_method=payment_method["id"],
        next_action=None,
        last_setup_error=None,
    )
    state.emit("setup_intent.succeeded", intent)
    return intent
