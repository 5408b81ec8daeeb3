"""`make mutation`: tries the mutants of the chosen modules, and holds the survivors to the list.

It fails on a survivor that tests/mutation/survivors.toml has no reason for, and on one listed
there that doesn't survive.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.mutation.mutants import Mutant, make_mutants
from tests.mutation.reach import Reach, load_reach
from tests.mutation.refused import refused_by_types

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "build" / "mutation"
REACH = TARGET / "reach.json"
TRIALS = TARGET / "trials.json"
RESULTS = TARGET / "results.jsonl"
SURVIVORS = Path(__file__).with_name("survivors.toml")
#: The tests that run domain and use cases in this process, over fakes.
TESTS = (
    "tests/unit",
    "tests/contract/test_price_catalogue.py::test_our_units_are_those_of_the_package_except_durations",
    "tests/documents/test_factur_x.py",
    "tests/functional/test_cards_at_the_provider.py",
    "tests/functional/test_dead_card.py",
    "tests/functional/test_operators_refunds.py",
    "tests/functional/test_reconciliation.py",
    "tests/functional/test_refunds_and_disputes.py",
    "tests/functional/test_reversal_crashes.py",
)


def main() -> int:
    """Try, compare, and say what is wrong."""
    arguments = _arguments()
    patterns = arguments.modules.split()
    mutants = make_mutants(ROOT, TARGET)
    chosen = [each for each in mutants if any(fnmatch.fnmatch(each.function, p) for p in patterns)]
    if not chosen:
        sys.exit(f"No mutant fits {arguments.modules}")
    if arguments.fresh:
        REACH.unlink(missing_ok=True)
    _pytest("--mutation-reach", str(REACH))
    ends = _tried(chosen, load_reach(REACH), arguments)
    survivors = [each for each in chosen if ends[each.name] == "survived"]
    refused = refused_by_types((each.name for each in survivors), ROOT, TARGET)
    survivors = [each for each in survivors if each.name not in refused]
    print(
        f"{len(chosen)} mutants: {Counter(ends.values())['killed']} killed, "
        f"{Counter(ends.values())['endless']} without end, {len(refused)} refused by their "
        f"types, {len(survivors)} survive."
    )
    return _compared(chosen, survivors)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    parser.add_argument("modules", help='patterns, such as "chalicelib.domain.t* *purchas*"')
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=20, help="of tests for each mutant")
    parser.add_argument("--fresh", action="store_true", help="record anew what tests reach")
    return parser.parse_args()


def _pytest(*options: str) -> None:
    """Runs pytest over the package with mutants, which is found before the project's own."""
    subprocess.run(
        (
            *(sys.executable, "-P", "-m", "pytest", "-p", "tests.mutation.plugin"),
            *("-p", "no:cacheprovider", "--assert=plain", "--tb=native"),
            *(*options, *TESTS),
        ),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(TARGET), str(ROOT)))},
        check=True,
    )


def _tried(
    chosen: Sequence[Mutant], reach: Mapping[str, Reach], arguments: argparse.Namespace
) -> Mapping[str, str]:
    """How each mutant ended; one that no test reaches survives unseen."""
    trials = {each.name: _tests_of(each, reach, arguments.seconds) for each in chosen}
    TRIALS.write_text(json.dumps(trials))
    RESULTS.unlink(missing_ok=True)
    _pytest(
        *("--mutation-trials", str(TRIALS), "--mutation-results", str(RESULTS)),
        *("--mutation-children", str(arguments.children)),
    )
    return dict(json.loads(line) for line in RESULTS.read_text().splitlines())


def _tests_of(mutant: Mutant, reach: Mapping[str, Reach], seconds: float) -> list[str]:
    """What a mutant is tried with: first the tests that are about little else, then as time allows.

    Those come last that run the whole system in many orders; what only they hold, a test of its
    own should.
    """
    about = [test for test, each in reach.items() if mutant.function in each.functions]
    about.sort(key=lambda test: (len(reach[test].functions), reach[test].seconds))
    chosen: list[str] = []
    spent = 0.0
    for test in about:
        spent += reach[test].seconds
        if chosen and spent > seconds:
            break
        chosen.append(test)
    return chosen


def _compared(chosen: Sequence[Mutant], survivors: Sequence[Mutant]) -> int:
    """Print what differs from the list; 1 if anything does."""
    tried = {each.label for each in chosen}
    labels = {each.label for each in survivors}
    functions = {each.readable for each in chosen}
    listed = {
        label
        for each in tomllib.loads(SURVIVORS.read_text())["harmless"]
        for label in each["mutants"]
        if label.partition(": ")[0] in functions
    }
    for label in sorted(labels - listed):
        print(f"survives without a reason: {label}")
    for label in sorted(listed & tried - labels):
        print(f"listed, but is killed: {label}")
    for label in sorted(listed - tried):
        print(f"listed, but is no mutant: {label}")
    return 1 if labels ^ listed else 0


if __name__ == "__main__":
    sys.exit(main())
