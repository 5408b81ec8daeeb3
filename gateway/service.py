"""The credits service as a gateway sees it: access, holds, and what went wrong otherwise."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from gateway.backoff import delay_seconds
from gateway.clock import Clock
from gateway.http_connection import Answer, HttpConnections, NoAnswerError
from gateway.money import format_usd, usd

#: A token with the scope `gateway`; called for each request, so it should remember the token
#: until shortly before it expires.
TokenProvider = Callable[[], str]

_ATTEMPTS = 3
#: Whoever waits for a lease has a caller waiting behind: a longer pause is not worth it.
_LONGEST_PAUSE_SECONDS = 1.0
#: While the service is down, its callers are refused at once, but for one in so many seconds.
_LONGEST_SILENCE_SECONDS = 2.0
_IN_PROGRESS = "request_in_progress"


class ServiceUnavailableError(Exception):
    """No definite answer: what was asked for may have happened."""


class ServiceRefusalError(Exception):
    """The service said no; `code` is the contract's."""

    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        self.code = str(answer.body.get("code", ""))
        super().__init__(f"{answer.status} {self.code}: {answer.body.get('detail', '')}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whether an organization's calls may be served; `reason` says why not."""

    allowed: bool
    reason: str | None
    available_nanos: int


class Service(Protocol):
    """What the client asks the service. Each may raise one of the two errors above."""

    def access(self, organization_id: str) -> Access:
        """Whether the organization may spend."""

    def place_hold(self, organization_id: str, *, amount_nanos: int, seconds: int, key: str) -> str:
        """Reserve credits for so long, once for the key; the hold's id."""

    def release_hold(self, organization_id: str, hold_id: str) -> None:
        """Give back all that is left of a hold."""

    def close(self) -> None:
        """Let go of what connects to it, until it is asked again."""


class HttpService:
    """The service over HTTP, each request tried three times where that may help."""

    def __init__(
        self,
        url: str,
        *,
        token: TokenProvider,
        timeout_seconds: float = 2.0,
        clock: Clock | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connections = HttpConnections(url, timeout_seconds=timeout_seconds)
        self._token = token
        self._clock = clock or Clock()
        self._pause = pause
        self._unanswered = 0
        self._silent_until = 0.0

    def access(self, organization_id: str) -> Access:
        """See Service."""
        body = self._call("GET", organization_id, "/access")
        with _as_promised():
            return Access(
                allowed=body["allowed"] is True,
                reason=body["reason"],
                available_nanos=usd(body["available"]),
            )

    def place_hold(self, organization_id: str, *, amount_nanos: int, seconds: int, key: str) -> str:
        """See Service."""
        asked = {"amount": format_usd(amount_nanos), "expires_in_seconds": seconds}
        body = self._call("POST", organization_id, "/holds", body=asked, key=key)
        with _as_promised():
            return str(body["id"])

    def release_hold(self, organization_id: str, hold_id: str) -> None:
        """See Service."""
        path = f"/holds/{hold_id}/release"
        self._call("POST", organization_id, path, body={}, key=str(uuid.uuid4()))

    def close(self) -> None:
        """See Service."""
        self._connections.close()

    def _call(
        self,
        method: str,
        organization_id: str,
        path: str,
        *,
        body: object = None,
        key: str | None = None,
    ) -> Mapping[str, Any]:
        """Ask until there is a definite answer, but not where nobody answered a moment ago."""
        if self._clock.steady() < self._silent_until:
            raise ServiceUnavailableError("the service didn't answer a moment ago")
        problem = "nothing was tried"
        answered = False
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._pause(min(delay_seconds(attempt), _LONGEST_PAUSE_SECONDS))
            headers = {"Authorization": f"Bearer {self._token()}"}
            if key is not None:
                headers["Idempotency-Key"] = key
            whole = f"/v1/organizations/{organization_id}{path}"
            try:
                answer = self._connections.request(method, whole, headers=headers, body=body)
            except NoAnswerError as error:
                problem = str(error)
                continue
            answered, self._unanswered = True, 0
            if answer.status < HTTPStatus.BAD_REQUEST:
                return answer.body
            refusal = ServiceRefusalError(answer)
            if not _may_change(refusal):
                raise refusal
            problem = str(refusal)
        if not answered:
            self._keep_silent()
        raise ServiceUnavailableError(problem)

    def _keep_silent(self) -> None:
        self._unanswered += 1
        silence = min(delay_seconds(self._unanswered), _LONGEST_SILENCE_SECONDS)
        self._silent_until = self._clock.steady() + silence


@contextmanager
def _as_promised() -> Iterator[None]:
    """Take an answer that isn't the contract's for none."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise ServiceUnavailableError(f"the answer can't be read: {error!r}") from error


def _may_change(refusal: ServiceRefusalError) -> bool:
    """Whether the same request may be answered otherwise: the same key makes that safe."""
    return (
        refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        # A token may have expired on its way: the provider is asked for another.
        or refusal.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.UNAUTHORIZED}
        or refusal.code == _IN_PROGRESS
    )
