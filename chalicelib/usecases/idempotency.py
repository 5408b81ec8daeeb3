"""Same key, same answer: the keys of requests that no ledger entry could remember."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

from chalicelib.domain.errors import IdempotencyConflictError, RequestInProgressError
from chalicelib.domain.request import Answer, IdempotentRequest
from chalicelib.domain.write import Committed, Write
from chalicelib.ports import Ledger, Requests


def digest_of(content: Mapping[str, object]) -> str:
    """Stands for a request's content: equal content, equal digest, however it was written."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def refuse_other_content(stored_digest: str, digest: str) -> None:
    """Refuse a key that was used for something else.

    Raises:
        IdempotencyConflictError: if the digests differ.
    """
    if stored_digest != digest:
        raise IdempotencyConflictError("This Idempotency-Key was used for another request before.")


class Answers:
    """Remembers what each first request was answered."""

    def __init__(self, ledger: Ledger, requests: Requests) -> None:
        self._ledger = ledger
        self._requests = requests

    def find(
        self, organization_id: str, operation: str, key: str, digest: str, *, now: datetime
    ) -> IdempotentRequest | None:
        """The first request with the key: answered, or ours to finish, its process being dead.

        Raises:
            IdempotencyConflictError: if it was another request.
            RequestInProgressError: if somebody is still working on it.
        """
        first = self._requests.get(organization_id, operation, key)
        if first is None or first.answer is not None:
            if first is not None:
                refuse_other_content(first.digest, digest)
            return first
        refuse_other_content(first.digest, digest)
        if first.at_work(now):
            raise in_progress()
        mine = first.taken_over(now)
        if not self._save(mine, now=now):
            raise in_progress()
        return mine

    def begun(self, request: IdempotentRequest) -> bool:
        """Whether a request with that key is known."""
        kept = self._requests.get(request.organization_id, request.operation, request.key)
        return kept is not None

    def keep(self, request: IdempotentRequest, answer: Answer, *, now: datetime) -> Answer:
        """Keep the answer for ever; gives the one that is kept, should another have been faster."""
        if self._save(request.answered(answer), now=now):
            return answer
        kept = self._requests.get(request.organization_id, request.operation, request.key)
        if kept is None or kept.answer is None:
            raise in_progress()
        return kept.answer

    def _save(self, request: IdempotentRequest, *, now: datetime) -> bool:
        write = Write(organization_id=request.organization_id, at=now, saves=(request,))
        return isinstance(self._ledger.commit(write), Committed)


def in_progress() -> RequestInProgressError:
    """The refusal of a key whose first request has no answer yet."""
    return RequestInProgressError(
        "The first request with this Idempotency-Key is still at work.", retry_after_seconds=2
    )
