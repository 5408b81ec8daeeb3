"""Chance: named streams of numbers from one seed, none of which depends on another's draws.

So an actor can be left out of a history, or a fault taken away, and all the others go on to draw
what they drew: that is what makes it possible to shorten a failing history.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Stream:
    """One named stream. Seeded by text, so that it is the same in every process."""

    __slots__ = ("_random", "between", "fraction", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._random = random.Random(name)  # noqa: S311 - no secret depends on it
        #: From 0 to below 1.
        self.fraction = self._random.random
        #: From the first to the second, both included.
        self.between = self._random.randint

    def one_in(self, count: float) -> bool:
        """True once in so many draws."""
        return self.fraction() * count < 1

    def choice(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[int(self.fraction() * len(items))]

    def weighted(self, items: Sequence[tuple[T, float]]) -> T:
        """One of the items, by their weights."""
        drawn = self.fraction() * sum(weight for _, weight in items)
        for item, weight in items:
            drawn -= weight
            if drawn < 0:
                return item
        return items[-1][0]

    def seconds(self, typical: float) -> float:
        """A time that is mostly near the typical one, and now and then many times as long."""
        drawn = self.fraction()
        long = drawn < 0.05  # noqa: PLR2004 - one in twenty
        return typical * (0.2 + 1.6 * self.fraction()) * (20 if long else 1)

    def bits(self, count: int) -> int:
        """A number of so many bits."""
        return self._random.getrandbits(count)


class Chance:
    """All streams of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def stream(self, name: str) -> Stream:
        """A new stream with that name, from its beginning."""
        return Stream(f"{self.seed}/{name}")
