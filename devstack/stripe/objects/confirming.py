"""What payment intents and setup intents share: options, 3-D Secure's next action, errors."""

from __future__ import annotations

import copy

from devstack.stripe.call import Call
from devstack.stripe.cards import CardFacts, Challenge
from devstack.stripe.errors import Json, invalid, refused
from devstack.stripe.objects import wallet
from devstack.stripe.state import State

#: Published parameters that would change what happens, but that nothing here plays.
_NOT_PLAYED = (
    "application_fee_amount",
    "confirmation_token",
    "customer_account",
    "flow_directions",
    "mandate",
    "on_behalf_of",
    "single_use",
    "transfer_data",
)


def refuse_not_played(params: Json) -> None:
    """Refuse what this small Stripe would otherwise silently ignore.

    Raises:
        ApiError: 400 that says so.
    """
    for name in _NOT_PLAYED:
        if name in params:
            raise invalid(f"The local Stripe does not play '{name}'.", param=name)


def method_choice(params: Json) -> Json:
    """The members that say which payment methods an intent takes."""
    allowed = params.get("allowed_payment_method_types") or None
    automatic = params.get("automatic_payment_methods")
    if automatic is None and allowed is None:
        automatic = {"enabled": True}
    if automatic is not None:
        automatic = {"allow_redirects": "always"} | automatic
    return {
        "allowed_payment_method_types": allowed,
        "automatic_payment_methods": automatic,
        "excluded_payment_method_types": params.get("excluded_payment_method_types") or None,
        "payment_method_configuration_details": None,
        "payment_method_types": ["card"],
    }


def require_return_url(intent: Json, params: Json, *, noun: str) -> None:
    """Refuse a confirmation that might have to redirect but has nowhere to return to.

    Raises:
        ApiError: 400, the one that every newcomer to Stripe meets.
    """
    automatic = intent["automatic_payment_methods"]
    redirects = automatic and automatic["enabled"] and automatic["allow_redirects"] == "always"
    if redirects and not (
        params.get("return_url") or params.get("use_stripe_sdk") or params.get("off_session")
    ):
        raise invalid(
            f"This {noun} is configured to accept payment methods enabled in your Dashboard. "
            "Because some of these payment methods might redirect your customer off of your page, "
            "you must provide a `return_url`. If you don't want to accept redirect-based payment "
            "methods, set `automatic_payment_methods[enabled]` to `true` and "
            "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents "
            "and Payment Intents."
        )


def chosen_method(state: State, call: Call, intent: Json) -> Json:
    """The payment method that a confirmation names, or else the intent's own.

    Raises:
        ApiError: 400 when there is none, or it is another customer's.
    """
    params = call.params
    if "payment_method_data" in params:
        return wallet.from_data(
            state,
            params["payment_method_data"],
            param="payment_method_data[card]",
            by_browser=call.by_browser,
        )
    name = params.get("payment_method") or intent["payment_method"]
    if not name:
        raise refused(
            "You cannot confirm this "
            f"{'PaymentIntent' if intent['object'] == 'payment_intent' else 'SetupIntent'} "
            "because it's missing a payment method. You can either update it with a payment "
            "method and then confirm it again, or confirm it again directly with a payment method.",
            code=f"{intent['object']}_unexpected_state",
            embedded={intent["object"]: copy.deepcopy(intent)} if intent["id"] else {},
        )
    found = wallet.resolve(state, name, param="payment_method")
    check_owner(found, intent["customer"])
    allowed = intent["allowed_payment_method_types"]
    if allowed and "card" not in allowed:
        raise refused("The PaymentMethod (card) is not allowed for this intent.")
    return found


def check_owner(payment_method: Json, customer: str | None) -> None:
    """A kept payment method serves its own customer only.

    Raises:
        ApiError: 400 otherwise.
    """
    owner = payment_method["customer"]
    if owner is None or owner == customer:
        return
    if customer is None:
        raise refused(
            f"The PaymentMethod {payment_method['id']} is attached to a customer. Please include "
            "the Customer in the `customer` parameter.",
            param="payment_method",
        )
    payment_methods_word = "The payment method must be attached to the customer."
    raise refused(
        f"The customer does not have a payment method with the ID {payment_method['id']}. "
        f"{payment_methods_word}",
        code="resource_missing",
        param="payment_method",
    )


def wants_challenge(facts: CardFacts, *, off_session: bool, requested: str | None) -> bool:
    """Whether the issuer asks for 3-D Secure now; `requested` is `request_three_d_secure`."""
    challenge = facts.card.challenge
    if off_session:
        return challenge is Challenge.ALWAYS or (
            challenge is Challenge.UNLESS_SET_UP and not facts.set_up
        )
    return challenge is not Challenge.NEVER or requested in ("any", "challenge")


def next_action(state: State, intent: Json, params: Json) -> Json:
    """Where the customer passes 3-D Secure: a redirect, or Stripe.js's own dialogue."""
    page = f"{state.base_url}/v3/challenge/{intent['id']}"
    if params.get("return_url") and not params.get("use_stripe_sdk"):
        return {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": params["return_url"], "url": page},
        }
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {
            "type": "three_d_secure_redirect",
            "stripe_js": page,
            "source": f"src_{intent['id']}",
        },
    }


def check_client_secret(call: Call, intent: Json) -> None:
    """A browser must show the intent's client secret; a server need not.

    Raises:
        ApiError: 400 for a wrong secret, 401 for none.
    """
    given = call.params.get("client_secret")
    if given is None and call.by_browser:
        raise invalid(
            "Missing required param: client_secret.",
            param="client_secret",
            code="parameter_missing",
        )
    if given is not None and given != intent["client_secret"]:
        raise refused(
            "The client_secret provided does not match the client_secret associated with this "
            "intent.",
            code=f"{intent['object']}_invalid_parameter",
            param="client_secret",
        )
