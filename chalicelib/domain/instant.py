"""Points in time as callers write them: RFC 3339, in UTC, with `Z`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_INSTANT = re.compile(
    r"(?P<seconds>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]{1,9}))?Z"
)
_MICROSECOND_DIGITS = 6


def parse_instant(text: object) -> datetime:
    """Read a time such as "2026-11-23T10:00:00Z"; what is finer than a microsecond is cut off.

    Raises:
        ValueError: with a sentence for the caller.
    """
    match = _INSTANT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('must be a time in UTC, such as "2026-11-23T10:00:00Z"')
    fraction = (match["fraction"] or "").ljust(_MICROSECOND_DIGITS, "0")[:_MICROSECOND_DIGITS]
    try:
        return datetime.fromisoformat(f"{match['seconds']}.{fraction}").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("must be a day and a time that exist") from None


def format_instant(instant: datetime) -> str:
    """Write an aware time in UTC with `Z`, with a fraction only where it has one.

    Raises:
        ValueError: if the time is naive, since it could be any instant.
    """
    if instant.tzinfo is None:
        raise ValueError("a naive time is no instant")
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
