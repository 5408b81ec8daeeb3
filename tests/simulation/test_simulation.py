"""Histories of fixed seeds and of new ones hold all laws, and are the same in every process."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.report import coverage_table
from simulation.run import Plan, run

ROOT = Path(__file__).resolve().parents[2]
#: Enough for each kind of act and most faults to meet, and short enough for every push.
FIXED = range(1, 9)
NEW = 4
STEPS = 1_500

#: Seeds that once broke a law, with what was mended then.
REGRESSIONS = json.loads((Path(__file__).parent / "regressions.json").read_text())

_DIGESTS = """
from simulation.run import Plan, run
print(run(Plan(seed=7, steps=400)).digest)
print(run(Plan(seed=8, steps=400)).digest)
print(run(Plan(seed=7, steps=400)).digest)
"""


def check(plan: Plan) -> None:
    history = run(plan)
    replay = f"make simulate SEED={plan.seed} STEPS={plan.steps}"
    assert history.crash is None, f"{history.crash}\n{replay}"
    assert not history.violations, f"{history.violations[0]}\n{replay}"
    assert history.steps >= plan.steps


@pytest.mark.slow
@pytest.mark.parametrize("seed", FIXED)
def test_a_fixed_history_holds_all_laws(seed: int) -> None:
    check(Plan(seed=seed, steps=STEPS))


@pytest.mark.slow
def test_new_histories_hold_all_laws() -> None:
    first = random.SystemRandom().getrandbits(32)
    for seed in range(first, first + NEW):
        check(Plan(seed=seed, steps=STEPS))


@pytest.mark.slow
@pytest.mark.parametrize("found", REGRESSIONS, ids=lambda found: str(found["seed"]))
def test_a_history_that_once_broke_a_law_holds_them(found: dict[str, object]) -> None:
    check(Plan(seed=int(str(found["seed"])), steps=int(str(found["steps"]))))


@pytest.mark.slow
def test_a_seed_gives_the_same_history_in_every_process() -> None:
    printed = []
    for hash_seed in ("0", "4711"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _DIGESTS],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        printed.append(done.stdout.split())
    assert printed[0] == printed[1]
    assert printed[0][0] == printed[0][2], "a history depends on the one before it"
    assert printed[0][0] != printed[0][1]


@pytest.mark.slow
def test_what_is_left_out_of_a_history_changes_nobody_elses_draws() -> None:
    whole = run(Plan(seed=3, steps=300))
    again = run(Plan(seed=3, steps=300, without=frozenset({10_000})))
    assert whole.digest == again.digest
    shorter = run(Plan(seed=3, steps=300, without=frozenset(whole.numbers[:3])))
    assert not set(whole.numbers[:3]) & set(shorter.numbers)
    assert shorter.numbers[:2] == whole.numbers[3:5]


def test_the_coverage_table_counts_pairs() -> None:
    history = run(Plan(seed=2, steps=300))
    table = coverage_table(history.counts)
    assert len(table.splitlines()) == 1 + len({kind for _, kind in history.counts})
