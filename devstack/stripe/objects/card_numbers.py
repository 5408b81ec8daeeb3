"""Reading a card as a person typed it: number, expiry and security code of a test card."""

from __future__ import annotations

import time
from dataclasses import dataclass

from devstack.stripe.cards import BY_NAME, BY_NUMBER, TestCard, is_card_number
from devstack.stripe.declines import DECLINES, Decline
from devstack.stripe.errors import ApiError, Json, invalid

_MONTHS = range(1, 13)
_MAX_YEARS_AHEAD = 50
_CENTURY = 2000
_TOKEN_PREFIX = "tok_"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedCard:
    """A test card with the expiry that was typed."""

    card: TestCard
    exp_month: int
    exp_year: int


def read(card: Json, *, now: int, param: str) -> TypedCard:
    """The test card that was typed.

    Args:
        card: `number`, `exp_month`, `exp_year`, `cvc`; or `token`, such as tok_visa.
        now: seconds since 1970, to know which expiry is past.
        param: where the card is in the request, for the error.

    Raises:
        ApiError: 402 with the code that Stripe.js shows for each wrong field.
    """
    year = time.gmtime(now).tm_year
    if "token" in card:
        name = f"pm_card_{card['token'].removeprefix(_TOKEN_PREFIX)}"
        if name not in BY_NAME:
            raise invalid(f"No such token: '{card['token']}'", param=f"{param}[token]")
        return TypedCard(card=BY_NAME[name], exp_month=8, exp_year=year + 1)
    for name in ("number", "exp_month", "exp_year"):
        if name not in card:
            raise invalid(
                f"Missing required param: {param}[{name}].",
                param=f"{param}[{name}]",
                code="parameter_missing",
            )
    number = "".join(card["number"].split())
    if not is_card_number(number):
        raise _wrong("incorrect_number", "Your card number is incorrect.", f"{param}[number]")
    month, given_year = card["exp_month"], card["exp_year"]
    exp_year = given_year + _CENTURY if given_year < 100 else given_year  # noqa: PLR2004
    if month not in _MONTHS:
        raise _wrong(
            "invalid_expiry_month",
            "Your card's expiration month is invalid.",
            f"{param}[exp_month]",
        )
    if not (year, time.gmtime(now).tm_mon) <= (exp_year, month) <= (year + _MAX_YEARS_AHEAD, 12):
        raise _wrong(
            "invalid_expiry_year", "Your card's expiration year is invalid.", f"{param}[exp_year]"
        )
    known = BY_NUMBER.get(number)
    length = 4 if known is not None and known.brand == "amex" else 3
    cvc = card.get("cvc", "0" * length)
    if not (cvc.isdecimal() and len(cvc) == length):
        raise _wrong("invalid_cvc", "Your card's security code is invalid.", f"{param}[cvc]")
    if known is None:
        raise _declined(DECLINES["test_mode_live_card"])
    return TypedCard(card=known, exp_month=month, exp_year=exp_year)


def _wrong(code: str, message: str, param: str) -> ApiError:
    return ApiError(402, "card_error", message, code=code, param=param)


def _declined(decline: Decline) -> ApiError:
    return ApiError(
        402,
        "card_error",
        decline.message,
        code=decline.code,
        decline_code=decline.decline_code,
    )
