"""How often cards can be tried: whoever has a stolen token must not test stolen cards with it.

A card is tried by a purchase, until it is paid, and by saving it. An honest customer needs a few of
either in an hour; somebody with a list of numbers needs thousands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.errors import BusyError, TooManyTriesError
from chalicelib.domain.purchase import PurchaseStatus
from chalicelib.domain.purchase_day import TRIES_WINDOW, PurchaseDay, day_of
from chalicelib.domain.write import Committed, Write
from chalicelib.ports import Ledger, Pause, PurchaseDays, Purchases

#: Rivals are purchases and cards of the same organization on the same day.
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTries:
    """Counts the tries of each organization, and refuses more of a kind than `most` in an hour."""

    ledger: Ledger
    purchases: Purchases
    purchase_days: PurchaseDays
    pause: Pause
    most_tries_per_hour: int

    def with_purchase(
        self, day: PurchaseDay, purchase_id: str, charge_nanos: int, *, now: datetime
    ) -> PurchaseDay:
        """The day with one more purchase, to be saved in the write that begins it.

        Which of those before were paid is only asked when there are many.

        Raises:
            TooManyTriesError: if too many of the last hour weren't.
        """
        tries = {**self._before(day, now=now).tries_at(now), **day.tries_at(now)}
        paid: set[str] = set()
        if len(tries) >= self.most_tries_per_hour:
            paid = {id_ for id_ in tries if self._paid(day.organization_id, id_)}
            self._refuse_beyond_limit(
                [at for id_, at in tries.items() if id_ not in paid],
                "Too many purchases of the last hour were not paid.",
                now=now,
            )
        return day.taken(purchase_id, charge_nanos, paid=paid, at=now)

    def count_setup(self, organization_id: str, *, now: datetime) -> None:
        """Count that a card is about to be saved.

        Raises:
            TooManyTriesError: if that was begun too often in the last hour.
            BusyError: if others were faster too often; nothing was counted.
        """
        for attempt in range(_ATTEMPTS):
            day = self.purchase_days.get(organization_id, day_of(now))
            setups = (*self._before(day, now=now).setups_at(now), *day.setups_at(now))
            detail = "Too many cards were about to be saved in the last hour."
            self._refuse_beyond_limit(setups, detail, now=now)
            saves = (day.with_setup(at=now),)
            write = Write(organization_id=organization_id, at=now, saves=saves)
            if isinstance(self.ledger.commit(write), Committed):
                return
            self.pause(attempt)
        raise BusyError("Too much at once; please try again.")

    def _before(self, day: PurchaseDay, *, now: datetime) -> PurchaseDay:
        """The day before, while the last hour reaches into it; else nothing."""
        earlier = day_of(now - TRIES_WINDOW)
        if earlier == day.day:
            return PurchaseDay(organization_id=day.organization_id, day=earlier)
        return self.purchase_days.get(day.organization_id, earlier)

    def _paid(self, organization_id: str, purchase_id: str) -> bool:
        purchase = self.purchases.get(organization_id, purchase_id)
        return purchase is not None and purchase.status is PurchaseStatus.SUCCEEDED

    def _refuse_beyond_limit(
        self, begun: Iterable[datetime], detail: str, *, now: datetime
    ) -> None:
        times = sorted(begun)
        if len(times) < self.most_tries_per_hour:
            return
        free_at = times[-self.most_tries_per_hour] + TRIES_WINDOW
        seconds = int((free_at - now).total_seconds()) + 1
        raise TooManyTriesError(f"{detail} Please try again later.", retry_after_seconds=seconds)
