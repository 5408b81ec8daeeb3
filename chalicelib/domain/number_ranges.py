"""Sets of whole numbers that are mostly runs, kept as the runs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NumberRanges:
    """Numbers as runs from the first to the last of each, rising, none touching the next."""

    runs: tuple[tuple[int, int], ...] = ()

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        index = bisect_right(self.runs, number, key=_first) - 1
        return index >= 0 and number <= self.runs[index][1]

    @property
    def lowest(self) -> int | None:
        """The lowest of the numbers."""
        return self.runs[0][0] if self.runs else None

    @property
    def highest(self) -> int | None:
        """The highest of the numbers."""
        return self.runs[-1][1] if self.runs else None

    def joined(self, others: NumberRanges) -> NumberRanges:
        """The numbers of both."""
        joined: list[tuple[int, int]] = []
        for first, last in sorted((*self.runs, *others.runs)):
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = joined[-1][0], max(last, joined[-1][1])
            else:
                joined.append((first, last))
        return NumberRanges(tuple(joined))

    def with_numbers(self, numbers: Iterable[int]) -> NumberRanges:
        """The numbers and these."""
        return self.joined(NumberRanges(tuple((number, number) for number in set(numbers))))

    def gaps(self) -> tuple[tuple[int, int], ...]:
        """What is missing between the lowest and the highest, as runs."""
        behind = (last for _, last in self.runs)
        ahead = (first for first, _ in self.runs[1:])
        return tuple((last + 1, first - 1) for last, first in zip(behind, ahead, strict=False))


def _first(run: tuple[int, int]) -> int:
    return run[0]
