"""What an organization has bought by hand on one day, and what it lately tried: for limits."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

#: Tries are counted within this time.
TRIES_WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseDay:
    """The charges of a day (UTC) that were made or may still be, in nano-dollars.

    `tries` are its latest purchases by id, with the times when they were begun; `setups` the times
    when the saving of a card was. `version` guards each change, so that what happens at the same
    moment counts each other.
    """

    organization_id: str
    day: str
    charged_nanos: int = 0
    tries: Mapping[str, datetime] = field(default_factory=dict)
    setups: tuple[datetime, ...] = ()
    version: int = 0

    def tries_at(self, now: datetime) -> Mapping[str, datetime]:
        """The purchases of the hour before `now`, paid or not."""
        return {id_: at for id_, at in self.tries.items() if at > now - TRIES_WINDOW}

    def setups_at(self, now: datetime) -> tuple[datetime, ...]:
        """When the saving of a card was begun, in the hour before `now`."""
        return tuple(at for at in self.setups if at > now - TRIES_WINDOW)

    def taken(
        self, purchase_id: str, charge_nanos: int, *, paid: Collection[str], at: datetime
    ) -> PurchaseDay:
        """The day with one more purchase; the `paid` ones are no tries any more."""
        kept = {id_: begun for id_, begun in self.tries_at(at).items() if id_ not in paid}
        return replace(self._changed(charge_nanos), tries={**kept, purchase_id: at})

    def with_setup(self, *, at: datetime) -> PurchaseDay:
        """The day with one more card that somebody began to save."""
        return replace(self._changed(0), setups=(*self.setups_at(at), at))

    def given_back(self, charge_nanos: int) -> PurchaseDay:
        """The day without a charge that came to nothing."""
        return self._changed(-charge_nanos)

    def _changed(self, nanos: int) -> PurchaseDay:
        return replace(self, charged_nanos=self.charged_nanos + nanos, version=self.version + 1)


def day_of(at: datetime) -> str:
    """The day that a purchase counts to, in UTC, such as "2026-11-23"."""
    return at.astimezone(UTC).strftime("%Y-%m-%d")
