"""What the world does to single objects: customers, issuers and banks act through these."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from devstack.stripe.cards import BY_NAME, BY_NUMBER
from devstack.stripe.declines import DECLINES, Decline
from devstack.stripe.errors import Json
from devstack.stripe.objects import (
    charging,
    disputes,
    refunds,
    setting_up,
    tax_ids,
    wallet,
)
from devstack.stripe.state import State


def _either(outcome: str, *, good: str, bad: str) -> bool:
    if outcome not in (good, bad):
        raise ValueError(f"outcome must be {good} or {bad}")
    return outcome == good


def _decline(decline_code: str) -> Decline:
    if decline_code not in DECLINES:
        raise ValueError(f"no decline code {decline_code}; there are {', '.join(DECLINES)}")
    return DECLINES[decline_code]


def authenticate_payment(state: State, intent: str, *, outcome: str) -> Json:
    """The customer passes (`accept`) or fails (`refuse`) the 3-D Secure of a payment."""
    return charging.authenticate(
        state,
        state.get("payment_intent", intent, param="id", status=404),
        accepted=_either(outcome, good="accept", bad="refuse"),
    )


def authenticate_setup(state: State, intent: str, *, outcome: str) -> Json:
    """The customer passes (`accept`) or fails (`refuse`) the 3-D Secure of a saved card."""
    return setting_up.authenticate(
        state,
        state.get("setup_intent", intent, param="id", status=404),
        accepted=_either(outcome, good="accept", bad="refuse"),
    )


def finish(
    state: State, intent: str, *, outcome: str, decline_code: str = "generic_decline"
) -> Json:
    """A `processing` payment ends as `succeeded` or `failed`."""
    succeeded = _either(outcome, good="succeeded", bad="failed")
    return charging.finish_processing(
        state,
        state.get("payment_intent", intent, param="id", status=404),
        decline=None if succeeded else _decline(decline_code),
    )


def open_dispute(
    state: State,
    charge: str,
    *,
    reason: str = "fraudulent",
    amount: int | None = None,
    inquiry: bool = False,
) -> Json:
    """The cardholder disputes `amount` cents of a charge, or what of it was not refunded."""
    found = state.get("charge", charge, param="id", status=404)
    left = found["amount"] - found["amount_refunded"]
    return disputes.open_for(
        state,
        found,
        reason=reason,
        amount=left or found["amount"] if amount is None else amount,
        inquiry=inquiry,
    )


def decide_dispute(state: State, dispute: str, *, outcome: str) -> Json:
    """The bank decides: `won` or `lost`, from the seller's side."""
    found = state.get("dispute", dispute, param="id", status=404)
    return disputes.decide(state, found, won=_either(outcome, good="won", bad="lost"))


def escalate_dispute(state: State, dispute: str) -> Json:
    """An inquiry becomes a chargeback."""
    return disputes.escalate(state, state.get("dispute", dispute, param="id", status=404))


def detach(state: State, payment_method: str) -> Json:
    """Somebody removes a saved card in the Dashboard."""
    found = state.get("payment_method", payment_method, param="id", status=404)
    if found["customer"] is None:
        raise ValueError(f"{payment_method} is not attached")
    return wallet.detach(state, found)


def replace_card(
    state: State,
    payment_method: str,
    *,
    number: str | None = None,
    exp_month: int | None = None,
    exp_year: int | None = None,
) -> Json:
    """The issuer replaces a saved card: another test number, another expiry, or both."""
    found = state.get("payment_method", payment_method, param="id", status=404)
    card = dict(found["card"])
    if number is not None:
        replacement = BY_NUMBER[number]
        state.cards[payment_method].card = replacement
        card |= {
            "brand": replacement.brand,
            "country": replacement.country,
            "display_brand": replacement.brand,
            "fingerprint": replacement.fingerprint,
            "funding": replacement.funding,
            "last4": replacement.last4,
        }
    card["exp_month"] = exp_month or card["exp_month"]
    card["exp_year"] = exp_year or time.gmtime(state.now()).tm_year + 3
    return state.change(found, "payment_method.automatically_updated", card=card)


def behave(
    state: State,
    payment_method: str,
    *,
    like: str | None = None,
    decline_code: str | None = None,
) -> Json:
    """A saved card changes its ways: like another test card, or declining for a reason.

    With neither it behaves as its number says again. What is shown of the card stays.
    """
    found = state.get("payment_method", payment_method, param="id", status=404)
    facts = state.cards[payment_method]
    if like is not None:
        facts.card = BY_NAME[like]
    facts.decline = None if decline_code is None else _decline(decline_code)
    return found


def settle_refund(state: State, refund: str, *, outcome: str) -> Json:
    """A refund arrives (`succeeded`) or comes back (`failed`)."""
    found = state.get("refund", refund, param="id", status=404)
    return refunds.settle(state, found, succeeded=_either(outcome, good="succeeded", bad="failed"))


def verify_tax_id(state: State, tax_id: str, *, outcome: str) -> Json:
    """The authority answers about a tax id: `verified` or `unverified`."""
    verified = _either(outcome, good="verified", bad="unverified")
    return tax_ids.verify(state, tax_id, status="verified" if verified else "unverified")


#: Each takes the state, the id in the path, and the members of the JSON body by name.
PLAYS: Mapping[str, Callable[..., Json]] = {
    "/payment_intents/{id}/authenticate": authenticate_payment,
    "/payment_intents/{id}/finish": finish,
    "/setup_intents/{id}/authenticate": authenticate_setup,
    "/charges/{id}/dispute": open_dispute,
    "/disputes/{id}/decide": decide_dispute,
    "/disputes/{id}/escalate": escalate_dispute,
    "/payment_methods/{id}/detach": detach,
    "/payment_methods/{id}/replace": replace_card,
    "/payment_methods/{id}/behave": behave,
    "/refunds/{id}/settle": settle_refund,
    "/tax_ids/{id}/verify": verify_tax_id,
}
