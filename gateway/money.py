"""Amounts of US dollars as the credits service writes them, and as whole nano-dollars inside."""

from __future__ import annotations

import re

NANOS_PER_USD = 1_000_000_000
_DECIMAL_PLACES = 9
_AMOUNT = re.compile(r"(?P<sign>-?)(?P<units>[0-9]{1,13})(?:\.(?P<fraction>[0-9]{1,9}))?")


def usd(text: str) -> int:
    """Nano-dollars of an amount such as "1.00", "5" or "-0.000000375".

    Raises:
        ValueError: unless it is plain decimal text with at most nine decimals.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError(f'{text!r} must be US dollars, such as "1.00"')
    fraction = (match["fraction"] or "").ljust(_DECIMAL_PLACES, "0")
    nanos = int(match["units"]) * NANOS_PER_USD + int(fraction)
    return -nanos if match["sign"] else nanos


def format_usd(nanos: int) -> str:
    """Decimal US dollars of nano-dollars: at least two decimals, no more than needed."""
    sign = "-" if nanos < 0 else ""
    units, rest = divmod(abs(nanos), NANOS_PER_USD)
    fraction = f"{rest:0{_DECIMAL_PLACES}d}".rstrip("0").ljust(2, "0")
    return f"{sign}{units}.{fraction}"
