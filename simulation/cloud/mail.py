"""SES in memory: what was sent, in order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simulation.cloud.wire import Answer, Params


class MemoryMail:
    """Takes every mail."""

    name = "sesv2"

    def __init__(self) -> None:
        self._sent: list[dict[str, Any]] = []

    def operations(self) -> Iterable[str]:
        """See `Service`."""
        return ("SendEmail",)

    def completed(self, operation: str, params: Params) -> Params:
        """See `Service`."""
        del operation
        return params

    def call(self, operation: str, params: Params) -> Answer:
        """See `Service`."""
        del operation
        self._sent.append(dict(params))
        return {
            "MessageId": f"mail-{len(self._sent):08d}",
            "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0},
        }

    def sent(self) -> list[dict[str, Any]]:
        """The parameters of each mail, in order."""
        return list(self._sent)
