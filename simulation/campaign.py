"""A campaign: many histories, one process each at a time, and what they came to."""

from __future__ import annotations

import hashlib
import multiprocessing
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from simulation.faults import Calls
from simulation.record import Record
from simulation.run import History, Plan, run

_WIDTH = 30


@dataclass(slots=True, kw_only=True)
class Campaign:
    """The histories of some seeds. It stops at the first that fails, unless told otherwise.

    With a `record`, it goes on where another one with the same record stopped.
    """

    seeds: Sequence[int]
    steps: int
    processes: int
    stops: bool = True
    record: Record | None = None
    done: int = 0
    total_steps: int = 0
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    calls: Counter[Calls] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    begun: Counter[str] = field(default_factory=Counter)
    failed: list[History] = field(default_factory=list)
    digests: dict[int, str] = field(default_factory=dict)
    _new: int = 0
    _new_steps: int = 0

    @property
    def rate(self) -> float:
        """Steps a second, of what was run and not read from the record."""
        return self._new_steps / self.seconds if self.seconds else 0.0

    def run(self, *, progress: TextIO | None = None) -> None:
        """Run them all, but for those that the record knows."""
        began = time.monotonic()
        plans = [Plan(seed=seed, steps=self.steps) for seed in self.seeds]
        known = set()
        if self.record is not None:
            for history in self.record.read(plans):
                known.add(history.plan)
                self._add(history)
        left = [plan for plan in plans if plan not in known]
        # Spawned, since what is forked would share what this process has done.
        context = multiprocessing.get_context("spawn")
        with context.Pool(self.processes, initializer=_quiet) as pool:
            for history in pool.imap_unordered(run, left):
                self._add(history)
                self._new += 1
                self._new_steps += history.steps
                if self.record is not None:
                    self.record.keep(history)
                self.seconds = time.monotonic() - began
                if progress is not None:
                    self._show(progress)
                if history.failed and self.stops:
                    pool.terminate()
                    break
        if progress is not None:
            progress.write("\n")

    def digest(self) -> str:
        """Stands for the outcome of all histories: it is the same on every machine."""
        text = "\n".join(f"{seed} {self.digests[seed]}" for seed in sorted(self.digests))
        return hashlib.sha256(text.encode()).hexdigest()

    def _add(self, history: History) -> None:
        self.done += 1
        self.total_steps += history.steps
        self.cpu_seconds += history.cpu_seconds
        self.counts += history.counts
        self.calls += history.calls
        self.outcomes += history.outcomes
        self.begun += history.begun
        self.digests[history.plan.seed] = history.digest
        if history.failed:
            self.failed.append(history)

    def _show(self, progress: TextIO) -> None:
        share = self.done / len(self.seeds)
        bar = "█" * int(share * _WIDTH)
        left_seconds = (len(self.seeds) - self.done) * self.seconds / max(1, self._new)
        progress.write(
            f"\r{bar:<{_WIDTH}} {self.done}/{len(self.seeds)} histories, "
            f"{self.total_steps:,} steps, {self.rate:,.0f} a second, {len(self.failed)} failed, "
            f"{left_seconds / 60:,.0f} min left "
        )
        progress.flush()


def _quiet() -> None:
    warnings.simplefilter("ignore")
