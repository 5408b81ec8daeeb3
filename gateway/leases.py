"""Leases: holds that this process spends by itself, never more of them than was held.

A call reserves what it may cost before it is made. All that is reserved and spent of a lease is
within its amount; only a call that turns out dearer than was reserved can exceed that, and then
nothing more is reserved from the lease.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from gateway.clock import Clock, Mark
from gateway.errors import CallRefusedError, CreditsUnavailableError

#: After a renewal was refused, the calls of so long don't try again while there is still room.
_RENEWAL_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasePolicy:
    """How much is leased, for how long, and when the next lease is asked for.

    A lease ends `margin_seconds` before its hold expires, so that its report arrives in time; a
    call that takes longer than the margin may be charged to the account instead of the hold.
    `wait_seconds` is how long a call waits for a lease that another one has asked for.
    """

    amount_nanos: int = 1_000_000_000
    seconds: int = 600
    margin_seconds: int = 60
    renew_at_percent: int = 25
    wait_seconds: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.margin_seconds < self.seconds:
            raise ValueError("margin_seconds: more than 0 and less than the lease's seconds")
        if self.amount_nanos <= 0:
            raise ValueError("amount_nanos: more than zero")


@dataclass(slots=True, kw_only=True, eq=False)
class Lease:
    """One open hold, what calls have reserved of it, and what they have spent."""

    hold_id: str
    amount_nanos: int
    placed: Mark
    reserved_nanos: int = 0
    spent_nanos: int = 0
    calls: int = 0
    retired: bool = False

    @property
    def left_nanos(self) -> int:
        """What may still be reserved; below zero if calls were dearer than expected."""
        return self.amount_nanos - self.reserved_nanos - self.spent_nanos


class Lessor(Protocol):
    """Where leases come from and go to."""

    def grant(self, organization_id: str, *, need_nanos: int) -> Lease:
        """A lease of at least so much, or a CallRefusedError."""

    def end(self, organization_id: str, lease: Lease) -> None:
        """Report what was spent, and give the rest back."""

    def give_back_unanswered(self, *, older_than_seconds: float) -> bool:
        """Give back what may have been granted although no answer came; whether all is done."""


class Purse:
    """The leases of one organization. Safe to use from several threads."""

    def __init__(
        self,
        organization_id: str,
        *,
        lessor: Lessor,
        policy: LeasePolicy,
        clock: Clock,
        in_background: Callable[[Callable[[], None]], object],
    ) -> None:
        self._organization_id = organization_id
        self._lessor = lessor
        self._policy = policy
        self._clock = clock
        self._in_background = in_background
        self._leases: list[Lease] = []
        self._granting = False
        self._closed = False
        self._renew_not_before = 0.0
        self._changed = threading.Condition()

    def reserve(self, amount_nanos: int) -> Lease | None:
        """The lease that will pay for a call of at most so much; None if the purse is closed.

        Raises:
            CallRefusedError: if no lease has room and none is granted.
        """
        deadline = self._clock.steady() + self._policy.wait_seconds
        with self._changed:
            while True:
                if self._closed:
                    return None
                lease = self._take(amount_nanos)
                if lease is not None:
                    return lease
                if not self._granting:
                    self._granting = True
                    break
                left = deadline - self._clock.steady()
                if left <= 0 or not self._changed.wait(left):
                    raise CreditsUnavailableError("no lease was granted in time")
        return self._grant(amount_nanos, reserve_nanos=amount_nanos)

    def conclude(self, lease: Lease, *, reserved_nanos: int, spent_nanos: int) -> None:
        """A call is over: what it didn't spend of what was reserved is there for others again."""
        with self._changed:
            lease.reserved_nanos -= reserved_nanos
            lease.spent_nanos += spent_nanos
            lease.calls -= 1
            lease.retired = lease.retired or lease.spent_nanos >= lease.amount_nanos
            ended = self._remove_ended()
        self._end(ended)

    def tend(self) -> None:
        """End the leases whose time is over."""
        with self._changed:
            for lease in self._leases:
                lease.retired = lease.retired or not self._serves(lease)
            ended = self._remove_ended()
        self._end(ended)

    def close(self, *, only_if_idle: bool = False) -> bool:
        """Reserve nothing more and end every lease that no call is using; whether it is closed."""
        with self._changed:
            if only_if_idle and (self._leases or self._granting):
                return False
            self._closed = True
            for lease in self._leases:
                lease.retired = True
            ended = self._remove_ended()
            self._changed.notify_all()
        self._end(ended)
        return True

    def wait_for_calls(self, *, timeout_seconds: float) -> None:
        """After `close`: wait for the calls that are being made, and end all leases anyway."""
        with self._changed:
            self._changed.wait_for(lambda: not self._leases and not self._granting, timeout_seconds)
            ended, self._leases = self._leases, []
        self._end(ended)

    def _take(self, amount_nanos: int) -> Lease | None:
        """Reserve from the oldest lease with room, and see to the next one."""
        serving = [lease for lease in self._leases if self._serves(lease)]
        for lease in serving:
            if lease.left_nanos >= amount_nanos:
                lease.reserved_nanos += amount_nanos
                lease.calls += 1
                if not self._granting and self._runs_low(serving):
                    self._granting = True
                    self._in_background(partial(self._renew, amount_nanos))
                return lease
        return None

    def _runs_low(self, serving: list[Lease]) -> bool:
        policy = self._policy
        if self._clock.steady() < self._renew_not_before:
            return False
        left_nanos = sum(max(0, lease.left_nanos) for lease in serving)
        if left_nanos * 100 < policy.amount_nanos * policy.renew_at_percent:
            return True
        serves_seconds = policy.seconds - policy.margin_seconds
        left_seconds = serves_seconds - self._clock.seconds_since(serving[-1].placed)
        return left_seconds * 100 < serves_seconds * policy.renew_at_percent

    def _renew(self, need_nanos: int) -> None:
        try:
            self._grant(need_nanos)
        except CallRefusedError:
            # There is room yet; the call that finds none will ask again, and tell its caller.
            with self._changed:
                self._renew_not_before = self._clock.steady() + _RENEWAL_PAUSE_SECONDS

    def _grant(self, need_nanos: int, *, reserve_nanos: int | None = None) -> Lease:
        try:
            lease = self._lessor.grant(self._organization_id, need_nanos=need_nanos)
        except BaseException:
            with self._changed:
                self._granting = False
                self._changed.notify_all()
            raise
        with self._changed:
            self._granting = False
            if reserve_nanos is not None:
                # Before anybody else sees it: whoever waited for it gets its share.
                lease.reserved_nanos, lease.calls = reserve_nanos, 1
            for other in self._leases:
                never_again = other.amount_nanos - other.spent_nanos < need_nanos
                other.retired = other.retired or never_again
            lease.retired = self._closed
            self._leases.append(lease)
            ended = self._remove_ended()
            self._changed.notify_all()
        self._end(ended)
        return lease

    def _serves(self, lease: Lease) -> bool:
        age_seconds = self._clock.seconds_since(lease.placed)
        return (
            not lease.retired and age_seconds < self._policy.seconds - self._policy.margin_seconds
        )

    def _remove_ended(self) -> list[Lease]:
        """Take out the leases that no call uses any more, or that must not wait for their calls."""
        last_seconds = self._policy.seconds - self._policy.margin_seconds / 2
        ended = [
            lease
            for lease in self._leases
            if lease.retired
            and (not lease.calls or self._clock.seconds_since(lease.placed) >= last_seconds)
        ]
        if ended:
            self._leases = [lease for lease in self._leases if lease not in ended]
            self._changed.notify_all()
        return ended

    def _end(self, leases: list[Lease]) -> None:
        for lease in leases:
            self._in_background(partial(self._lessor.end, self._organization_id, lease))
