"""What is to be taken for usage, and how that depends on the month's traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from chalicelib.domain.breakdown import compact_breakdown
from chalicelib.domain.pricing import PricedUsage, price_traces_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What is to be taken for usage; `details` says what for.

    `usage` is the priced lines that it is made of, None for a bare amount, and `month` the one
    that its traces count to. The amount is right for a month whose first traces these are.
    """

    organization_id: str
    amount_nanos: int
    digest: str
    project_id: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    usage: PricedUsage | None = None
    month: str = ""

    @property
    def traces(self) -> int:
        """How many traces it takes of the month's allowance."""
        return self.usage.traces if self.usage else 0

    def after_traces(self, traces_before: int) -> Charge:
        """The charge in a month that had so many traces before it."""
        if not self.usage or not self.usage.traces:
            return self
        usage = price_traces_after(self.usage, traces_before=traces_before)
        return replace(
            self,
            amount_nanos=usage.amount_nanos,
            details=compact_breakdown(usage.lines),
            usage=usage,
        )
