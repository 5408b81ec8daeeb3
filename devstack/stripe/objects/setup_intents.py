"""Setup intents: one wish to save a card each."""

from __future__ import annotations

import copy

from devstack.stripe import lists
from devstack.stripe.call import Call, Routes
from devstack.stripe.errors import Json, invalid, refused
from devstack.stripe.objects import confirming, setting_up
from devstack.stripe.objects.lookup import customer_of
from devstack.stripe.objects.metadata import merged
from devstack.stripe.state import State, random_text

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def _members(params: Json) -> Json:
    """The members of a new intent with these parameters."""
    card = (params.get("payment_method_options") or {}).get("card") or {}
    options = {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
    return confirming.method_choice(params) | {
        "application": None,
        "attach_to_self": False,
        "cancellation_reason": None,
        "customer": params.get("customer"),
        "customer_account": None,
        "description": params.get("description"),
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "mandate": None,
        "metadata": merged(None, params.get("metadata")),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {"card": options | card},
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": params.get("usage", "off_session"),
    }


def _create(state: State, call: Call) -> Json:
    params = call.params
    confirming.refuse_not_played(params)
    confirm = params.get("confirm", False)
    for name in ("return_url", "mandate_data"):
        if params.get(name) and not confirm:
            raise invalid(
                f"The parameter `{name}` can only be used with `confirm=true`.", param=name
            )
    if "customer" in params:
        customer_of(state, params["customer"], param="customer")
    members = _members(params)
    if confirm:
        confirming.require_return_url(members, params, noun="SetupIntent")
    chosen = None
    if "payment_method" in params or "payment_method_data" in params or confirm:
        chosen = confirming.chosen_method(
            state, call, members | {"object": "setup_intent", "id": None}
        )
        members |= {"payment_method": chosen["id"], "status": "requires_confirmation"}
    intent = state.new("setup_intent", **members)
    intent["client_secret"] = f"{intent['id']}_secret_{random_text(25)}"
    state.emit("setup_intent.created", intent)
    if confirm and chosen is not None:
        return setting_up.attempt(state, intent, chosen, params)
    return intent


def _find(state: State, call: Call) -> Json:
    intent = state.get("setup_intent", call.path["intent"], param="intent", status=404)
    confirming.check_client_secret(call, intent)
    return intent


def _require_open(intent: Json, act: str) -> None:
    if intent["status"] not in _OPEN:
        raise refused(
            f"You cannot {act} this SetupIntent because it has a status of {intent['status']}.",
            code="setup_intent_unexpected_state",
            embedded={"setup_intent": copy.deepcopy(intent)},
        )


def _confirm(state: State, call: Call) -> Json:
    intent = _find(state, call)
    confirming.refuse_not_played(call.params)
    _require_open(intent, "confirm")
    confirming.require_return_url(intent, call.params, noun="SetupIntent")
    chosen = confirming.chosen_method(state, call, intent)
    return setting_up.attempt(state, intent, chosen, call.params)


def _cancel(state: State, call: Call) -> Json:
    intent = _find(state, call)
    _require_open(intent, "cancel")
    intent.update(
        status="canceled",
        cancellation_reason=call.params.get("cancellation_reason"),
        next_action=None,
    )
    state.emit("setup_intent.canceled", intent)
    return intent


def _list(state: State, call: Call) -> Json:
    return lists.page(call, state.all("setup_intent"), "customer", "payment_method")


ROUTES: Routes = {
    ("POST", "/v1/setup_intents"): _create,
    ("GET", "/v1/setup_intents"): _list,
    ("GET", "/v1/setup_intents/{intent}"): _find,
    ("POST", "/v1/setup_intents/{intent}/confirm"): _confirm,
    ("POST", "/v1/setup_intents/{intent}/cancel"): _cancel,
}
