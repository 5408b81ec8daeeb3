"""Waiting between tries: exponential, with full jitter, so that rivals don't meet again."""

from __future__ import annotations

import random
import time

_FIRST_SECONDS = 0.02
_LONGEST_SECONDS = 1.0


class JitteredPause:
    """The Pause port. See "Exponential Backoff And Jitter", AWS Architecture Blog, 2015."""

    def __call__(self, attempt: int) -> None:
        """See the port."""
        bound = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2**attempt)
        time.sleep(random.uniform(0, bound))  # noqa: S311 - no secret depends on it
