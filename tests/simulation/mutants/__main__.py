"""`make mutants`: plant each fault in a process of its own, and see which law finds it how soon."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from tests.simulation.mutants.planted import MUTANTS
from tests.simulation.mutants.planting import ROOT, Mutant, plant

#: Seeds that are tried before a fault counts as not found.
MOST_SEEDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How a fault was found; `law` is None if it wasn't."""

    mutant: str
    law: str | None
    detail: str
    seeds: int
    seconds: float


def find(mutant: Mutant, *, first: int, most_seeds: int, steps: int) -> Found:
    """Plant the fault in this process, and run seeds until a law breaks."""
    plant(mutant)
    from simulation.run import Plan, run

    began = time.process_time()
    for number in range(most_seeds):
        history = run(Plan(seed=first + number, steps=steps))
        spent = time.process_time() - began
        if history.violations:
            violation = history.violations[0]
            return Found(
                mutant=mutant.name,
                law=violation.law,
                detail=violation.detail,
                seeds=number + 1,
                seconds=spent,
            )
        if history.crash:
            raise RuntimeError(history.crash)
    spent = time.process_time() - began
    return Found(mutant=mutant.name, law=None, detail="", seeds=most_seeds, seconds=spent)


def find_in_process(mutant: Mutant, *, first: int = 1, most_seeds: int = MOST_SEEDS) -> Found:
    """The same in a process of its own, since a planted fault stays planted."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.simulation.mutants"]
    given = ["--one", mutant.name, "--first", str(first), "--seeds", str(most_seeds)]
    done = subprocess.run(
        [*command, *given], capture_output=True, text=True, check=False, cwd=ROOT, timeout=3600
    )
    if done.returncode:
        raise RuntimeError(f"{mutant.name}: {done.stderr[-2000:]}")
    return Found(**json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", help="only this one, its result as JSON")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=MOST_SEEDS)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if options.one:
        mutant = next(each for each in MUTANTS if each.name == options.one)
        found = find(mutant, first=options.first, most_seeds=options.seeds, steps=options.steps)
        sys.stdout.write(json.dumps(asdict(found)) + "\n")
        return 0
    missed = 0
    with ThreadPoolExecutor(options.processes) as pool:
        results = pool.map(
            lambda mutant: find_in_process(mutant, first=options.first, most_seeds=options.seeds),
            MUTANTS,
        )
        for found in results:
            missed += found.law is None
            law = found.law or "NOT FOUND"
            sys.stdout.write(
                f"{found.mutant:<46}{law:<40}{found.seeds:>4} seeds {found.seconds:>7.1f} s\n"
            )
            sys.stdout.flush()
    sys.stdout.write(f"{len(MUTANTS) - missed} of {len(MUTANTS)} planted faults were found.\n")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
