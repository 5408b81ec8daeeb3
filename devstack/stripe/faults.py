"""Calls that are made to fail: before or after they took effect, by an error or a lost answer."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Literal

from devstack.stripe.errors import ApiError

Moment = Literal["before", "after"]
Effect = Literal["error", "drop", "hold"]

#: A held call goes on by itself after this, so that a forgotten one can't hang a test run.
_MAX_HOLD_SECONDS = 60


class ConnectionDropped(Exception):  # noqa: N818 - it is what happens, not an error of ours
    """The caller gets no answer: its connection is reset."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to the next calls whose method and path match.

    Attributes:
        method: a regular expression for the whole method.
        path: a regular expression for the whole path, such as `/v1/payment_intents`.
        moment: before the call takes effect, or after.
        effect: `error` answers `status`; `drop` resets the connection; `hold` waits for release.
        status: of the error.
        skip: how many matching calls pass untouched first.
        count: how many calls it befalls; None for all until it is cleared.
        remembered: whether the idempotency key keeps an error answered after the effect, as
            Stripe keeps its 500s.
    """

    method: str = ".*"
    path: str = ".*"
    moment: Moment = "before"
    effect: Effect = "error"
    status: int = 500
    skip: int = 0
    count: int | None = 1
    remembered: bool = True
    _released: threading.Event = field(default_factory=threading.Event)
    _held: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Whether it is meant for this call."""
        return bool(re.fullmatch(self.method, method) and re.fullmatch(self.path, path))

    def wait(self) -> None:
        """Hold the call until release."""
        self._held += 1
        self._released.wait(_MAX_HOLD_SECONDS)

    @property
    def held(self) -> int:
        """How many calls it has held so far."""
        return self._held

    def release(self) -> None:
        """Let held calls go on."""
        self._released.set()

    def error(self) -> ApiError:
        """The answer of an `error`."""
        if self.status == 429:  # noqa: PLR2004
            return ApiError(
                429,
                "invalid_request_error",
                "Request rate limit exceeded.",
                remembered=False,
                code="rate_limit",
            )
        return ApiError(
            self.status,
            "api_error",
            "An unknown error occurred (the local Stripe was told to fail).",
            remembered=self.remembered and self.moment == "after",
        )


class Faults:
    """The faults in waiting, first come first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []
        self._holding: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Put a fault in waiting."""
        re.compile(fault.method), re.compile(fault.path)
        with self._lock:
            self._waiting.append(fault)
            if fault.effect == "hold":
                self._holding.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that befalls this call, if any."""
        with self._lock:
            for fault in self._waiting:
                if not fault.matches(method, path):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count < 1:
                        self._waiting.remove(fault)
                return fault
        return None

    def held(self) -> int:
        """How many calls are held now."""
        with self._lock:
            return sum(fault.held for fault in self._holding)

    def release(self) -> None:
        """Let every held call go on, and hold no further ones."""
        with self._lock:
            held, self._holding = self._holding, []
            self._waiting = [fault for fault in self._waiting if fault.effect != "hold"]
        for fault in held:
            fault.release()

    def clear(self) -> None:
        """Forget every fault and let every held call go on."""
        self.release()
        with self._lock:
            self._waiting.clear()
