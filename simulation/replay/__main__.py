"""`python -m simulation.replay`: replay histories on ministack, tell of the first difference."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import warnings
from pathlib import Path

from devstack.emulator import Emulator
from simulation.replay.figures import Figures
from simulation.replay.history import replay
from simulation.run import Plan

_STEPS = 500
_TOLD_LINES = 60


def main() -> int:
    """Read the command line, replay, and say by the exit code whether all was alike."""
    options = _options()
    warnings.simplefilter("ignore")
    first = options.first if options.first is not None else random.SystemRandom().getrandbits(32)
    figures = Figures(histories=options.histories, first=first, steps=options.steps)
    with tempfile.TemporaryDirectory() as home, Emulator(home=Path(home)) as emulator:
        for seed in range(first, first + options.histories):
            plan = Plan(seed=seed, steps=options.steps)
            replayed = replay(plan, emulator.empty_account())
            figures.add(replayed)
            figures.show(sys.stderr)
            if replayed.history.failed:
                sys.stderr.write("\n")
                _tell(plan, replay(plan, emulator.empty_account(), tells=True).history.story)
                for violation in replayed.history.violations:
                    _say(f"BROKEN: {violation.law}: {violation.detail}\n")
                _say(replayed.history.crash or "")
                _say(f"Replay: make replay-histories FIRST={seed} HISTORIES=1 STEPS={plan.steps}")
                return 1
    sys.stderr.write("\n")
    _say(figures.text())
    return 0


def _tell(plan: Plan, story: list[str]) -> None:
    _say(f"Seed {plan.seed}, the last of {len(story):,} lines:")
    _say("\n".join(line for line in story[-_TOLD_LINES:] if ": !! " not in line))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulation.replay", description=__doc__)
    parser.add_argument("--histories", type=int, default=200, help="how many histories")
    parser.add_argument("--steps", type=int, default=_STEPS, help="calls in each history")
    parser.add_argument("--first", type=int, help="the first seed; by default a new one")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    raise SystemExit(main())
