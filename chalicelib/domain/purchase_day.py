"""What an organization has bought by hand on one day, counted against the day's limit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseDay:
    """The charges of a day (UTC) that were made or may still be, in nano-dollars.

    `version` guards each change, so that purchases at the same moment count each other.
    """

    organization_id: str
    day: str
    charged_nanos: int = 0
    version: int = 0

    def taken(self, charge_nanos: int) -> PurchaseDay:
        """The day with one more charge."""
        return self._changed(charge_nanos)

    def given_back(self, charge_nanos: int) -> PurchaseDay:
        """The day without a charge that came to nothing."""
        return self._changed(-charge_nanos)

    def _changed(self, nanos: int) -> PurchaseDay:
        return replace(self, charged_nanos=self.charged_nanos + nanos, version=self.version + 1)


def day_of(at: datetime) -> str:
    """The day that a purchase counts to, in UTC, such as "2026-11-23"."""
    return at.astimezone(UTC).strftime("%Y-%m-%d")
