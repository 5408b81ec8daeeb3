"""The times that leases and caches go by; tests hand in a clock of their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, to count seconds from."""

    steady: float
    wall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A steady clock, which nobody sets, and a wall clock, which knows the date."""

    steady: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time

    def mark(self) -> Mark:
        """The present moment."""
        return Mark(steady=self.steady(), wall=self.wall())

    def seconds_since(self, mark: Mark) -> float:
        """How long ago it was, by whichever clock says longer.

        The steady clock stands still while a machine sleeps, and the other one may be set back:
        a lease is given up too early rather than too late.
        """
        return max(self.steady() - mark.steady, self.wall() - mark.wall)

    def now(self) -> datetime:
        """The date and time, in UTC."""
        return datetime.fromtimestamp(self.wall(), UTC)
