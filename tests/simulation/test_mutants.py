"""The simulator finds planted faults; `make mutants` tries them all."""

from __future__ import annotations

import pytest

from tests.simulation.mutants.__main__ import find_in_process
from tests.simulation.mutants.planted import MUTANTS

#: One for each kind of law, each found within a few seeds.
IN_CI = (
    "plain update of the account",
    "conflict taken for success",
    "processing taken for paid",
    "month's limit ignored",
    "settlement not idempotent",
    "refusal not kept",
    "number taken outside of the write",
)
_SEEDS = 20


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_fault_still_has_its_place(mutant: object) -> None:
    assert mutant.texts()  # type: ignore[attr-defined]


def test_there_are_enough_planted_faults_and_each_has_a_name() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 25


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_CI)
def test_a_planted_fault_is_found(name: str) -> None:
    mutant = next(each for each in MUTANTS if each.name == name)
    found = find_in_process(mutant, most_seeds=_SEEDS)
    assert found.law is not None, f"{mutant.says}, and no law broke in {_SEEDS} seeds"
