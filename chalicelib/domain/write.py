"""A write: everything that belongs to one fact, committed together or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.account import Account, Standing
from chalicelib.domain.archive import Archive
from chalicelib.domain.crossing import News
from chalicelib.domain.customer import Customer
from chalicelib.domain.holds import Hold
from chalicelib.domain.ledger import Entry
from chalicelib.domain.notices import Notice
from chalicelib.domain.numbering import InvoiceSequence, IssuedInvoice
from chalicelib.domain.purchase import Purchase
from chalicelib.domain.purchase_day import PurchaseDay
from chalicelib.domain.request import IdempotentRequest
from chalicelib.domain.topup import TopUp
from chalicelib.domain.traces import TraceCount

#: What is saved whole. A value of version n replaces version n - 1; version 1 must be the first.
#: (An InvoiceSequence has its `last` for a version.)
Saved = (
    Archive
    | Customer
    | Hold
    | IdempotentRequest
    | InvoiceSequence
    | IssuedInvoice
    | Notice
    | Purchase
    | PurchaseDay
    | TopUp
    | TraceCount
)


class Cover(StrEnum):
    """What the account must have for the write to be committed."""

    #: It serves, and has enough that nobody needs to act afterwards: the fast path.
    AMPLE = "ample"
    #: It serves, and has enough not to go below zero.
    COVERED = "covered"
    #: It has enough not to go below zero, serving or not: for what has happened already.
    FUNDED = "funded"
    #: It has too little and goes below zero: for what has happened already, and says so.
    OVERDRAWS = "overdraws"
    #: Anything: the write adds, or moves nothing.
    NONE = "none"

    def holds(self, account: Account, spent_nanos: int) -> bool:
        """Whether the account has that for a write which takes so much from `available`."""
        funded = account.available_nanos >= spent_nanos
        match self:
            case Cover.AMPLE:
                return not account.suspended and account.headroom_nanos >= spent_nanos
            case Cover.COVERED:
                return not account.suspended and funded
            case Cover.FUNDED:
                return funded
            case Cover.OVERDRAWS:
                return not funded
            case Cover.NONE:
                return True


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorChange:
    """Another floor for the account, if the present one is as expected.

    None that `tops_up` for an account that is closed.
    """

    from_nanos: int
    to_nanos: int
    tops_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingChange:
    """Another standing for the account, if the present one is as expected."""

    before: Standing
    after: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """The entries are put only if absent, and the account changes by their sums, both at once.

    `news` is what the change of `available` must make true, no more and no less; None if that
    doesn't matter.
    `mark_low` makes the sweep look after the account from `at` on; `clear_low_since` takes that
    mark away, if it is still the one that was seen.
    """

    organization_id: str
    at: datetime
    entries: tuple[Entry, ...] = ()
    cover: Cover = Cover.NONE
    news: News | None = None
    floor: FloorChange | None = None
    standing: StandingChange | None = None
    mark_low: bool = False
    clear_low_since: datetime | None = None
    saves: tuple[Saved, ...] = ()

    @property
    def available_nanos(self) -> int:
        """The change of the account's `available`."""
        return sum(entry.available_nanos for entry in self.entries)

    @property
    def held_nanos(self) -> int:
        """The change of the account's `held`."""
        return sum(entry.held_nanos for entry in self.entries)

    @property
    def listed(self) -> tuple[Entry, ...]:
        """The entries that are part of the account's history."""
        return tuple(entry for entry in self.entries if entry.listed)

    @property
    def touches_account(self) -> bool:
        """Whether the account is part of the write: it counts the writes of its history, too.

        What isn't listed changes no balance.
        """
        return bool(
            self.listed
            or self.floor is not None
            or self.standing is not None
            or self.mark_low
            or self.clear_low_since is not None
            or self.cover is not Cover.NONE
        )


@dataclass(frozen=True, slots=True)
class Committed:
    """All of it holds, for ever."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """Nothing changed: these entries, by key, were there before."""

    entries: Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class NotCovered:
    """Nothing changed: the account, as it was then, isn't as `cover` or `news` ask for."""

    account: Account


@dataclass(frozen=True, slots=True)
class Stale:
    """Nothing changed: something saved isn't of the version that was read. Read and decide anew."""


Outcome = Committed | Repeated | NotCovered | Stale
