"""Adjustments: credits that an operator gives or takes by hand, with a reason and a name to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.errors import BusyError
from chalicelib.domain.ledger import Entry, EntryKind, adjustment_key
from chalicelib.domain.money import format_usd
from chalicelib.domain.write import Committed, Cover, Repeated, Write
from chalicelib.ports import Ids, Ledger
from chalicelib.usecases.idempotency import digest_of, refuse_other_content

#: Only a balance that crosses zero between any two tries makes another necessary.
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """`amount_nanos` is added, or taken if it is negative."""

    organization_id: str
    amount_nanos: int
    reason: str
    author: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusting:
    """Makes adjustments."""

    ledger: Ledger
    ids: Ids

    def adjust(self, adjustment: Adjustment, *, key: str, now: datetime) -> tuple[Entry, bool]:
        """Make it, below zero if need be; gives the entry, and whether it is an old one.

        Raises:
            IdempotencyConflictError: if the key was used for another request.
            BusyError: if the account stays contended; nothing was changed by this request.
        """
        entry = self._entry(adjustment, key=key, now=now)
        taking = adjustment.amount_nanos < 0
        for attempt in range(_ATTEMPTS):
            overdraws = taking and attempt % 2 == 1
            cover = Cover.OVERDRAWS if overdraws else Cover.FUNDED if taking else Cover.NONE
            write = Write(
                organization_id=adjustment.organization_id,
                at=now,
                entries=(replace(entry, overdrawn=overdraws),),
                cover=cover,
                # What is taken may make a top-up due, and no usage may come to say so.
                mark_low=taking,
            )
            outcome = self.ledger.commit(write)
            if isinstance(outcome, Committed):
                return write.entries[0], False
            if isinstance(outcome, Repeated):
                first = outcome.entries[entry.key]
                refuse_other_content(first.digest, entry.digest)
                return first, True
        raise BusyError("The account is very busy; please try again.")

    def _entry(self, adjustment: Adjustment, *, key: str, now: datetime) -> Entry:
        content = {"amount": format_usd(adjustment.amount_nanos), "reason": adjustment.reason}
        return Entry(
            id=self.ids.new("ent", now),
            organization_id=adjustment.organization_id,
            key=adjustment_key(key),
            kind=EntryKind.ADJUSTMENT,
            amount_nanos=adjustment.amount_nanos,
            recorded_at=now,
            digest=digest_of(content),
            details={"reason": adjustment.reason, "author": adjustment.author},
        )
