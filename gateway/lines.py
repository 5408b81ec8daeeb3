"""Calls added up into the lines of a report: one line for each model, as far as prices allow."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.money import format_usd
from gateway.usage import Amount, ModelCall, Traces, Usage

#: Where the prices of the service's catalogue change with the input of the single call. The
#: service goes by the average of a line, which is right when all calls of it are in one band
#: between two of these; a call of exactly so many tokens is in the lower band.
TIER_THRESHOLDS = (
    32_000,
    100_000,
    128_000,
    199_999,
    200_000,
    256_000,
    272_000,
    512_000,
    524_288,
)

_LineKey = tuple[object, ...]


@dataclass(slots=True)
class _ModelLine:
    provider: str
    model: str
    price_context: dict[str, str]
    calls: int = 0
    units: Counter[str] = field(default_factory=Counter)

    def json(self) -> dict[str, object]:
        line = {"kind": "model", "provider": self.provider, "model": self.model}
        context = {"price_context": self.price_context} if self.price_context else {}
        return {**line, "calls": self.calls, **self.units, **context}


class Tally:
    """The lines of one report. Amounts are exact: counts are added, and nothing is rounded."""

    def __init__(self, tier_thresholds: Sequence[int] = TIER_THRESHOLDS) -> None:
        self._thresholds = sorted(tier_thresholds)
        self._models: dict[_LineKey, _ModelLine] = {}
        self._amounts: dict[str, int] = {}
        self._traces = 0

    def __len__(self) -> int:
        return len(self._models) + len(self._amounts) + bool(self._traces)

    def has_line_for(self, usage: Usage) -> bool:
        """Whether the usage would be added to a line that is there already."""
        if isinstance(usage, ModelCall):
            return self._key(usage) in self._models
        if isinstance(usage, Amount):
            return usage.description in self._amounts
        return bool(self._traces)

    def add(self, usage: Usage) -> None:
        """Count it; usage of nothing is a line only where the call itself may have a price."""
        if isinstance(usage, Traces):
            self._traces += usage.count
        elif isinstance(usage, Amount):
            if usage.amount_nanos:
                before = self._amounts.get(usage.description, 0)
                self._amounts[usage.description] = before + usage.amount_nanos
        else:
            line = self._models.get(self._key(usage))
            if line is None:
                line = _ModelLine(usage.provider, usage.model, dict(usage.price_context))
                self._models[self._key(usage)] = line
            line.calls += 1
            line.units.update(usage.units)

    def lines(self) -> list[dict[str, object]]:
        """The lines as the contract has them."""
        lines = [line.json() for line in self._models.values()]
        if self._traces:
            lines.append({"kind": "traces", "count": self._traces})
        for description, nanos in self._amounts.items():
            amount = {"kind": "amount", "amount": format_usd(nanos)}
            lines.append({**amount, "description": description})
        return lines

    def _key(self, call: ModelCall) -> _LineKey:
        band = bisect_left(self._thresholds, call.input_tokens)
        return call.provider, call.model, tuple(sorted(call.price_context.items())), band
