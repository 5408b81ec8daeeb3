"""The members of a payment intent: what they are at first, and what parameters make of them."""

from __future__ import annotations

from devstack.stripe.errors import Json, invalid
from devstack.stripe.objects import confirming, tax
from devstack.stripe.objects.lookup import full_address
from devstack.stripe.state import State

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


def changes_of(state: State, params: Json, kept: Json) -> Json:
    """The members that these parameters change, checked.

    Raises:
        ApiError: 400 for what Stripe refuses, and for what is not played here.
    """
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


def blank() -> Json:
    """The members of an intent that was given nothing yet."""
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
