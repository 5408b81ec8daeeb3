"""What is printed: figures, coverage, and of a failure its shortest story and how to replay it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

from simulation.campaign import Campaign
from simulation.faults import can_befall
from simulation.outcomes import ENOUGH_HISTORIES, missing
from simulation.run import History, Plan, run
from simulation.shrink import shrunk

_COLUMN = 9
#: A pair of a flow and a fault counts as tried after so many.
_OFTEN = 100
_SHOWN = 40


def print_campaign(campaign: Campaign, *, shrinks: bool) -> int:
    """Print what a campaign came to; gives the exit code."""
    first, last = campaign.seeds[0], campaign.seeds[-1]
    per_core = campaign.total_steps / campaign.cpu_seconds if campaign.cpu_seconds else 0.0
    _say(
        f"{campaign.done} histories of {campaign.steps} steps and their drains, seeds {first} to "
        f"{last}: {campaign.total_steps:,} steps in {campaign.seconds:,.0f} s, "
        f"{campaign.rate:,.0f} a second, "
        f"{per_core:,.0f} a second of processor time.\n"
    )
    _say(coverage_table(campaign.counts, can_befall(campaign.calls)))
    _say(_outcomes_table(campaign.outcomes))
    _say(f"Digest of all histories: {campaign.digest()}")
    unseen = missing(campaign.outcomes) if campaign.done >= ENOUGH_HISTORIES else []
    if unseen:
        _say(f"BLIND: in none of the histories: {', '.join(unseen)}")
    if not campaign.failed:
        _say("No law was broken.")
        return 1 if unseen else 0
    for history in campaign.failed:
        tell_failure(history, shrinks=shrinks)
    return 1


def replay(plan: Plan, *, shrinks: bool) -> int:
    """Run one history and tell its story, the shortest one if it fails."""
    history = run(plan, tells=True)
    if history.failed:
        tell_failure(history, shrinks=shrinks)
        return 1
    _say("\n".join(history.story))
    _say(f"\nSeed {plan.seed}: {history.steps} steps, no law was broken. {history.digest}")
    return 0


def tell_failure(history: History, *, shrinks: bool) -> None:
    """Tell what went wrong, as shortly as it can be told."""
    found = shrunk(history.plan) if shrinks and history.violations else None
    told = run(found or history.plan, tells=True)
    _say("\n".join(told.story[-400:]))
    _say("")
    if found is not None:
        kept, acts = len(told.numbers), len(history.numbers)
        _say(
            f"Shortened from {acts} acts to {kept}, and from {history.steps} steps to {told.steps}."
        )
    for violation in told.violations or history.violations:
        _say(f"BROKEN: {violation.law}: {violation.detail}")
    if history.crash:
        _say(f"THE SIMULATOR FAILED:\n{history.crash}")
    _say(
        f"Replay: make simulate SEED={history.plan.seed} STEPS={history.plan.steps}  "
        f"(python -m simulation --seed {history.plan.seed} --steps {history.plan.steps})"
    )


def _outcomes_table(outcomes: Counter[str]) -> str:
    """What was answered, and how invocations ended."""
    lines = [f"{count:>10,}  {name}" for name, count in sorted(outcomes.items())]
    return "What came about:\n" + "\n".join(lines) + "\n"


def coverage_table(counts: Counter[tuple[str, str]], chances: Counter[tuple[str, str]]) -> str:
    """How often each kind of fault befell each flow; 0 where it could have and never did."""
    flows = sorted({flow for flow, _ in counts | chances})
    kinds = sorted({kind for _, kind in counts | chances})
    width = max((len(kind) for kind in kinds), default=0)
    lines = [" " * width + "".join(f"{flow[:_COLUMN]:>{_COLUMN + 1}}" for flow in flows)]
    for kind in kinds:
        cells = ""
        for flow in flows:
            never = 0 if (flow, kind) in chances else "·"
            cells += f"{counts[flow, kind] or never:>{_COLUMN + 1}}"
        lines.append(f"{kind:<{width}}{cells}")
    seldom = sorted(pair for pair in chances if counts[pair] < _OFTEN)
    lines.append(f"\n{len(chances)} pairs make sense; {len(chances) - len(seldom)} of them came")
    lines[-1] += f" at least {_OFTEN} times."
    lines += [
        f"  {flow}, {kind}: {counts[flow, kind]} of {chances[flow, kind]:,} calls"
        for flow, kind in seldom[:_SHOWN]
    ]
    return "\n".join(lines) + "\n"


def _say(text: str | Iterable[str]) -> None:
    sys.stdout.write(f"{text}\n")
