"""`python -m simulation`: run histories, and tell of the first that breaks a law."""

from __future__ import annotations

import argparse
import os
import random
import sys
import warnings
from pathlib import Path

from simulation.campaign import Campaign
from simulation.record import Record
from simulation.report import print_campaign, replay
from simulation.run import DEFAULT_STEPS, Plan


def main() -> int:
    """Read the command line, run, and say by the exit code whether all laws held."""
    options = _options()
    warnings.simplefilter("ignore")
    if options.seed is not None:
        return replay(Plan(seed=options.seed, steps=options.steps), shrinks=not options.whole)
    first = options.first if options.first is not None else random.SystemRandom().getrandbits(32)
    campaign = Campaign(
        seeds=range(first, first + options.seeds),
        steps=options.steps,
        processes=options.processes or os.cpu_count() or 1,
        stops=not options.go_on,
        record=Record(options.record) if options.record else None,
    )
    campaign.run(progress=sys.stderr)
    return print_campaign(campaign, shrinks=not options.whole)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this one history, and tell its story")
    parser.add_argument("--steps", type=int, default=DEFAULT_STEPS, help="calls in each history")
    parser.add_argument("--seeds", type=int, default=100, help="how many histories")
    parser.add_argument("--first", type=int, help="the first seed; by default a new one")
    parser.add_argument("--processes", type=int, help="by default as many as there are cores")
    parser.add_argument("--record", type=Path, help="keep what held here, and go on from it")
    parser.add_argument("--go-on", action="store_true", help="don't stop at what fails")
    parser.add_argument("--whole", action="store_true", help="don't shorten what fails")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
