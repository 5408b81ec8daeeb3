"""Waiting between tries: exponential, with full jitter, so that rivals don't meet again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

_FIRST_SECONDS = 0.02
_LONGEST_SECONDS = 1.0


class JitteredPause:
    """The Pause port. See "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

    `count` is called for each pause: how often there was something to wait for.
    """

    def __init__(self, count: Callable[[], None] | None = None) -> None:
        self._count = count

    def __call__(self, attempt: int) -> None:
        """See the port."""
        if self._count is not None:
            self._count()
        bound = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2**attempt)
        time.sleep(random.uniform(0, bound))  # noqa: S311 - no secret depends on it
