"""The monthly allowance of traces: free within it, priced per thousand beyond it.

What a month costs is one function of how many traces it had, and a count is charged what it adds
to that. So it makes no difference how the traces were cut into lines, reports and batches: the
charges of a month add up to the same amount, to the nano-dollar.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from chalicelib.domain.price_rules import TraceTerms

_THOUSAND = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceCharge:
    """What some traces cost, and how many of them were beyond the allowance."""

    billable: int
    amount_nanos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceCount:
    """How many traces an organization has used of a month's allowance; version 0 was never saved.

    What traces cost depends on it, so it is saved, by its version, in the write that charges them.
    """

    organization_id: str
    month: str
    used: int = 0
    version: int = 0

    def plus(self, count: int) -> TraceCount:
        """The count after so many more."""
        return replace(self, used=self.used + count, version=self.version + 1)


def month_of(at: datetime) -> str:
    """The month that a time counts to, in UTC, such as "2026-11".

    Raises:
        ValueError: if the time is naive, since it could be in two months.
    """
    if at.tzinfo is None:
        raise ValueError("a naive time has no month")
    return at.astimezone(UTC).strftime("%Y-%m")


def charge_traces(*, used_before: int, count: int, terms: TraceTerms) -> TraceCharge:
    """Charge `count` traces of a month that had `used_before` already."""
    before = max(0, used_before - terms.monthly_traces)
    after = max(0, used_before + count - terms.monthly_traces)
    amount_nanos = _price(after, terms) - _price(before, terms)
    return TraceCharge(billable=after - before, amount_nanos=amount_nanos)


def _price(billable: int, terms: TraceTerms) -> int:
    """What the month's traces beyond the allowance cost together, rounded up."""
    return -(-billable * terms.thousand_nanos // _THOUSAND)
