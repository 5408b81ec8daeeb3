"""What happens to payment methods: made from test cards, given to customers, taken away."""

from __future__ import annotations

import time

from devstack.stripe.cards import BY_NAME, CardFacts
from devstack.stripe.errors import ApiError, Json, invalid, refused
from devstack.stripe.objects import card_numbers
from devstack.stripe.objects.lookup import full_billing_details
from devstack.stripe.objects.metadata import merged
from devstack.stripe.state import State

_EXP_MONTH = 8
_SPENT = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
    "attachment, shared with a connected account without Customer attachment, or was detached "
    "from a Customer. It may not be used again. To use a PaymentMethod multiple times, you must "
    "attach it to a Customer first."
)


def resolve(state: State, payment_method: str, *, param: str) -> Json:
    """The payment method with this id; a test name such as pm_card_visa becomes a new one.

    Raises:
        ApiError: `resource_missing`, or 400 for one that was spent or detached.
    """
    if payment_method in BY_NAME:
        year = time.gmtime(state.now()).tm_year + 1
        return make(
            state, CardFacts(card=BY_NAME[payment_method]), exp_month=_EXP_MONTH, exp_year=year
        )
    found = state.get("payment_method", payment_method, param=param)
    if found["customer"] is None and state.cards[payment_method].spent:
        raise refused(_SPENT, param=param)
    return found


def owned_by(state: State, payment_method: str, customer: str, *, param: str) -> Json:
    """The payment method, if this customer has it.

    Raises:
        ApiError: `resource_missing` otherwise.
    """
    found = state.objects.get("payment_method", {}).get(payment_method)
    if found is None or found["customer"] != customer:
        raise refused(
            f"The customer does not have a payment method with the ID {payment_method}. The "
            "payment method must be attached to the customer.",
            code="resource_missing",
            param=param,
        )
    return found


def make(
    state: State,
    facts: CardFacts,
    *,
    exp_month: int,
    exp_year: int,
    billing_details: Json | None = None,
    allow_redisplay: str = "unspecified",
    metadata: dict[str, str] | None = None,
) -> Json:
    """A new payment method of type card that no customer has yet."""
    card = facts.card
    made = state.new(
        "payment_method",
        allow_redisplay=allow_redisplay,
        billing_details=full_billing_details(billing_details),
        card={
            "brand": card.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "pass",
            },
            "country": card.country,
            "display_brand": card.brand,
            "exp_month": exp_month,
            "exp_year": exp_year,
            "fingerprint": card.fingerprint,
            "funding": card.funding,
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        customer=None,
        metadata=metadata or {},
        type="card",
    )
    state.cards[made["id"]] = facts
    return made


def attach_to(state: State, payment_method: str, customer: str, *, param: str) -> Json:
    """Give a payment method to a customer; nothing happens when the customer has it already.

    Raises:
        ApiError: 402 for a card that the issuer refuses, 400 when another customer has it.
    """
    found = attachable(state, payment_method, customer, param=param)
    return keep(state, found, customer)


def attachable(state: State, payment_method: str, customer: str | None, *, param: str) -> Json:
    """The payment method, if the customer (None: one still to be made) may have it.

    Raises:
        ApiError: as `attach_to`.
    """
    found = resolve(state, payment_method, param=param)
    if customer is not None and found["customer"] == customer:
        return found
    if found["customer"] is not None:
        raise refused(
            "The payment method you provided has already been attached to a customer.",
            param=param,
        )
    decline = state.cards[found["id"]].card.attach
    if decline is not None:
        raise ApiError(
            402,
            "card_error",
            decline.message,
            code=decline.code,
            decline_code=decline.decline_code,
        )
    return found


def keep(state: State, payment_method: Json, customer: str) -> Json:
    """Write down that the customer has it, and say so in an event."""
    if payment_method["customer"] != customer:
        payment_method["customer"] = customer
        state.emit("payment_method.attached", payment_method)
    return payment_method


def detach(state: State, payment_method: Json) -> Json:
    """Take a payment method from its customer, for ever."""
    owner = state.objects["customer"].get(payment_method["customer"])
    state.cards[payment_method["id"]].spent = True
    state.change(payment_method, "payment_method.detached", customer=None)
    if owner and owner["invoice_settings"]["default_payment_method"] == payment_method["id"]:
        settings = owner["invoice_settings"] | {"default_payment_method": None}
        state.change(owner, "customer.updated", invoice_settings=settings)
    return payment_method


def drop_all_of(state: State, customer: str) -> None:
    """Detach everything of a customer that is being deleted; Stripe sends no events for these."""
    for payment_method in state.all("payment_method"):
        if payment_method["customer"] == customer:
            payment_method["customer"] = None
            state.cards[payment_method["id"]].spent = True


def from_data(state: State, data: Json, *, param: str, by_browser: bool) -> Json:
    """A payment method from `type=card` data: a token, or a raw number sent by a browser.

    Raises:
        ApiError: 400 for a number that passed through a server, which Stripe refuses too; 402 for
            an invalid number, expiry or security code.
    """
    if data.get("type") != "card" or "card" not in data:
        raise invalid("The local Stripe plays payment methods of type card only.", param="type")
    if "number" in data["card"] and not by_browser:
        raise invalid(
            "Sending credit card numbers directly to the Stripe API is generally unsafe. We "
            "suggest you use test tokens that map to the test card you are using, see "
            "https://stripe.com/docs/testing.",
            param=f"{param}[number]",
        )
    card = card_numbers.read(data["card"], now=state.now(), param=param)
    return make(
        state,
        CardFacts(card=card.card),
        exp_month=card.exp_month,
        exp_year=card.exp_year,
        billing_details=data.get("billing_details"),
        allow_redisplay=data.get("allow_redisplay", "unspecified"),
        metadata=merged(None, data.get("metadata")),
    )
