"""`python -m simulation.replay`: replay histories on ministack, tell of the first difference."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import warnings
from pathlib import Path

from bench.engines import NoEngineError
from simulation.replay.engines import DYNAMODB_LOCAL, MINISTACK, Engine, started
from simulation.replay.figures import Figures
from simulation.replay.history import Replayed, replay
from simulation.run import Plan

_STEPS = 500
_TOLD_LINES = 60


def main() -> int:
    """Read the command line, replay, and say by the exit code whether all was alike."""
    options = _options()
    warnings.simplefilter("ignore")
    first = options.first if options.first is not None else random.SystemRandom().getrandbits(32)
    figures = Figures(histories=options.histories, first=first, steps=options.steps)
    try:
        with (
            tempfile.TemporaryDirectory() as home,
            started(options.engine, home=Path(home)) as engine,
        ):
            return _replay_all(figures, engine)
    except NoEngineError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _replay_all(figures: Figures, engine: Engine) -> int:
    for seed in range(figures.first, figures.first + figures.histories):
        plan = Plan(seed=seed, steps=figures.steps)
        replayed = replay(plan, engine)
        figures.add(replayed)
        figures.show(sys.stderr)
        if replayed.history.failed:
            sys.stderr.write("\n")
            _tell(replayed, replay(plan, engine, tells=True).history.story, engine)
            return 1
    sys.stderr.write("\n")
    _say(figures.text())
    return 0


def _tell(replayed: Replayed, story: list[str], engine: Engine) -> None:
    plan = replayed.history.plan
    _say(f"Seed {plan.seed}, the last of {len(story):,} lines:")
    _say("\n".join(line for line in story[-_TOLD_LINES:] if ": !! " not in line))
    for violation in replayed.history.violations:
        _say(f"BROKEN: {violation.law}: {violation.detail}\n")
    if replayed.history.crash:
        _say(replayed.history.crash)
    chosen = "" if engine.name == MINISTACK else f" ENGINE={engine.name}"
    _say(f"Replay: make replay-histories FIRST={plan.seed} HISTORIES=1 STEPS={plan.steps}{chosen}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulation.replay", description=__doc__)
    parser.add_argument("--histories", type=int, default=200, help="how many histories")
    parser.add_argument("--steps", type=int, default=_STEPS, help="calls in each history")
    parser.add_argument("--first", type=int, help="the first seed; by default a new one")
    parser.add_argument("--engine", choices=[MINISTACK, DYNAMODB_LOCAL], default=MINISTACK)
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    raise SystemExit(main())
