"""How long to wait before trying again."""

from __future__ import annotations

import random

_FIRST_SECONDS = 0.1
LONGEST_SECONDS = 30.0
_DOUBLINGS = 10


def delay_seconds(attempt: int) -> float:
    """A random pause, up to a bound that doubles with each attempt, from the first (0) on.

    The whole of it is random, so that gateways that failed together don't come back together.
    """
    bound = min(LONGEST_SECONDS, _FIRST_SECONDS * 2 ** min(attempt, _DOUBLINGS))
    return random.uniform(0, bound)  # noqa: S311 - spread, not secrecy
