"""Balance transactions: what each charge, refund and dispute did to the account's balance."""

from __future__ import annotations

from devstack.stripe import lists
from devstack.stripe.call import Call, Routes
from devstack.stripe.errors import Json
from devstack.stripe.state import State

#: Stripe's usual card price: 2.9 % and 30 cents.
_FEE_PER_MILLE = 29
_FEE_FIXED_CENTS = 30
_TWO_DAYS_SECONDS = 2 * 24 * 3600


def card_fee_cents(amount: int) -> int:
    """What Stripe keeps of a card charge, in cents."""
    return (amount * _FEE_PER_MILLE + 500) // 1_000 + _FEE_FIXED_CENTS


def record(
    state: State, source: Json, *, kind: str, category: str, amount: int, fee: int, about: str
) -> Json:
    """Write down a movement of the balance; `amount` and `fee` are cents of the source's currency.

    Args:
        state: where it is kept.
        source: the charge, refund or dispute that moved it.
        kind: the `type`: charge, refund, refund_failure or adjustment.
        category: the `reporting_category`.
        amount: negative when money left.
        fee: what Stripe keeps; negative when given back.
        about: the description.
    """
    fees = [
        {
            "amount": fee,
            "application": None,
            "currency": source["currency"],
            "description": "Dispute fee" if kind == "adjustment" else "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    return state.new(
        "balance_transaction",
        amount=amount,
        available_on=state.now() + _TWO_DAYS_SECONDS,
        balance_type="payments",
        currency=source["currency"],
        description=about,
        exchange_rate=None,
        fee=fee,
        fee_details=fees if fee else [],
        net=amount - fee,
        reporting_category=category,
        source=source["id"],
        status="pending",
        type=kind,
    )


def _retrieve(state: State, call: Call) -> Json:
    return state.get("balance_transaction", call.path["id"], param="id", status=404)


def _list(state: State, call: Call) -> Json:
    return lists.page(call, state.all("balance_transaction"), "type", "source", "currency")


ROUTES: Routes = {
    ("GET", "/v1/balance_transactions"): _list,
    ("GET", "/v1/balance_transactions/{id}"): _retrieve,
}
