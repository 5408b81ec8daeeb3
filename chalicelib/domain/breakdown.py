"""What priced usage was made of, small enough for its ledger entry, and spelled out again.

An entry is one item of at most a kilobyte, since DynamoDB counts kilobytes. So lines are added up
by model and by description; where there are too many, the cheapest are added up as the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.money import format_usd
from chalicelib.domain.pricing import PricedAmount, PricedLine, PricedModel, PricedTraces

#: What the breakdown may take of the entry's kilobyte, in bytes of JSON.
MAX_BYTES = 700

#: What `compact_breakdown` calls its parts; other details of an entry have longer names.
PACKED_KEYS = frozenset({"v", "m", "a", "t", "o"})

#: As much of a description, or of a name, as is kept.
_KEPT_TEXT = 60

#: The JSON of one group takes at least this many bytes, so more groups need not be tried.
_SMALLEST_GROUP = 8

_TOKENS = "_tokens"


@dataclass(slots=True, kw_only=True)
class _Group:
    """The lines of one model at one price, or of one description, added up."""

    name: tuple[str, ...]
    price_version: str | None = None
    price_context: tuple[tuple[str, str], ...] = ()
    lines: int = 0
    calls: int = 0
    amount_nanos: int = 0
    parts: dict[str, tuple[int, int]] = field(default_factory=dict)


def compact_breakdown(
    lines: Sequence[PricedLine], *, max_bytes: int = MAX_BYTES
) -> dict[str, object]:
    """JSON data of at most `max_bytes`, the same for the same lines in whatever order.

    Keys: `v` price versions; `m` models (provider, model, number of the version, calls, amount,
    parts, each with count and amount, and the price context if any); `a` amounts (description,
    amount); `t` traces (count, billable, amount, number of the version); `o` the others (lines,
    amount). Amounts are nano-dollars, and all of them add up to what was charged.
    """
    traces = [line for line in lines if isinstance(line, PricedTraces)]
    groups = sorted(
        _groups(lines), key=lambda group: (-group.amount_nanos, group.name, group.price_context)
    )
    most = min(len(groups), max_bytes // _SMALLEST_GROUP)
    for versions in (_versions(groups, traces), None):
        for kept in range(most, -1, -1):
            packed = _packed(groups[:kept], rest=groups[kept:], traces=traces, versions=versions)
            text = json.dumps(packed, separators=(",", ":"), ensure_ascii=False)
            if len(text.encode()) <= max_bytes:
                return packed
    raise ValueError(f"no breakdown fits into {max_bytes} bytes")


def expand_breakdown(packed: Mapping[str, Any]) -> dict[str, object]:
    """A breakdown as callers read it: names instead of positions, dollars instead of nanos."""
    versions = packed.get("v", [])
    expanded: dict[str, object] = {
        "price_versions": list(versions),
        "models": [_expanded_model(model, versions) for model in packed.get("m", [])],
        "amounts": [
            {"description": description, "amount": format_usd(nanos)}
            for description, nanos in packed.get("a", [])
        ],
        "traces": None,
        "others": None,
    }
    if "t" in packed:
        count, billable, nanos, version = packed["t"]
        expanded["traces"] = {
            "count": count,
            "billable": billable,
            "amount": format_usd(nanos),
            "price_version": versions[version],
        }
    if "o" in packed:
        count, nanos = packed["o"]
        expanded["others"] = {"lines": count, "amount": format_usd(nanos)}
    return expanded


def breakdown_in(details: Mapping[str, Any]) -> dict[str, object] | None:
    """The breakdown among an entry's details, as callers read it; None if it has none."""
    packed = {key: value for key, value in details.items() if key in PACKED_KEYS}
    return expand_breakdown(packed) if packed else None


def _expanded_model(packed: Sequence[Any], versions: Sequence[str]) -> dict[str, object]:
    provider, model, version, calls, nanos, parts, *context = packed
    return {
        "provider": provider,
        "model": model,
        "price_context": dict(context[0]) if context else {},
        "price_version": versions[version],
        "calls": calls,
        "amount": format_usd(nanos),
        "parts": [
            {"unit": unit_name(short), "count": count, "amount": format_usd(part_nanos)}
            for short, (count, part_nanos) in parts.items()
        ],
    }


def _groups(lines: Iterable[PricedLine]) -> Iterable[_Group]:
    groups: dict[tuple[object, ...], _Group] = {}
    for line in lines:
        if isinstance(line, PricedModel):
            group = _Group(
                name=(line.usage.provider, line.usage.model, line.price_version),
                price_version=line.price_version,
                price_context=line.usage.price_context,
            )
            group = groups.setdefault((group.name, group.price_context), group)
            group.calls += line.usage.calls
            for part in line.parts:
                count, nanos = group.parts.get(part.unit, (0, 0))
                group.parts[part.unit] = count + part.count, nanos + part.amount_nanos
        elif isinstance(line, PricedAmount):
            group = groups.setdefault((line.description,), _Group(name=(line.description,)))
        else:
            continue
        group.lines += 1
        group.amount_nanos += line.amount_nanos
    return groups.values()


def _versions(groups: Sequence[_Group], traces: Sequence[PricedTraces]) -> list[str]:
    return sorted(
        {group.price_version for group in groups if group.price_version is not None}
        | {line.price_version for line in traces}
    )


def _packed(
    groups: Sequence[_Group],
    *,
    rest: Sequence[_Group],
    traces: Sequence[PricedTraces],
    versions: list[str] | None,
) -> dict[str, object]:
    """The groups packed, with all price versions, or with those of the groups alone."""
    versions = _versions(groups, traces) if versions is None else versions
    packed: dict[str, object] = {
        "v": versions,
        "m": [_packed_model(group, versions) for group in groups if group.price_version],
        "a": [
            [group.name[0][:_KEPT_TEXT], group.amount_nanos]
            for group in groups
            if group.price_version is None
        ],
    }
    if traces:
        packed["t"] = [
            sum(line.count for line in traces),
            sum(line.billable for line in traces),
            sum(line.amount_nanos for line in traces),
            versions.index(traces[0].price_version),
        ]
    if rest:
        packed["o"] = [
            sum(group.lines for group in rest),
            sum(group.amount_nanos for group in rest),
        ]
    return {key: value for key, value in packed.items() if value}


def _packed_model(group: _Group, versions: list[str]) -> list[object]:
    return [
        *(text[:_KEPT_TEXT] for text in group.name[:2]),
        versions.index(str(group.price_version)),
        group.calls,
        group.amount_nanos,
        {_short_name(unit): list(group.parts[unit]) for unit in sorted(group.parts)},
        *([dict(group.price_context)] if group.price_context else []),
    ]


def _short_name(unit: str) -> str:
    return unit.removesuffix(_TOKENS) if unit.endswith(_TOKENS) else f"={unit}"


def unit_name(short: str) -> str:
    """The unit that a breakdown calls by its short name."""
    return short[1:] if short.startswith("=") else f"{short}{_TOKENS}"
