"""The amounts and currencies that can be charged."""

from __future__ import annotations

from devstack.stripe.errors import invalid

#: Stripe's minimum charge by currency, in its smallest unit.
MINIMUM = {
    "usd": 50, "eur": 50, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "inr": 50, "nzd": 50,
    "sgd": 50, "gbp": 30, "aed": 200, "bgn": 100, "czk": 1500, "dkk": 250, "hkd": 400,
    "huf": 17500, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "sek": 300, "pln": 200,
    "ron": 200, "thb": 1000,
}  # fmt: skip
_MAXIMUM = 99_999_999


def check(amount: int, currency: str) -> str:
    """The currency in Stripe's spelling, if this amount of it can be charged.

    Raises:
        ApiError: 400 `amount_too_small`, `amount_too_large` or an unknown currency.
    """
    known = currency.lower()
    if known not in MINIMUM:
        raise invalid(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: "
            f"{', '.join(MINIMUM)}",
            param="currency",
        )
    if amount < 1:
        raise invalid(
            "This value must be greater than or equal to 1.",
            param="amount",
            code="parameter_invalid_integer",
        )
    if amount < MINIMUM[known]:
        raise invalid(
            f"Amount must be at least {MINIMUM[known]} of the smallest unit of {known}.",
            param="amount",
            code="amount_too_small",
        )
    if amount > _MAXIMUM:
        raise invalid(
            "Amount must be no more than 99999999 of the smallest unit.",
            param="amount",
            code="amount_too_large",
        )
    return known
