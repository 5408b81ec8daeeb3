"""Spending by permission: never below zero, and a refusal is kept as an answer for ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.account import Account
from chalicelib.domain.errors import BusyError, ForbiddenError, InsufficientCreditsError
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.money import format_usd
from chalicelib.domain.write import Committed, Cover, NotCovered, Repeated, Saved, Stale, Write
from chalicelib.ports import Ledger, Pause, Queue
from chalicelib.usecases.idempotency import refuse_other_content

#: Each failed try brings the account as it then was, and the next is made for that account. Only
#: a balance that crosses zero or the threshold in between, every time, makes another necessary,
#: or rivals that count the same month's traces.
_ATTEMPTS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An entry that takes from `available`, and what is saved with it, if it may be."""

    entry: Entry
    saves: tuple[Saved, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Permitting:
    """Makes the entries that the accounts can cover, and refuses the others."""

    ledger: Ledger
    queue: Queue
    pause: Pause

    def ask(
        self, make: Callable[[], Wish], *, account: Account | None, now: datetime
    ) -> tuple[Entry, bool]:
        """Make the wish true, or refuse; gives the entry, and whether it is an old one.

        `make` is asked again when what it saves has changed in between. Without the account as it
        was read, the entry doesn't say what is available afterwards.

        Raises:
            InsufficientCreditsError: if the credits don't suffice; the key then refuses for ever.
            ForbiddenError: if the account is suspended; the key then refuses for ever.
            IdempotencyConflictError: if the key was used for another request.
            BusyError: if the account stays contended; nothing was taken by this request.
        """
        wish = make()
        for attempt in range(_ATTEMPTS):
            write = _write_of(wish, account, now=now)
            outcome = self.ledger.commit(write)
            entry = write.entries[0]
            if isinstance(outcome, Committed):
                if write.mark_low:
                    self.queue.top_up_hint(write.organization_id)
                return _answer(entry, replayed=False), False
            if isinstance(outcome, Repeated):
                first = outcome.entries[entry.key]
                refuse_other_content(first.digest, entry.digest)
                return _answer(first, replayed=True), True
            if isinstance(outcome, NotCovered):
                account = outcome.account
            elif isinstance(outcome, Stale):
                self.pause(attempt)
                wish = make()
        raise BusyError("The account is very busy; please try again.")

    def first(self, organization_id: str, entry_key: str, digest: str) -> Entry | None:
        """The entry that answered the key before, for requests that can't be made again.

        Raises:
            CreditsError: if the answer was a refusal, or the key was used for another request.
        """
        entry = self.ledger.entry(organization_id, entry_key)
        if entry is None:
            return None
        refuse_other_content(entry.digest, digest)
        return _answer(entry, replayed=True)


def _write_of(wish: Wish, account: Account | None, *, now: datetime) -> Write:
    """The write that grants the wish, or keeps the refusal, of the account as it was seen."""
    entry, saves = wish.entry, wish.saves
    spent_nanos = -entry.available_nanos
    cover = Cover.AMPLE if spent_nanos else Cover.NONE
    low = False
    if account is not None:
        entry = replace(entry, available_after_nanos=account.available_nanos - spent_nanos)
        ample = account.headroom_nanos >= spent_nanos
        low = account.tops_up and not ample
        if account.suspended or account.available_nanos < spent_nanos:
            entry, saves, cover, low = _refusal(entry, account), (), Cover.NONE, False
        elif spent_nanos and not ample:
            cover = Cover.COVERED
    return Write(
        organization_id=entry.organization_id,
        at=now,
        entries=(entry,),
        cover=cover,
        mark_low=low,
        saves=saves,
    )


def _refusal(entry: Entry, account: Account) -> Entry:
    return replace(
        entry,
        kind=EntryKind.REFUSAL,
        amount_nanos=0,
        held_nanos=0,
        available_after_nanos=account.available_nanos,
        details={"suspended": account.suspended},
    )


def _answer(entry: Entry, *, replayed: bool) -> Entry:
    """The entry, or the refusal that it keeps."""
    if entry.kind is not EntryKind.REFUSAL:
        return entry
    if entry.details.get("suspended"):
        raise ForbiddenError("The account is suspended.", replayed=replayed)
    available = format_usd(entry.available_after_nanos or 0)
    raise InsufficientCreditsError(
        f"Only {available} USD are available. Requests are blocked until credits are added.",
        replayed=replayed,
    )
