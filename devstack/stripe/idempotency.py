"""What each Idempotency-Key answered first, so that it answers the same ever after."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from devstack.stripe.errors import ApiError

_MAX_KEY = 255

#: Stripe may forget a key after a day; this one always does, so that nobody relies on more.
_KEPT_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A finished answer, as bytes, so that its replay is exact."""

    status: int
    body: bytes
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    endpoint: str
    parameters: str
    first_seen: int
    #: None while the first request is still at work.
    answer: Answer | None


class Idempotency:
    """The keys of one account, safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def begin(self, key: str, *, endpoint: str, parameters: str, now: int) -> Answer | None:
        """Claim a key for a request; answers the first answer where there is one.

        Raises:
            ApiError: 400 when the key came with another request before, 409 while that request
                is still at work.
        """
        if not 1 <= len(key) <= _MAX_KEY:
            raise ApiError(
                400,
                "invalid_request_error",
                f"Idempotency keys must be 1 to {_MAX_KEY} characters long.",
                remembered=False,
            )
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or now - kept.first_seen > _KEPT_SECONDS:
                self._kept[key] = _Kept(
                    endpoint=endpoint, parameters=parameters, first_seen=now, answer=None
                )
                return None
        if kept.endpoint != endpoint:
            raise _conflict(
                "Keys for idempotent requests can only be used for the same endpoint they were "
                f"first used for ('{kept.endpoint}' vs '{endpoint}'). Try using a key other than "
                f"'{key}' if you meant to execute a different request."
            )
        if kept.parameters != parameters:
            raise _conflict(
                "Keys for idempotent requests can only be used with the same parameters they were "
                f"first used with. Try using a key other than '{key}' if you meant to execute a "
                "different request."
            )
        if kept.answer is None:
            raise ApiError(
                409,
                "idempotency_error",
                "There is currently another in-progress request using this Idempotent Key (that "
                "probably means you submitted twice, and the other request is still going "
                f"through): {key}. Please try again later.",
                remembered=False,
                code="idempotency_key_in_use",
            )
        return kept.answer

    def finish(self, key: str, answer: Answer) -> None:
        """Keep the answer to a claimed key."""
        with self._lock:
            kept = self._kept[key]
            self._kept[key] = _Kept(
                endpoint=kept.endpoint,
                parameters=kept.parameters,
                first_seen=kept.first_seen,
                answer=answer,
            )

    def abandon(self, key: str) -> None:
        """Free a claimed key whose request never reached an endpoint."""
        with self._lock:
            self._kept.pop(key, None)

    def clear(self) -> None:
        """Forget every key."""
        with self._lock:
            self._kept.clear()


def _conflict(message: str) -> ApiError:
    return ApiError(400, "idempotency_error", message, remembered=False)
