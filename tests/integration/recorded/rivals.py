"""Rivals who are faster: what a function does when it loses a race needs rights, too."""

from __future__ import annotations

import threading
from collections.abc import Callable

from chalicelib.adapters.dynamodb.commit import Committer
from chalicelib.domain.customer import Customer
from chalicelib.domain.holds import Hold
from chalicelib.domain.numbering import InvoiceSequence
from chalicelib.domain.purchase import Purchase
from chalicelib.domain.traces import TraceCount
from chalicelib.domain.write import Outcome, Stale, Write

#: Values whose writers read again and try anew; others leave the rest to whoever was faster.
_CONTENDED = (Customer, Hold, InvoiceSequence, Purchase, TraceCount)


class Rivals:
    """Win the first race for each kind of write, each organization and each function."""

    def __init__(self, function: Callable[[], str | None]) -> None:
        self._function = function
        self._beaten: set[tuple[object, ...]] = set()
        self._lock = threading.Lock()

    def join(self) -> None:
        """Take part in every write of this process from now on."""
        commit = Committer.commit

        def contended(committer: Committer, write: Write) -> Outcome:
            return Stale() if self._win(write) else commit(committer, write)

        # There is no other seam: the object graph makes its own committer.
        Committer.commit = contended  # type: ignore[method-assign, assignment]

    def _win(self, write: Write) -> bool:
        kinds = tuple(type(value).__name__ for value in write.saves)
        race = (self._function(), write.organization_id, kinds, bool(write.entries))
        changes = any(
            isinstance(value, _CONTENDED) and getattr(value, "version", 2) > 1
            for value in write.saves
        )
        with self._lock:
            wins = changes and race not in self._beaten
            self._beaten.add(race)
        return wins
