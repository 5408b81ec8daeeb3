"""Ids: a prefix that says what it names, the millisecond, and enough chance to be the only one."""

from __future__ import annotations

import secrets
from datetime import datetime

#: 48 bits of milliseconds last until the year 10889; 64 random bits make a clash within one
#: millisecond as good as impossible, and the table's conditions would refuse it.
_RANDOM_BYTES = 8


class TimeOrderedIds:
    """The Ids port."""

    def new(self, prefix: str, at: datetime) -> str:
        """See the port."""
        return _id(prefix, at, secrets.token_hex(_RANDOM_BYTES))


def first_id_at(prefix: str, at: datetime) -> str:
    """The lowest id that could be made at `at`: ids made earlier sort before it."""
    return _id(prefix, at, "0" * 2 * _RANDOM_BYTES)


def _id(prefix: str, at: datetime, random: str) -> str:
    milliseconds = int(at.timestamp() * 1000)
    return f"{prefix}_{milliseconds:012x}{random}"
