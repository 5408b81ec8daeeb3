"""Money as the contract writes it, read and written without the product's own code."""

from __future__ import annotations

from decimal import Decimal

_NANOS = 1_000_000_000
CENT_NANOS = 10_000_000


def nanos(text: str) -> int:
    """US dollars in text as nano-dollars."""
    return int(Decimal(text) * _NANOS)


def usd(amount_nanos: int) -> str:
    """Nano-dollars as the contract writes them."""
    text = f"{Decimal(amount_nanos) / _NANOS:.9f}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"{whole}.{part:0<2}"


def cents(count: int) -> str:
    """Whole cents as the contract writes them."""
    return f"{count // 100}.{count % 100:02d}"
