"""What was measured, read from what was printed, and judged by the catalogue."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.adapters.metrics import CATALOGUE

NAMESPACE = "GatewayCredits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A metric with the value of its dimension, and all values that it was given."""

    name: str
    dimension: str
    values: tuple[float, ...]


def log_lines(text: str) -> Iterator[dict[str, Any]]:
    """The lines that are JSON."""
    for line in text.splitlines():
        if line.startswith("{"):
            found: dict[str, Any] = json.loads(line)
            yield found


def measured_in(text: str) -> list[Measured]:
    """Everything that was measured; what isn't as the catalogue has it is a failure."""
    return list(_measured(line for line in log_lines(text) if "_aws" in line))


def totals(text: str) -> dict[str, float]:
    """The sums by name, or by "name/dimension"."""
    sums: dict[str, float] = defaultdict(float)
    for each in measured_in(text):
        sums["/".join(filter(None, (each.name, each.dimension)))] += sum(each.values)
    return dict(sums)


def _measured(lines: Iterable[dict[str, Any]]) -> Iterator[Measured]:
    for line in lines:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == NAMESPACE
        for metric in directive["Metrics"]:
            kind = CATALOGUE[metric["Name"]]
            assert metric["Unit"] == kind.unit.value, metric
            own = ["service", *filter(None, [kind.dimension])]
            sets = [own, ["service"]] if kind.summed else [own]
            assert [sorted(each) for each in directive["Dimensions"]] == [
                sorted(each) for each in sets
            ], metric
            assert line["service"] == "gateway-credits"
            value = line[kind.dimension] if kind.dimension else ""
            assert not kind.dimension or value in kind.values, (metric, value)
            yield Measured(name=metric["Name"], dimension=value, values=tuple(line[metric["Name"]]))
