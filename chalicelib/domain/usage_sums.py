"""What entries took from an account, added up: whole, and by the models that it was for.

The sums by model add up to what was taken, to the nano-dollar, whatever the entry says of itself:
what its breakdown doesn't name is a group of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from chalicelib.domain.breakdown import unit_name
from chalicelib.domain.ledger import Entry, EntryKind

#: The entries that take credits for usage. What they give back counts against it.
SPENDING = frozenset({EntryKind.DEDUCTION, EntryKind.USAGE, EntryKind.SETTLEMENT})

#: Groups of what isn't a model's; a model's name is its provider, a space, and what it is called,
#: none of which may contain a space.
TRACES = "(traces)"
AMOUNTS = "(amounts)"
OTHERS = "(others)"

#: How traces are counted beside the units of models.
_TRACES_UNIT = "traces"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSums:
    """What some entries took, in nano-dollars, for how many calls and units of each kind.

    Units are counted as they were charged: input that has a price of its own, such as cached
    input, is not in `input_tokens`.
    """

    amount_nanos: int = 0
    calls: int = 0
    entries: int = 0
    units: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: UsageSums) -> UsageSums:
        return UsageSums(
            amount_nanos=self.amount_nanos + other.amount_nanos,
            calls=self.calls + other.calls,
            entries=self.entries + other.entries,
            units=Counter(self.units) + Counter(other.units),
        )


def model_name(provider: str, model: str) -> str:
    """The name of a model's group."""
    return f"{provider} {model}"


def sums_of(entry: Entry) -> UsageSums:
    """What an entry took; nothing if it isn't one that takes for usage."""
    if entry.kind not in SPENDING:
        return UsageSums()
    total = UsageSums()
    for _, sums in _parts(entry):
        total += sums
    return UsageSums(
        amount_nanos=-entry.amount_nanos, calls=total.calls, entries=1, units=total.units
    )


def sums_by_model(entry: Entry) -> dict[str, UsageSums]:
    """What an entry took by the name of the group; it counts as one entry in each of them."""
    if entry.kind not in SPENDING:
        return {}
    groups: dict[str, UsageSums] = {}
    for name, sums in _parts(entry):
        groups[name] = groups.get(name, UsageSums()) + sums
    unnamed_nanos = -entry.amount_nanos - sum(sums.amount_nanos for sums in groups.values())
    if unnamed_nanos or not groups:
        name = OTHERS if groups else AMOUNTS
        groups[name] = groups.get(name, UsageSums()) + UsageSums(amount_nanos=unnamed_nanos)
    return {
        name: UsageSums(
            amount_nanos=sums.amount_nanos, calls=sums.calls, entries=1, units=sums.units
        )
        for name, sums in groups.items()
    }


def _parts(entry: Entry) -> Iterator[tuple[str, UsageSums]]:
    """What the entry's breakdown names, as `breakdown.compact_breakdown` packs it."""
    details = cast("Mapping[str, Any]", entry.details)
    for model in details.get("m", ()):
        yield _model_part(model)
    for _, nanos in details.get("a", ()):
        yield AMOUNTS, UsageSums(amount_nanos=nanos)
    if "t" in details:
        count, _, nanos, _ = details["t"]
        yield TRACES, UsageSums(amount_nanos=nanos, units={_TRACES_UNIT: count})
    if "o" in details:
        _, nanos = details["o"]
        yield OTHERS, UsageSums(amount_nanos=nanos)


def _model_part(packed: Sequence[Any]) -> tuple[str, UsageSums]:
    provider, model, _, calls, nanos, parts, *_ = packed
    units = {unit_name(short): count for short, (count, _) in parts.items()}
    return model_name(provider, model), UsageSums(amount_nanos=nanos, calls=calls, units=units)
