"""Holds two answers against each other, counts what was compared, and tells of a difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pprint import pformat

from simulation.replay.forms import Form, codes_of

LAW = "memory answers as others do"
_LONGEST = 3_000


@dataclass(slots=True, kw_only=True)
class Comparing:
    """What was compared in one history; `tell` is told of each difference, as a story."""

    tell: Callable[[str], None]
    engine: str = "ministack"
    #: Calls by operation, refusals by operation and codes, what is stored by kind, and how often
    #: a caller heard what was older.
    calls: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    things: Counter[str] = field(default_factory=Counter)
    behind: Counter[str] = field(default_factory=Counter)
    differences: int = 0

    def answers(
        self, operation: str, params: Mapping[str, object], *, memory: Form, other: Form
    ) -> None:
        """Compare what both say to one call."""
        self.calls[operation] += 1
        if codes := codes_of(memory):
            self.refusals[f"{operation}: {codes}"] += 1
        if memory != other:
            asked = {name: value for name, value in params.items() if name != "Body"}
            self._differ(f"{operation} {_shown(asked)}", memory, other)

    def stored(self, what: str, *, memory: Mapping[str, Form], other: Mapping[str, Form]) -> None:
        """Compare what is stored in the end, thing by thing; the first difference is told."""
        self.things[what.split(maxsplit=1)[0]] += len(memory)
        for name in sorted(memory.keys() | other.keys()):
            here, there = memory.get(name), other.get(name)
            if here != there:
                self._differ(f"{what} {name} in the end", here, there)
                return

    def _differ(self, what: str, memory: Form, other: Form) -> None:
        self.differences += 1
        width = max(len(self.engine), len("memory")) + 1
        self.tell(
            f"{what}\n  {'memory:':<{width}} {_shown(memory)}\n"
            f"  {self.engine + ':':<{width}} {_shown(other)}"
        )


def _shown(value: object) -> str:
    text = pformat(value, width=100, compact=True)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]} …"
    return text.replace("\n", "\n             ")
