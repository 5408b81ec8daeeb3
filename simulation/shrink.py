"""Shortening a failing history: fewer acts and fewer faults, as long as the same law breaks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from simulation.run import History, Plan, run

T = TypeVar("T")

#: So many runs at most: a history is shortened in a minute or so, not for ever.
_MOST_RUNS = 150


def shrunk(plan: Plan) -> Plan:
    """The plan with as much left out as can be, that still breaks the law that it breaks."""
    first = run(plan)
    if not first.violations:
        return plan
    law, budget = first.violations[0].law, [_MOST_RUNS]

    def breaks(candidate: Plan) -> History | None:
        budget[0] -= 1
        history = run(candidate)
        same = bool(history.violations) and history.violations[0].law == law
        return history if same else None

    plan = _without_acts(plan, first, breaks, budget)
    again = run(plan)
    return _without_faults(plan, again, breaks, budget)


def _without_acts(
    plan: Plan, history: History, breaks: Callable[[Plan], History | None], budget: list[int]
) -> Plan:
    def without(numbers: Sequence[int]) -> Plan:
        return replace(plan, without=plan.without | frozenset(numbers))

    left_out = _most_left_out(
        history.numbers, lambda numbers: breaks(without(numbers)) is not None, budget
    )
    return without(left_out)


def _without_faults(
    plan: Plan, history: History, breaks: Callable[[Plan], History | None], budget: list[int]
) -> Plan:
    def without(faults: Sequence[tuple[str, int]]) -> Plan:
        return replace(plan, muted=plan.muted | frozenset(faults))

    befallen = list(dict.fromkeys(history.befallen))
    left_out = _most_left_out(befallen, lambda faults: breaks(without(faults)) is not None, budget)
    return without(left_out)


def _most_left_out(
    items: Sequence[T], still_breaks: Callable[[list[T]], bool], budget: list[int]
) -> list[T]:
    """Delta debugging: leave out ever smaller parts, as long as that changes nothing."""
    kept = list(items)
    out: list[T] = []
    size = len(kept)
    while size >= 1 and kept and budget[0] > 0:
        position, progress = 0, False
        while position < len(kept) and budget[0] > 0:
            part = kept[position : position + size]
            if still_breaks([*out, *part]):
                out += part
                kept = kept[:position] + kept[position + size :]
                progress = True
            else:
                position += size
        if size == 1 and not progress:
            break
        size = size // 2 if size > 1 else 1 if progress else 0
    return out
