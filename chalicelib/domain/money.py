"""Amounts of US dollars: whole nano-dollars inside, decimal text outside, and every rounding.

1 USD = 1,000,000,000 nano-dollars. Cards are charged in whole cents.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal, localcontext

NANOS_PER_USD = 1_000_000_000
NANOS_PER_CENT = NANOS_PER_USD // 100
DECIMAL_PLACES = 9

#: Nothing that is bought, spent or held reaches this: a thousand billion dollars. It keeps every
#: sum far inside the 28 digits that the poorest of the tested DynamoDB engines adds exactly.
MAX_NANOS = 10**12 * NANOS_PER_USD

#: At most thirteen digits before the point and nine behind: what MAX_NANOS can need. The point is
#: always there, so that an amount can't be taken for a count of cents or of tokens; exponents,
#: spaces, leading zeros and the digits of other scripts are not, so one amount has few spellings.
_AMOUNT = re.compile(r"(?P<sign>-?)(?P<units>0|[1-9][0-9]{0,12})\.(?P<fraction>[0-9]{1,9})")

#: Enough digits for any product of a price, a token count and a mark-up to stay exact.
_PRECISION = 60


def parse_usd(text: object, *, signed: bool = False) -> int:
    """Read an amount such as "50.00" or "0.000000375" as nano-dollars.

    Raises:
        ValueError: with a sentence for the caller, unless it is plain decimal text with at most
            nine decimals; a minus is taken only where `signed` says so.
    """
    if not isinstance(text, str):
        raise ValueError('must be a string of US dollars, such as "50.00"')  # noqa: TRY004
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError('must be US dollars with one to nine decimals, such as "50.00"')
    if match["sign"] and not signed:
        raise ValueError("must not be negative")
    fraction = match["fraction"].ljust(DECIMAL_PLACES, "0")
    nanos = int(match["units"]) * NANOS_PER_USD + int(fraction)
    if nanos > MAX_NANOS:
        raise ValueError("is too large")
    return -nanos if match["sign"] else nanos


def format_usd(nanos: int) -> str:
    """Write nano-dollars as decimal US dollars: at least two decimals, no more than needed."""
    sign = "-" if nanos < 0 else ""
    units, rest = divmod(abs(nanos), NANOS_PER_USD)
    fraction = f"{rest:0{DECIMAL_PLACES}d}".rstrip("0").ljust(2, "0")
    return f"{sign}{units}.{fraction}"


def cents_to_nanos(cents: int) -> int:
    """Whole cents, as Stripe counts them, as nano-dollars."""
    return cents * NANOS_PER_CENT


def nanos_to_cents(nanos: int) -> int:
    """Nano-dollars as whole cents; for amounts that a card is charged.

    Raises:
        ValueError: if the amount is not whole cents; a charge is never rounded.
    """
    cents, rest = divmod(nanos, NANOS_PER_CENT)
    if rest:
        raise ValueError("must be whole cents")
    return cents


def share_cents(part_cents: int, *, of_cents: int, whole_cents: int) -> int:
    """What of `of_cents` falls to a part of the whole, rounded half up to whole cents.

    For parts that grow to the whole, the differences of their shares add up to all of it.
    """
    return (2 * part_cents * of_cents + whole_cents) // (2 * whole_cents)


def round_up_to_nanos(usd: Decimal) -> int:
    """A price in dollars as nano-dollars, rounded up: no usage is ever rounded to free."""
    with localcontext() as context:
        context.prec = _PRECISION
        return int((usd * NANOS_PER_USD).to_integral_value(rounding=ROUND_CEILING))
