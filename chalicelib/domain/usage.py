"""What a gateway reports: the usage of one organization, in lines, before it has a price."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

from chalicelib.domain.instant import format_instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUsage:
    """Calls of one model, added up: how many, and what they used together, by name of the unit.

    Some prices depend on the input of the single call. The calls of a line should therefore be on
    the same side of such a threshold; it is their average that is compared with it.
    `price_context` is what else a price depends on, such as ("processing", "batch").
    """

    provider: str
    model: str
    units: Mapping[str, int]
    calls: int = 1
    price_context: tuple[tuple[str, str], ...] = ()
    kind: Literal["model"] = "model"

    @property
    def input_tokens(self) -> int:
        """All input of all calls, cached or not."""
        return self.units.get("input_tokens", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceUsage:
    """Traces that were kept; the plan's monthly allowance makes the first ones free."""

    count: int
    kind: Literal["traces"] = "traces"


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountUsage:
    """Usage that the gateway has priced by itself, in nano-dollars."""

    amount_nanos: int
    description: str = ""
    kind: Literal["amount"] = "amount"


UsageLine = ModelUsage | TraceUsage | AmountUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """One report: applied once for its `report_id`, at the prices of `occurred_at`."""

    report_id: str
    organization_id: str
    occurred_at: datetime
    lines: tuple[UsageLine, ...]
    project_id: str | None = None
    hold_id: str | None = None
    final: bool = False
    version: int = 1


def report_digest(report: UsageReport) -> str:
    """A SHA-256 (hex) that stands for all that the report says, however its JSON was spelled.

    Two reports with one id and different digests are a conflict.
    """
    # Not `asdict`, which copies all the way down and takes twice as long.
    content = {
        **_fields_of(report),
        "occurred_at": format_instant(report.occurred_at),
        "lines": [_fields_of(line) for line in report.lines],
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _fields_of(value: UsageReport | UsageLine) -> dict[str, object]:
    return {each.name: getattr(value, each.name) for each in fields(value)}
