"""Histories of fixed seeds and of new ones hold all laws, and are the same in every process."""

from __future__ import annotations

import inspect
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from chalicelib.workers import schedules
from simulation.campaign import Campaign
from simulation.faults import can_befall
from simulation.outcomes import EXPECTED, missing
from simulation.record import Record
from simulation.report import coverage_table
from simulation.run import History, Plan, run
from simulation.world import MISMATCH

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


_SHORTEN = """
from tests.simulation.mutants.planted import MUTANTS
from tests.simulation.mutants.planting import plant
plant(next(each for each in MUTANTS if each.name == "webhook trusted instead of fetched"))
from simulation.report import replay
from simulation.run import Plan
raise SystemExit(replay(Plan(seed=8, steps=2_000), shrinks=True))
"""


def check(plan: Plan) -> History:
    history = run(plan)
    replay = f"make simulate SEED={plan.seed} STEPS={plan.steps}"
    assert history.crash is None, f"{history.crash}\n{replay}"
    assert not history.violations, f"{history.violations[0]}\n{replay}"
    assert history.steps >= plan.steps
    return history


@pytest.mark.slow
def test_fixed_histories_hold_all_laws_and_are_not_blind() -> None:
    outcomes: Counter[str] = Counter()
    for seed in FIXED:
        outcomes += check(Plan(seed=seed, steps=STEPS)).outcomes
    assert missing(outcomes) == []


@pytest.mark.slow
def test_new_histories_hold_all_laws() -> None:
    first = random.SystemRandom().getrandbits(32)
    for seed in range(first, first + NEW):
        check(Plan(seed=seed, steps=STEPS))


@pytest.mark.slow
@pytest.mark.parametrize("found", REGRESSIONS, ids=lambda found: str(found["mended"]))
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


@pytest.mark.slow
def test_a_failure_is_shortened_and_told_with_the_command_that_replays_it() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _SHORTEN],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 1, done.stderr
    shortened = re.search(r"Shortened from (\d+) acts to (\d+)", done.stdout)
    assert shortened is not None
    before, after = map(int, shortened.groups())
    assert after <= 3 < before
    assert "BROKEN: 4 one decision, one charge: pur_" in done.stdout
    assert "Replay: make simulate SEED=8 STEPS=2000" in done.stdout
    assert "tells of payment_intent.payment_failed" in done.stdout


def test_the_coverage_table_tells_what_could_have_come_and_never_did() -> None:
    counts = Counter({("purchase", "throttled"): 100, ("webhook", "deploy"): 2})
    calls = Counter({("purchase", "s3", "PutObject", True): 7, ("purchase", "sqs", "x", False): 9})
    table = coverage_table(counts, can_befall(calls))
    assert re.search(r"^throttled +100 +·$", table, re.MULTILINE)
    assert re.search(r"^dies after +0 +·$", table, re.MULTILINE)
    assert re.search(r"^deploy +· +2$", table, re.MULTILINE)
    assert "7 pairs make sense; 1 of them came at least 100 times." in table
    assert "purchase, dies after: 0 of 7 calls" in table
    assert "purchase, answer lost: 0 of 16 calls" in table


def test_a_campaign_that_never_saw_something_is_blind() -> None:
    seen = Counter(dict.fromkeys(EXPECTED, 1))
    assert missing(seen) == []
    del seen["POST /webhooks/stripe 200"]
    assert missing(seen) == ["POST /webhooks/stripe 200"]


def test_the_world_listens_for_what_the_schedule_logs_of_a_mismatch() -> None:
    assert f'"{MISMATCH}"' in inspect.getsource(schedules)


@pytest.mark.slow
def test_a_recorded_campaign_goes_on_where_it_stopped(tmp_path: Path) -> None:
    record = Record(tmp_path / "record.jsonl")

    def campaign(seeds: range) -> Campaign:
        made = Campaign(seeds=seeds, steps=150, processes=1, record=record)
        made.run()
        return made

    campaign(range(1, 3))
    again = campaign(range(1, 4))
    fresh = Campaign(seeds=range(1, 4), steps=150, processes=1)
    fresh.run()
    lines = (tmp_path / "record.jsonl").read_text().splitlines()
    kept = [json.loads(line)["seed"] for line in lines]
    assert kept == [1, 2, 3], "each was run once"
    assert again.digest() == fresh.digest()
    assert (again.counts, again.calls, again.outcomes) == (
        fresh.counts,
        fresh.calls,
        fresh.outcomes,
    )
