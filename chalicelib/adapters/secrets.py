"""Secrets that may be replaced while we run: kept for minutes, and read again once refused.

So a secret is rotated by putting a new value: no deployment, and nobody waits for a restart.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import BusyError

logger = Logger(child=True)

#: How long a value that is replaced may stay in use, unless it is refused before.
MAX_AGE_SECONDS = 300.0
#: How often what is refused, such as a forged signature, may make us read again.
RENEWAL_PAUSE_SECONDS = 30.0


class SecretUnavailableError(BusyError):
    """The secret can't be read, or hasn't got the field; callers may try again.

    `reason` names it, for logs only.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("Not all that is needed can be reached now; please try again.")
        self.reason = reason


class Secret(Protocol):
    """Text fields that are nobody's business."""

    def field(self, name: str) -> str:
        """A field, as it was lately."""

    def renew(self) -> bool:
        """Whether another try may succeed, since the fields were read anew and have changed."""


class FixedSecret:
    """What the environment says; it lasts as long as the process."""

    def __init__(self, fields: Mapping[str, Callable[[], str]]) -> None:
        self._fields = fields

    def field(self, name: str) -> str:
        """See the protocol."""
        return self._fields[name]()

    def renew(self) -> bool:
        """See the protocol."""
        return False


class StoredSecret:
    """A secret in Secrets Manager, which is JSON of text fields."""

    def __init__(
        self, client: Any, *, secret_id: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._secret_id = secret_id
        self._clock = clock
        self._fields: Mapping[str, str] | None = None
        self._tried_at = -MAX_AGE_SECONDS
        self._lock = threading.Lock()

    def field(self, name: str) -> str:
        """See the protocol.

        Raises:
            SecretUnavailableError: it was never read, or lacks the field.
        """
        with self._lock:
            fields = self._fields
            if fields is None or self._older_than(MAX_AGE_SECONDS):
                fields = self._read()
        try:
            return fields[name]
        except KeyError:
            logger.error("A secret lacks a field", extra={"secret": self._secret_id, "field": name})  # noqa: TRY400 - its other fields stay untold
            raise SecretUnavailableError(f"{self._secret_id} has no {name}.") from None

    def renew(self) -> bool:
        """See the protocol. Bounded, so that nobody can have us ask for it all the time."""
        with self._lock:
            before = self._fields
            if not self._older_than(RENEWAL_PAUSE_SECONDS):
                return False
            return self._read() != before

    def _older_than(self, seconds: float) -> bool:
        return self._clock() - self._tried_at >= seconds

    def _read(self) -> Mapping[str, str]:
        """The fields as they are now, or as they were if nobody tells."""
        self._tried_at = self._clock()
        try:
            answer = self._client.get_secret_value(SecretId=self._secret_id)
            self._fields = _fields_of(answer["SecretString"])
        except (BotoCoreError, ClientError, ValueError, KeyError) as error:
            if self._fields is None:
                logger.exception("A secret can't be read", extra={"secret": self._secret_id})
                raise SecretUnavailableError(f"{self._secret_id} can't be read.") from error
            logger.warning(
                "A secret can't be read again; it is used as it was",
                exc_info=True,
                extra={"secret": self._secret_id},
            )
        return self._fields


def listed(text: str) -> tuple[str, ...]:
    """The parts of a field in which one value replaces another: both, separated by a comma."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _fields_of(text: str) -> dict[str, str]:
    fields = json.loads(text)
    if not isinstance(fields, dict) or not all(isinstance(v, str) for v in fields.values()):
        # The text itself must not get into a log.
        raise ValueError("it is no JSON object of texts")
    return fields
