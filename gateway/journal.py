"""What a journal of usage promises, and one in memory for those who may lose it.

Each report has a key, its id. Everything about it is appended under that key; once it is
forgotten, nothing about it comes back. What a process leaves behind when it dies is taken over by
the next one that starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

#: JSON of one thing that happened to a report.
Record = Mapping[str, object]


class JournalError(Exception):
    """The journal could not be written; what was to be kept is known to this process alone."""


class Journal(Protocol):
    """Records by report id; safe to use from several threads.

    A record is with the operating system when `append` returns, so that the death of the process
    loses nothing; a durable one, and all before it, are on the disk as well.
    """

    def append(self, key: str, *records: Record, durable: bool = False) -> None:
        """Keep the records, or raise JournalError."""

    def forget(self, key: str) -> None:
        """Let go of everything under the key, or raise JournalError."""

    def records(self) -> Mapping[str, Sequence[Record]]:
        """What is kept, by key, in the order of each key's first record."""

    def close(self) -> None:
        """Stop using it; what is kept stays for who comes next."""


class Journals(Protocol):
    """Where journals are kept: one for each process, and those of processes that are gone."""

    def open(self) -> Journal:
        """This process's own journal, empty."""

    def left_behind(self) -> Iterator[Journal]:
        """The journals that nobody uses any more; from now on they are this process's."""


class MemoryJournal:
    """A journal that dies with its process."""

    def __init__(self) -> None:
        self._records: dict[str, tuple[Record, ...]] = {}

    def append(self, key: str, *records: Record, durable: bool = False) -> None:  # noqa: ARG002
        """See Journal; nothing is durable here."""
        self._records[key] = (*self._records.get(key, ()), *records)

    def forget(self, key: str) -> None:
        """See Journal."""
        self._records.pop(key, None)

    def records(self) -> Mapping[str, Sequence[Record]]:
        """See Journal."""
        return dict(self._records)

    def close(self) -> None:
        """See Journal."""


class MemoryJournals:
    """Journals that nobody can leave behind: for gateways that may lose the usage of a crash."""

    def open(self) -> Journal:
        """See Journals."""
        return MemoryJournal()

    def left_behind(self) -> Iterator[Journal]:
        """See Journals."""
        return iter(())
