"""A campaign: many histories, one process each at a time, and what they came to."""

from __future__ import annotations

import multiprocessing
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from simulation.run import History, Plan, run

_WIDTH = 30


@dataclass(slots=True, kw_only=True)
class Campaign:
    """The histories of some seeds. It stops at the first that fails, unless told otherwise."""

    seeds: Sequence[int]
    steps: int
    processes: int
    stops: bool = True
    done: int = 0
    total_steps: int = 0
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    begun: Counter[str] = field(default_factory=Counter)
    failed: list[History] = field(default_factory=list)

    def run(self, *, progress: TextIO | None = None) -> None:
        """Run them all."""
        began = time.monotonic()
        plans = [Plan(seed=seed, steps=self.steps) for seed in self.seeds]
        # Spawned, since what is forked would share what this process has done.
        context = multiprocessing.get_context("spawn")
        with context.Pool(self.processes, initializer=_quiet) as pool:
            for history in pool.imap_unordered(run, plans):
                self._add(history)
                self.seconds = time.monotonic() - began
                if progress is not None:
                    self._show(progress)
                if history.failed and self.stops:
                    pool.terminate()
                    break
        if progress is not None:
            progress.write("\n")

    def _add(self, history: History) -> None:
        self.done += 1
        self.total_steps += history.steps
        self.cpu_seconds += history.cpu_seconds
        self.counts += history.counts
        self.begun += history.begun
        if history.failed:
            self.failed.append(history)

    def _show(self, progress: TextIO) -> None:
        share = self.done / len(self.seeds)
        bar = "█" * int(share * _WIDTH)
        rate = self.total_steps / self.seconds if self.seconds else 0.0
        progress.write(
            f"\r{bar:<{_WIDTH}} {self.done}/{len(self.seeds)} histories, "
            f"{self.total_steps:,} steps, {rate:,.0f} a second, {len(self.failed)} failed "
        )
        progress.flush()


def _quiet() -> None:
    warnings.simplefilter("ignore")
