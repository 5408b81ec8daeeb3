"""Choices that can be silenced, to ask a service in memory what is so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from simulation.cloud import Choices


class Quietable(Choices):
    """Another's choices, or none while it is to be quiet."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self._quiet = False
        self.remembers = choices.remembers
        self.settles_after = choices.settles_after

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Within it, nothing is chosen, and nothing drawn from chance."""
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False

    def read_behind(self, table: str, key: str, changes: int) -> int:
        """See Choices."""
        return 0 if self._quiet else self._choices.read_behind(table, key, changes)

    def index_behind(self, index: str, key: str, changes: int) -> int:
        """See Choices."""
        return 0 if self._quiet else self._choices.index_behind(index, key, changes)

    def unprocessed(self, operation: str, count: int) -> int:
        """See Choices."""
        return 0 if self._quiet else self._choices.unprocessed(operation, count)
