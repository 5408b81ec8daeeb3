"""How far a replay of many histories has come, and what it came to."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TextIO

from simulation.replay.history import Replayed

_WIDTH = 30


@dataclass(slots=True, kw_only=True)
class Figures:
    """Sums over histories."""

    histories: int
    first: int
    steps: int
    done: int = 0
    total_steps: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    things: Counter[str] = field(default_factory=Counter)
    behind: Counter[str] = field(default_factory=Counter)
    _began: float = field(default_factory=time.monotonic)

    def add(self, replayed: Replayed) -> None:
        """Count a history."""
        self.done += 1
        self.total_steps += replayed.history.steps
        self.calls += replayed.comparing.calls
        self.refusals += replayed.comparing.refusals
        self.things += replayed.comparing.things
        self.behind += replayed.comparing.behind

    def show(self, progress: TextIO) -> None:
        """Draw the bar anew."""
        share = self.done / self.histories
        bar = "█" * int(share * _WIDTH)
        progress.write(
            f"\r{bar:<{_WIDTH}} {self.done}/{self.histories} histories, "
            f"{self.calls.total():,} calls compared, {self._seconds():,.0f} s "
        )
        progress.flush()

    def text(self) -> str:
        """What to say in the end."""
        last = self.first + self.done - 1
        made = (
            f"{self.done} histories of {self.steps} steps and their drains, seeds {self.first} to "
            f"{last}: {self.total_steps:,} steps in {self._seconds():,.0f} s."
        )
        parts = [
            _table("calls", self.calls),
            _table("of them refused", self.refusals),
            _table("compared in the end", self.things),
            _table("the caller heard what was so before, as the simulator chose", self.behind),
        ]
        alike = f"{self.calls.total():,} calls were answered alike, and ended in the same state."
        return "\n\n".join([f"{made}\n{alike}", *parts])

    def _seconds(self) -> float:
        return time.monotonic() - self._began


def _table(title: str, counts: Counter[str]) -> str:
    width = max((len(name) for name in counts), default=0)
    rows = [f"  {name:<{width}} {count:>10,}" for name, count in counts.most_common()]
    return "\n".join([title, *(rows or ["  nothing"])])
