"""The account: what an organization has, and whether its requests may be served."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class AccountStatus(StrEnum):
    """What the account's state means for a request."""

    ACTIVE = "active"
    EXHAUSTED = "exhausted"
    SUSPENDED = "suspended"


class Standing(StrEnum):
    """What the operator lets an account do; closed is for good."""

    OPEN = "open"
    SUSPENDED = "suspended"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The credits of one organization, shared by all its projects, in nano-dollars.

    `floor_nanos` is the balance below which somebody must act: the top-up threshold while auto
    top-up is on, else zero. One that is `closed` is suspended for good. `low_since` marks an
    account that was taken below the threshold, until somebody has looked after it. An organization
    that was never heard of has an empty account.
    """

    organization_id: str
    available_nanos: int = 0
    held_nanos: int = 0
    floor_nanos: int = 0
    tops_up: bool = False
    suspended: bool = False
    closed: bool = False
    low_since: datetime | None = None

    @property
    def headroom_nanos(self) -> int:
        """How much can be spent before somebody must act; negative when it is too late."""
        return self.available_nanos - self.floor_nanos

    def plus(self, available_nanos: int) -> Account:
        """The account with so much more available, or less."""
        return replace(self, available_nanos=self.available_nanos + available_nanos)

    @property
    def status(self) -> AccountStatus:
        """Suspended outranks exhausted, which begins at exactly zero."""
        if self.suspended:
            return AccountStatus.SUSPENDED
        if self.available_nanos <= 0:
            return AccountStatus.EXHAUSTED
        return AccountStatus.ACTIVE

    @property
    def standing(self) -> Standing:
        """What the operator lets it do."""
        if self.closed:
            return Standing.CLOSED
        return Standing.SUSPENDED if self.suspended else Standing.OPEN

    @property
    def needs_top_up(self) -> bool:
        """Below the threshold of an auto top-up that is on."""
        return self.tops_up and self.headroom_nanos < 0
