"""A request with an idempotency key, and the answer that all its repetitions get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

#: Longer than any Lambda of ours answering HTTP may run (30 s): after it, the first is dead.
_AT_WORK = timedelta(seconds=45)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered: the HTTP status, and the body before it became JSON text."""

    status: int
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentRequest:
    """The first request with its key; `subject_id` is what it made, such as a purchase."""

    organization_id: str
    operation: str
    key: str
    digest: str
    subject_id: str
    started_at: datetime
    answer: Answer | None = None
    version: int = 1

    def answered(self, answer: Answer) -> IdempotentRequest:
        """The request with the answer that it keeps for ever."""
        return replace(self, answer=answer, version=self.version + 1)

    def taken_over(self, now: datetime) -> IdempotentRequest:
        """The request in the hands of a repetition, its first process being dead."""
        return replace(self, started_at=now, version=self.version + 1)

    def at_work(self, now: datetime) -> bool:
        """Whether somebody may still be working on it."""
        return self.answer is None and now < self.started_at + _AT_WORK
