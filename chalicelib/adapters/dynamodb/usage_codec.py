"""How a day's roll-up becomes compact data, and data a roll-up again.

Sums are lists of their amount, calls and entries, then the counts of the units that `u` names in
that order. Every kilobyte is a write unit per batch of writes, hence the short keys:

`n` runs of the numbers applied; `b` balances after the last of them: available, held;
`f` bought, other changes, change of held; `t` the total spent; `p` projects; `m` models;
`x` whether there are groups beside the row; `c` whether the day is closed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from chalicelib.domain.number_ranges import NumberRanges
from chalicelib.domain.usage_day import Groups, UsageDay
from chalicelib.domain.usage_sums import UsageSums

Data = Mapping[str, Any]


def day_data(day: UsageDay, *, has_beside: bool) -> dict[str, object]:
    """The data of a day."""
    everything = (day.spent, *day.projects.values(), *day.models.values())
    units = sorted({unit for sums in everything for unit in sums.units})
    return {
        "n": day.applied.runs,
        "b": [day.available_after_nanos, day.held_after_nanos],
        "f": [day.topped_up_nanos, day.other_nanos, day.held_nanos],
        "u": units,
        "t": _packed(day.spent, units),
        "p": {name: _packed(sums, units) for name, sums in day.projects.items()},
        "m": {name: _packed(sums, units) for name, sums in day.models.items()},
        "x": int(has_beside),
        "c": int(day.closed),
    }


def day_from(organization_id: str, name: str, data: Data, *, version: int) -> UsageDay:
    """The day of that name."""
    available_after_nanos, held_after_nanos = data["b"]
    topped_up_nanos, other_nanos, held_nanos = data["f"]
    units = data["u"]
    return UsageDay(
        organization_id=organization_id,
        day=date.fromisoformat(name),
        applied=NumberRanges(tuple((first, last) for first, last in data["n"])),
        spent=_unpacked(data["t"], units),
        topped_up_nanos=topped_up_nanos,
        other_nanos=other_nanos,
        held_nanos=held_nanos,
        available_after_nanos=available_after_nanos,
        held_after_nanos=held_after_nanos,
        projects=_groups(data["p"], units),
        models=_groups(data["m"], units),
        closed=bool(data["c"]),
        version=version,
    )


def sums_data(sums: UsageSums) -> dict[str, object]:
    """The data of one group by itself."""
    units = sorted(sums.units)
    return {"u": units, "t": _packed(sums, units)}


def sums_from(data: Data) -> UsageSums:
    """The sums of one group by itself."""
    return _unpacked(data["t"], data["u"])


def _packed(sums: UsageSums, units: Sequence[str]) -> list[int]:
    counts = [sums.units.get(unit, 0) for unit in units]
    while counts and counts[-1] == 0:
        counts.pop()
    return [sums.amount_nanos, sums.calls, sums.entries, *counts]


def _unpacked(packed: Sequence[int], units: Sequence[str]) -> UsageSums:
    amount_nanos, calls, entries, *counts = packed
    return UsageSums(
        amount_nanos=amount_nanos,
        calls=calls,
        entries=entries,
        units={unit: count for unit, count in zip(units, counts, strict=False) if count},
    )


def _groups(packed: Mapping[str, Sequence[int]], units: Sequence[str]) -> Groups:
    return {name: _unpacked(sums, units) for name, sums in packed.items()}
