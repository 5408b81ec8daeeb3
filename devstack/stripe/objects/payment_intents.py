"""Payment intents: one wish to be paid each, from creation to success or cancellation."""

from __future__ import annotations

import copy

from devstack.stripe import lists
from devstack.stripe.call import Call, Routes
from devstack.stripe.errors import ApiError, Json, invalid, refused
from devstack.stripe.objects import amounts, charging, confirming, wallet
from devstack.stripe.objects import payment_intent_members as members
from devstack.stripe.objects.lookup import customer_of
from devstack.stripe.objects.metadata import merged
from devstack.stripe.state import State, random_text

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def _create(state: State, call: Call) -> Json:
    params = call.params
    confirm = params.get("confirm", False)
    for name in ("off_session", "error_on_requires_action", "return_url", "mandate_data"):
        if params.get(name) and not confirm:
            raise invalid(
                f"The parameter `{name}` can only be used with `confirm=true`.", param=name
            )
    currency = amounts.check(params["amount"], params["currency"])
    customer = params.get("customer")
    if customer is not None:
        customer_of(state, customer, param="customer")
    made = members.blank() | confirming.method_choice(params)
    made |= members.changes_of(state, params, made)
    made |= {
        "amount": params["amount"],
        "currency": currency,
        "customer": customer,
        "metadata": merged(None, params.get("metadata")),
        "confirmation_method": params.get("confirmation_method", "automatic"),
    }
    if confirm:
        confirming.require_return_url(made, params, noun="PaymentIntent")
    chosen = None
    if "payment_method" in params or "payment_method_data" in params or confirm:
        chosen = confirming.chosen_method(
            state, call, made | {"object": "payment_intent", "id": None}
        )
        made |= {"payment_method": chosen["id"], "status": "requires_confirmation"}
    intent = state.new("payment_intent", **made)
    intent["client_secret"] = f"{intent['id']}_secret_{random_text(25)}"
    state.emit("payment_intent.created", intent)
    if confirm and chosen is not None:
        return charging.attempt(state, intent, chosen, params)
    return intent


def _find(state: State, call: Call) -> Json:
    intent = state.get("payment_intent", call.path["intent"], param="intent", status=404)
    confirming.check_client_secret(call, intent)
    return intent


def _require(intent: Json, allowed: tuple[str, ...], act: str) -> None:
    if intent["status"] not in allowed:
        raise _unexpected(intent, act)


def _unexpected(intent: Json, act: str) -> ApiError:
    why = {
        "succeeded": "it has already succeeded after being previously confirmed",
        "canceled": "it has a status of canceled",
        "processing": "it has a status of processing",
    }.get(intent["status"], f"it has a status of {intent['status']}")
    return refused(
        f"You cannot {act} this PaymentIntent because {why}.",
        code="payment_intent_unexpected_state",
        embedded={"payment_intent": copy.deepcopy(intent)},
    )


def _confirm(state: State, call: Call) -> Json:
    intent, params = _find(state, call), call.params
    _require(intent, _OPEN, "confirm")
    if call.by_browser and params.get("off_session"):
        raise invalid("off_session needs a secret key.", param="off_session")
    confirming.require_return_url(intent, params, noun="PaymentIntent")
    chosen = confirming.chosen_method(state, call, intent)
    intent.update(members.changes_of(state, call.params, intent), next_action=None)
    return charging.attempt(state, intent, chosen, params)


def _update(state: State, call: Call) -> Json:
    intent, params = _find(state, call), call.params
    harmless = {"metadata", "description", "receipt_email", "expand"}
    if params.keys() - harmless:
        _require(intent, _OPEN, "update")
    changes = members.changes_of(state, call.params, intent)
    if "amount" in params or "currency" in params:
        wanted = intent | params
        amount: int = wanted["amount"]
        currency = amounts.check(amount, wanted["currency"])
        changes |= {"amount": amount, "currency": currency}
    if "customer" in params:
        changes["customer"] = customer_of(state, params["customer"], param="customer")["id"]
    if "payment_method" in params:
        found = wallet.resolve(state, params["payment_method"], param="payment_method")
        confirming.check_owner(found, changes.get("customer", intent["customer"]))
        changes |= {"payment_method": found["id"], "status": "requires_confirmation"}
    changes["metadata"] = merged(intent["metadata"], params.get("metadata"))
    intent.update(changes)
    return intent


def _cancel(state: State, call: Call) -> Json:
    intent = _find(state, call)
    _require(intent, _OPEN, "cancel")
    intent.update(
        status="canceled",
        canceled_at=state.now(),
        cancellation_reason=call.params.get("cancellation_reason"),
        next_action=None,
    )
    state.emit("payment_intent.canceled", intent)
    return intent


def _list(state: State, call: Call) -> Json:
    return lists.page(call, state.all("payment_intent"), "customer")


ROUTES: Routes = {
    ("POST", "/v1/payment_intents"): _create,
    ("GET", "/v1/payment_intents"): _list,
    ("GET", "/v1/payment_intents/{intent}"): _find,
    ("POST", "/v1/payment_intents/{intent}"): _update,
    ("POST", "/v1/payment_intents/{intent}/confirm"): _confirm,
    ("POST", "/v1/payment_intents/{intent}/cancel"): _cancel,
}
