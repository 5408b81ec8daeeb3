"""DynamoDB's numbers: decimal, exact, of at most 38 significant digits."""

from __future__ import annotations

import re
from decimal import Context, Decimal
from functools import lru_cache

from simulation.cloud.dynamodb.invalid import InvalidError

_MAX_DIGITS = 38
_MAX_EXPONENT = 125
_MIN_EXPONENT = -130
_FORM = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
#: Enough for the exact sum of any two numbers; 38 digits are asked of the result.
_EXACT = Context(prec=300, Emin=-999, Emax=999)
_PLAIN_DIGITS = 18
#: The text of a number, again and again the same ones.
_REMEMBERED = 20_000


@lru_cache(maxsize=_REMEMBERED)
def normal(text: str) -> str:
    """The one way in which DynamoDB writes the number that a text means.

    Raises:
        InvalidError: if it means none, or one that DynamoDB can't hold.
    """
    if len(text) <= _PLAIN_DIGITS and text.isascii() and text.isdigit():
        return text.lstrip("0") or "0"
    if not isinstance(text, str) or not _FORM.fullmatch(text):
        raise InvalidError(
            "The parameter cannot be converted to a numeric value" + (f": {text}" if text else "")
        )
    return text_of(_EXACT.create_decimal(text))


@lru_cache(maxsize=_REMEMBERED)
def decimal_of(text: str) -> Decimal:
    """The value of a number in its normal form."""
    return Decimal(text)


def text_of(number: Decimal) -> str:
    """The normal form of a number.

    Raises:
        InvalidError: if it is one that DynamoDB can't hold.
    """
    number = _EXACT.normalize(number)
    if number.is_zero():
        return "0"
    if number.adjusted() > _MAX_EXPONENT:
        raise InvalidError(
            "Number overflow. Attempting to store a number with magnitude larger than supported "
            "range"
        )
    if number.adjusted() < _MIN_EXPONENT:
        raise InvalidError(
            "Number underflow. Attempting to store a number with magnitude smaller than "
            "supported range"
        )
    if len(number.as_tuple().digits) > _MAX_DIGITS:
        raise InvalidError("Attempting to store more than 38 significant digits in a Number")
    return f"{number:f}"


def added(left: str, right: str) -> str:
    """The exact sum of two normal forms."""
    return _sum(left, right, 1)


def subtracted(left: str, right: str) -> str:
    """The exact difference of two normal forms."""
    return _sum(left, right, -1)


def _sum(left: str, right: str, sign: int) -> str:
    if len(left) <= _PLAIN_DIGITS and len(right) <= _PLAIN_DIGITS and "." not in left + right:
        return str(int(left) + sign * int(right))
    other = decimal_of(right)
    return text_of(_EXACT.add(decimal_of(left), other if sign > 0 else -other))


@lru_cache(maxsize=_REMEMBERED)
def stored_size(text: str) -> int:
    """About how many bytes a normal form takes: two digits each, and one or two more."""
    digits = text.lstrip("-0.").replace(".", "").rstrip("0")
    return (len(digits) + 1) // 2 + (2 if text.startswith("-") else 1)
