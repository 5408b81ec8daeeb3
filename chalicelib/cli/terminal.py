"""How commands talk: results to standard output, questions and progress to standard error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TextIO, TypeVar

T = TypeVar("T")

_BAR_WIDTH = 30
#: A bar is drawn so often at the most, and a line is written where no bar can be.
_BAR_SECONDS = 0.1
_LINE_SECONDS = 5.0


class Exit(IntEnum):
    """What a command ends with."""

    DONE = 0
    #: Differences are left, or a part of the work failed: it was said which.
    NEEDS_A_PERSON = 1
    #: The command line can't be read, or there is no installation to work on.
    USAGE = 2
    #: Understood and refused, as a route would; nothing was changed.
    REFUSED = 3
    #: It was asked whether to do it, and not confirmed; nothing was changed.
    NOT_CONFIRMED = 4
    #: Too much at once, here or at Stripe: the same command may succeed later.
    BUSY = 5


class NotConfirmedError(Exception):
    """Nobody said that it may be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Where a command's words go, and what it was told about asking."""

    as_json: bool = False
    dry_run: bool = False
    yes: bool = False
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)

    def say(self, text: str) -> None:
        """A result for a person."""
        if not self.as_json:
            print(text, file=self.out)

    def result(self, body: Mapping[str, object]) -> None:
        """The result for a program, once per command."""
        if self.as_json:
            print(json.dumps(body, indent=2, ensure_ascii=False), file=self.out)

    def note(self, text: str) -> None:
        """Something beside the result."""
        print(text, file=self.err)

    def may(self, act: str) -> bool:
        """Whether to do what is described; not in a dry run, which says what would be done.

        Raises:
            NotConfirmedError: if a person said no, or nobody can be asked.
        """
        if self.dry_run:
            self.say(f"Would {act}.")
            return False
        if self.yes:
            return True
        if not sys.stdin.isatty():
            raise NotConfirmedError(f"About to {act}. Nobody can be asked here: say --yes.")
        print(f"About to {act}. Go on? [y/N] ", end="", file=self.err, flush=True)
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise NotConfirmedError("Nothing was done.")
        return True

    def progress(self, items: Iterable[T], *, of: str, total: int | None = None) -> Iterator[T]:
        """The items one by one, with a bar on a terminal and a line now and then elsewhere."""
        bar = _Bar(err=self.err, of=of, total=total)
        for done, item in enumerate(items, start=1):
            yield item
            bar.show(done)
        bar.end()


@dataclass(slots=True, kw_only=True)
class _Bar:
    """How far a long work is."""

    err: TextIO
    of: str
    total: int | None
    drawn: bool = False
    next_at: float = 0.0

    def __post_init__(self) -> None:
        self.next_at = time.monotonic() + (0.0 if self.err.isatty() else _LINE_SECONDS)

    def show(self, done: int) -> None:
        """So much is done."""
        now = time.monotonic()
        if now < self.next_at:
            return
        if not self.err.isatty():
            self.next_at = now + _LINE_SECONDS
            print(self._counted(done), file=self.err)
            return
        self.next_at = now + _BAR_SECONDS
        self.drawn = True
        print(f"\r\x1b[K{self._bar(done)}{self._counted(done)}", end="", file=self.err, flush=True)

    def end(self) -> None:
        """Make room for what is said next."""
        if self.drawn:
            print("\r\x1b[K", end="", file=self.err, flush=True)

    def _bar(self, done: int) -> str:
        if not self.total:
            return ""
        full = min(_BAR_WIDTH, done * _BAR_WIDTH // self.total)
        return f"[{'#' * full}{'.' * (_BAR_WIDTH - full)}] "

    def _counted(self, done: int) -> str:
        return f"{done} {self.of}" if self.total is None else f"{done} of {self.total} {self.of}"
