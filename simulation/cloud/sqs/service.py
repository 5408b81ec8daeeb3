"""SQS's calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from simulation.cloud.choices import STRONGEST, Choices
from simulation.cloud.sqs.queue import QueueSettings
from simulation.cloud.wire import Answer, Params


class MemorySqs:
    """Queues in memory, by the given clock."""

    name = "sqs"

    def __init__(
        self,
        queues: Iterable[QueueSettings],
        *,
        choices: Choices = STRONGEST,
        now: Callable[[], datetime],
    ) -> None:
        raise NotImplementedError

    def operations(self) -> Iterable[str]:
        """See `Service`."""
        raise NotImplementedError

    def completed(self, operation: str, params: Params) -> Params:
        """See `Service`."""
        raise NotImplementedError

    def call(self, operation: str, params: Params) -> Answer:
        """See `Service`."""
        raise NotImplementedError

    def next_change_at(self, url: str) -> datetime | None:
        """When the next message will become visible by time alone; None if none will."""
        raise NotImplementedError

    def visible(self, url: str) -> int:
        """How many messages a receive could give now."""
        raise NotImplementedError

    def messages(self, url: str) -> list[dict[str, Any]]:
        """All messages that are in a queue, visible or not, oldest first."""
        raise NotImplementedError
