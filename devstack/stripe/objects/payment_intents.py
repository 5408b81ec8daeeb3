"""Payment intents: one wish to be paid each, from creation to success or cancellation."""

from __future__ import annotations

import copy

from devstack.stripe import lists
from devstack.stripe.call import Call, Routes
from devstack.stripe.errors import ApiError, Json, invalid, refused
from devstack.stripe.objects import amounts, charging, confirming, payment_methods, tax
from devstack.stripe.objects.lookup import customer_of, full_address
from devstack.stripe.objects.metadata import merged
from devstack.stripe.state import State, random_text

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")

#: Members that create, update and confirm take as they are; the empty text unsets.
_PLAIN = (
    "description",
    "payment_details",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_MAX_SUFFIX = 22


def _changes(state: State, call: Call, kept: Json) -> Json:
    """The members that these parameters change, checked."""
    params = call.params
    confirming.refuse_not_played(params)
    if params.get("capture_method", "automatic") == "manual":
        raise invalid("The local Stripe does not play manual capture.", param="capture_method")
    changes: Json = {name: params[name] or None for name in _PLAIN if name in params}
    if len(changes.get("statement_descriptor_suffix") or "") > _MAX_SUFFIX:
        raise invalid(
            f"The statement descriptor suffix must be at most {_MAX_SUFFIX} characters.",
            param="statement_descriptor_suffix",
        )
    if "shipping" in params:
        given = params["shipping"]
        changes["shipping"] = given and {**given, "address": full_address(given["address"])}
    if "hooks" in params:
        changes["hooks"] = tax.checked_hooks(state, params["hooks"])
    if "capture_method" in params:
        changes["capture_method"] = params["capture_method"]
    card = (params.get("payment_method_options") or {}).get("card") or {}
    options = kept["payment_method_options"]["card"] | card
    changes["payment_method_options"] = {"card": options}
    usage = changes.get("setup_future_usage", kept["setup_future_usage"])
    if usage and options.get("stored_credential_usage"):
        raise invalid(
            "stored_credential_usage is currently unsupported with setup_future_usage.",
            param="payment_method_options[card][stored_credential_usage]",
        )
    return changes


def _blank() -> Json:
    return {
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "confirmation_method": "automatic",
        "customer": None,
        "customer_account": None,
        "hooks": None,
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


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
    members = _blank() | _changes(state, call, _blank()) | confirming.method_choice(params)
    members |= {
        "amount": params["amount"],
        "currency": currency,
        "customer": customer,
        "metadata": merged(None, params.get("metadata")),
        "confirmation_method": params.get("confirmation_method", "automatic"),
    }
    if confirm:
        confirming.require_return_url(members, params, noun="PaymentIntent")
    chosen = None
    if "payment_method" in params or "payment_method_data" in params or confirm:
        chosen = confirming.chosen_method(
            state, call, members | {"object": "payment_intent", "id": None}
        )
        members |= {"payment_method": chosen["id"], "status": "requires_confirmation"}
    intent = state.new("payment_intent", **members)
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
    intent.update(_changes(state, call, intent), next_action=None)
    return charging.attempt(state, intent, chosen, params)


def _update(state: State, call: Call) -> Json:
    intent, params = _find(state, call), call.params
    harmless = {"metadata", "description", "receipt_email", "expand"}
    if params.keys() - harmless:
        _require(intent, _OPEN, "update")
    changes = _changes(state, call, intent)
    if "amount" in params or "currency" in params:
        wanted = intent | params
        amount: int = wanted["amount"]
        currency = amounts.check(amount, wanted["currency"])
        changes |= {"amount": amount, "currency": currency}
    if "customer" in params:
        changes["customer"] = customer_of(state, params["customer"], param="customer")["id"]
    if "payment_method" in params:
        found = payment_methods.resolve(state, params["payment_method"], param="payment_method")
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
