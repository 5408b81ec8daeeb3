"""Charges: each attempt to take money from a card, successful or not."""

from __future__ import annotations

from devstack.stripe import lists
from devstack.stripe.call import Call, Routes
from devstack.stripe.declines import Decline
from devstack.stripe.errors import Json
from devstack.stripe.objects import balance
from devstack.stripe.objects.lookup import full_address
from devstack.stripe.objects.metadata import merged
from devstack.stripe.state import State, random_text


def attempt(
    state: State,
    intent: Json,
    payment_method: Json,
    *,
    status: str,
    decline: Decline | None = None,
    authenticated: bool = False,
) -> Json:
    """A new charge of a payment intent, as `succeeded`, `pending` or `failed`; without its event.

    A succeeded charge has its balance transaction.
    """
    taken = intent["amount"] if status != "failed" else 0
    charge = state.new(
        "charge",
        amount=intent["amount"],
        amount_captured=taken,
        amount_refunded=0,
        application=None,
        application_fee=None,
        application_fee_amount=None,
        balance_transaction=None,
        billing_details=payment_method["billing_details"],
        calculated_statement_descriptor="LOCAL STRIPE",
        captured=status != "failed",
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        disputed=False,
        failure_balance_transaction=None,
        failure_code=decline.code if decline else None,
        failure_message=decline.message if decline else None,
        fraud_details={},
        metadata=dict(intent["metadata"]),
        on_behalf_of=None,
        outcome=_outcome(decline),
        paid=status != "failed",
        payment_intent=intent["id"],
        payment_method=payment_method["id"],
        payment_method_details=_details(intent, payment_method, authenticated=authenticated),
        receipt_email=intent["receipt_email"],
        receipt_number=None,
        receipt_url=None,
        refunded=False,
        review=None,
        shipping=intent["shipping"],
        source_transfer=None,
        statement_descriptor=None,
        statement_descriptor_suffix=intent["statement_descriptor_suffix"],
        status=status,
        transfer_data=None,
        transfer_group=intent["transfer_group"],
    )
    if status == "succeeded":
        settle(state, charge)
    return charge


def settle(state: State, charge: Json) -> None:
    """Book a succeeded charge on the balance and give it its receipt."""
    booked = balance.record(
        state,
        charge,
        kind="charge",
        category="charge",
        amount=charge["amount"],
        fee=balance.card_fee_cents(charge["amount"]),
        about=charge["description"] or f"({charge['id']})",
    )
    charge["status"] = "succeeded"
    charge["balance_transaction"] = booked["id"]
    charge["receipt_url"] = f"https://pay.stripe.com/receipts/payment/{random_text(32)}"


def _outcome(decline: Decline | None) -> Json:
    if decline is None:
        return {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": 12,
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    if decline.blocked:
        return _outcome(None) | {
            "network_status": "not_sent_to_network",
            "reason": "highest_risk_level",
            "risk_level": "highest",
            "risk_score": 92,
            "seller_message": "Stripe blocked this payment as too risky.",
            "type": "blocked",
        }
    return _outcome(None) | {
        "advice_code": decline.advice_code,
        "network_decline_code": "05",
        "network_status": "declined_by_network",
        "reason": decline.decline_code,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }


def _details(intent: Json, payment_method: Json, *, authenticated: bool) -> Json:
    card = payment_method["card"]
    copied = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    secured = {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }
    return {
        "card": {name: card[name] for name in copied}
        | {
            "amount_authorized": intent["amount"],
            "authorization_code": None,
            "checks": card["checks"],
            "installments": None,
            "mandate": None,
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": None,
            "regulated_status": card["regulated_status"],
            "three_d_secure": secured if authenticated else None,
            "wallet": None,
        },
        "type": "card",
    }


def _retrieve(state: State, call: Call) -> Json:
    return state.get("charge", call.path["charge"], param="id", status=404)


def _list(state: State, call: Call) -> Json:
    return lists.page(call, state.all("charge"), "customer", "payment_intent", "transfer_group")


def _update(state: State, call: Call) -> Json:
    charge = _retrieve(state, call)
    params = call.params
    changes: Json = {
        name: params[name]
        for name in ("description", "receipt_email", "fraud_details", "transfer_group")
        if name in params
    }
    if "shipping" in params:
        given = params["shipping"]
        changes["shipping"] = {"name": given["name"], "address": full_address(given["address"])}
    changes["metadata"] = merged(charge["metadata"], params.get("metadata"))
    return state.change(charge, "charge.updated", **changes)


ROUTES: Routes = {
    ("GET", "/v1/charges"): _list,
    ("GET", "/v1/charges/{charge}"): _retrieve,
    ("POST", "/v1/charges/{charge}"): _update,
}
