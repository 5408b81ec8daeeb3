"""One call that credits are reserved for, from before it is made until what it used is known."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

from gateway.leases import Lease, Purse
from gateway.report import Subject
from gateway.reporting import Reporting
from gateway.usage import Amount, Usage

#: What usage will cost, in nano-dollars, as well as the gateway can tell.
Estimate = Callable[[Usage], int]


class Call:
    """Use it as a context manager: what wasn't spent of the reservation is free afterwards.

    A call that fails without having used anything records nothing.
    """

    def __init__(
        self,
        *,
        subject: Subject,
        reserved_nanos: int,
        lease: Lease,
        purse: Purse,
        reporting: Reporting,
        estimate: Estimate | None,
    ) -> None:
        self._subject = subject
        self._reserved_nanos = reserved_nanos
        self._spent_nanos = 0
        self._lease = lease
        self._purse = purse
        self._reporting = reporting
        self._estimate = estimate
        self._lock = threading.Lock()
        self._ended = False

    def __enter__(self) -> Call:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    @property
    def hold_id(self) -> str:
        """The hold that pays for it."""
        return self._lease.hold_id

    def record(self, usage: Usage, *, cost_nanos: int | None = None) -> None:
        """Record something that the call used; it may be called more than once.

        `cost_nanos` counts against the lease and nothing else: what is charged is the service's
        price. Without it the client's estimate counts, or else all that was reserved.

        Raises:
            ValueError: if the cost is negative.
            RuntimeError: if the call has ended.
        """
        cost_nanos = self._cost(usage) if cost_nanos is None else cost_nanos
        if cost_nanos < 0:
            raise ValueError("cost_nanos: zero or more")
        with self._lock:
            if self._ended:
                raise RuntimeError("The call has ended: nothing more can be recorded of it.")
            self._spent_nanos += cost_nanos
            self._reporting.record(self._subject, usage)

    def end(self) -> None:
        """Let go of what wasn't spent; a second time changes nothing."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
        self._purse.conclude(
            self._lease, reserved_nanos=self._reserved_nanos, spent_nanos=self._spent_nanos
        )

    def _cost(self, usage: Usage) -> int:
        if isinstance(usage, Amount):
            return usage.amount_nanos
        if self._estimate is not None:
            return self._estimate(usage)
        return max(0, self._reserved_nanos - self._spent_nanos)
