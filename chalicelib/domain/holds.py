"""Holds: credits set aside for usage to come, so that nothing else can spend them.

A hold serves as a lease: a gateway spends it by itself, over hundreds of calls, and settles with
one report. What is held counts to the account's `held`, which is always the sum of what its open
holds have left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

#: Bounds of a hold's life, in seconds, and what it is unless the gateway says otherwise.
SHORTEST_SECONDS = 10
LONGEST_SECONDS = 86_400
DEFAULT_SECONDS = 600


class HoldStatus(StrEnum):
    """Whether a hold still holds, or how it ended."""

    OPEN = "open"
    SETTLED = "settled"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Credits set aside, in nano-dollars; one that has ended has nothing remaining.

    From `expires_at` on, the sweep may end it; until it does, the hold still serves.
    The methods give the hold changed but of the same version: a write saves it once, by `saved`,
    however often it was changed before.
    """

    id: str
    organization_id: str
    amount_nanos: int
    remaining_nanos: int
    created_at: datetime
    expires_at: datetime
    status: HoldStatus = HoldStatus.OPEN
    ended_at: datetime | None = None
    version: int = 1

    @classmethod
    def new(
        cls,
        *,
        id: str,  # noqa: A002 - the field's name
        organization_id: str,
        amount_nanos: int,
        at: datetime,
        seconds: int,
    ) -> Hold:
        """A hold that is about to be placed, to expire after so many seconds."""
        return cls(
            id=id,
            organization_id=organization_id,
            amount_nanos=amount_nanos,
            remaining_nanos=amount_nanos,
            created_at=at,
            expires_at=at + timedelta(seconds=seconds),
        )

    @property
    def is_open(self) -> bool:
        """Whether it still holds."""
        return self.status is HoldStatus.OPEN

    @property
    def check_at(self) -> datetime | None:
        """When the sweep should end it; None once it has ended."""
        return self.expires_at if self.is_open else None

    def settled(self, spent_nanos: int, *, final: bool, at: datetime) -> Hold:
        """After usage was taken from it, as far as it reached; ended when that was the last.

        Nothing can be taken from one that has ended.
        """
        left_nanos = max(0, self.remaining_nanos - spent_nanos)
        hold = replace(self, remaining_nanos=left_nanos)
        return hold.ended(HoldStatus.SETTLED, at=at) if final else hold

    def ended(self, status: HoldStatus, *, at: datetime) -> Hold:
        """With its rest given back; how one ended first doesn't change any more."""
        if not self.is_open:
            return self
        return replace(self, status=status, remaining_nanos=0, ended_at=at)

    def saved(self) -> Hold:
        """The hold as the next version of what was read."""
        return replace(self, version=self.version + 1)
