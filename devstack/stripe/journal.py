"""The record of requests received, so that tests can count them."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request and how it was answered; `status` is 0 where the answer was dropped."""

    method: str
    path: str
    #: `POST /v1/payment_intents/{intent}/confirm`; the path itself where there is no such route.
    route: str
    status: int
    idempotency_key: str | None
    #: Answered from an earlier answer to the same key: nothing happened.
    replayed: bool


class Journal:
    """Everything received since the last clearing, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received: list[Received] = []

    def add(self, received: Received) -> None:
        """Write one down."""
        with self._lock:
            self._received.append(received)

    def all(self) -> list[Received]:
        """Every request, oldest first."""
        with self._lock:
            return list(self._received)

    def counts(self) -> dict[str, int]:
        """How many requests each route received."""
        return dict(Counter(received.route for received in self.all()))

    def clear(self) -> None:
        """Forget them."""
        with self._lock:
            self._received.clear()
