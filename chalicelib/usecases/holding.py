"""Holds: placed by permission, settled by what was used, and their rest given back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.charge import Charge
from chalicelib.domain.errors import BusyError, NotFoundError
from chalicelib.domain.hold_entries import (
    HoldChange,
    placed_hold,
    said_of_changed,
    said_of_placed,
)
from chalicelib.domain.holds import Hold, HoldStatus
from chalicelib.domain.ledger import (
    Entry,
    EntryKind,
    expiry_key,
    hold_key,
    release_key,
    settlement_key,
)
from chalicelib.domain.write import Committed, Repeated, Write
from chalicelib.ports import Holds, Ids, Ledger, Pause, Queue
from chalicelib.usecases.idempotency import digest_of, refuse_other_content
from chalicelib.usecases.permitting import Permitting, Wish
from chalicelib.usecases.taking import Taking, Use

#: Rivals of a release are settlements of the same hold.
_ATTEMPTS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    """What a gateway asks to be set aside; the digest stands for the request."""

    organization_id: str
    amount_nanos: int
    seconds: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Places holds and ends them."""

    ledger: Ledger
    holds: Holds
    permitting: Permitting
    taking: Taking
    queue: Queue
    ids: Ids
    pause: Pause

    def place(self, request: HoldRequest, *, key: str, now: datetime) -> tuple[Hold, bool]:
        """Set credits aside, never below zero; gives the hold, and whether it is an old answer.

        Raises:
            InsufficientCreditsError: if they don't suffice; the key then refuses for ever.
            ForbiddenError: if the account is suspended; the key then refuses for ever.
            IdempotencyConflictError: if the key was used for another request.
            BusyError: if the account stays contended; nothing was set aside by this request.
        """
        hold = Hold.new(
            id=self.ids.new("hold", now),
            organization_id=request.organization_id,
            amount_nanos=request.amount_nanos,
            at=now,
            seconds=request.seconds,
        )
        entry = Entry(
            id=self.ids.new("ent", now),
            organization_id=request.organization_id,
            key=hold_key(key),
            kind=EntryKind.HOLD,
            amount_nanos=0,
            held_nanos=request.amount_nanos,
            recorded_at=now,
            digest=request.digest,
            details=said_of_placed(hold),
        )
        made, replayed = self.permitting.ask(
            lambda: Wish(entry=entry, saves=(hold,)), account=None, now=now
        )
        return placed_hold(made), replayed

    def settle(
        self, hold_id: str, charge: Charge, *, final: bool, key: str, now: datetime
    ) -> tuple[HoldChange, bool]:
        """Take what was used from the hold, and what is above it from `available`.

        Nothing is refused for want of credits, nor because the hold has ended: it is then taken
        from `available`. Gives what was done, and whether it is an old answer.

        Raises:
            NotFoundError: if the organization never had such a hold.
            IdempotencyConflictError: if the key was used for another request.
            BusyError: if the account stays contended; settle again with the same key.
        """
        use = Use(
            key=settlement_key(key),
            kind=EntryKind.SETTLEMENT,
            charge=charge,
            hold_id=hold_id,
            final=final,
            must_exist=True,
        )
        takings = self.taking.take(charge.organization_id, [use], now=now)
        taken = takings.taken[0]
        refuse_other_content(taken.entry.digest, charge.digest)
        if takings.account is not None and takings.account.needs_top_up:
            self.queue.top_up_hint(charge.organization_id)
        return HoldChange.of(taken.entry), taken.replayed

    def settled(self, organization_id: str, *, key: str, digest: str) -> HoldChange | None:
        """What the key was answered before, should its usage have no price any more.

        Raises:
            IdempotencyConflictError: if the key was used for another request.
        """
        entry = self.permitting.first(organization_id, settlement_key(key), digest)
        return None if entry is None else HoldChange.of(entry)

    def release(
        self, organization_id: str, hold_id: str, *, key: str, now: datetime
    ) -> tuple[HoldChange, bool]:
        """Give the hold's whole rest back, which is nothing if it has ended before.

        Raises:
            NotFoundError: if the organization never had such a hold.
            IdempotencyConflictError: if the key was used for another request.
            BusyError: if the hold stays contended; release again with the same key.
        """
        digest = digest_of({"hold_id": hold_id})
        for attempt in range(_ATTEMPTS):
            hold = self._hold(organization_id, hold_id)
            ended = hold.ended(HoldStatus.RELEASED, at=now)
            entry = self._giving_back(
                hold, ended, key=release_key(key), kind=EntryKind.RELEASE, digest=digest, now=now
            )
            write = _write_of(hold, ended, entry, now=now)
            outcome = self.ledger.commit(write)
            if isinstance(outcome, Committed):
                return HoldChange.of(entry), False
            if isinstance(outcome, Repeated):
                first = outcome.entries[entry.key]
                refuse_other_content(first.digest, digest)
                return HoldChange.of(first), True
            self.pause(attempt)
        raise BusyError("The hold is very busy; please try again.")

    def expire(self, organization_id: str, hold_id: str, *, now: datetime) -> bool:
        """End the hold if its time is over, and say whether this did; late usage is still charged.

        Raises:
            BusyError: if the hold stays contended.
        """
        for attempt in range(_ATTEMPTS):
            hold = self._hold(organization_id, hold_id)
            if hold.check_at is None or hold.check_at > now:
                return False
            ended = hold.ended(HoldStatus.EXPIRED, at=now)
            # One that was used up changes nothing in the account by its end, so nothing is told.
            entry = hold.remaining_nanos and self._giving_back(
                hold, ended, key=expiry_key(hold_id), kind=EntryKind.EXPIRY, digest=hold_id, now=now
            )
            if isinstance(
                self.ledger.commit(_write_of(hold, ended, entry or None, now=now)), Committed
            ):
                return True
            self.pause(attempt)
        raise BusyError("The hold is very busy.")

    def _hold(self, organization_id: str, hold_id: str) -> Hold:
        hold = self.holds.get(organization_id, hold_id)
        if hold is None:
            raise NotFoundError("There is no such hold.")
        return hold

    def _giving_back(
        self, hold: Hold, ended: Hold, *, key: str, kind: EntryKind, digest: str, now: datetime
    ) -> Entry:
        return Entry(
            id=self.ids.new("ent", now),
            organization_id=hold.organization_id,
            key=key,
            kind=kind,
            amount_nanos=0,
            held_nanos=ended.remaining_nanos - hold.remaining_nanos,
            recorded_at=now,
            digest=digest,
            details=said_of_changed(ended),
        )


def _write_of(hold: Hold, ended: Hold, entry: Entry | None, *, now: datetime) -> Write:
    return Write(
        organization_id=hold.organization_id,
        at=now,
        entries=() if entry is None else (entry,),
        saves=() if ended == hold else (ended.saved(),),
    )
