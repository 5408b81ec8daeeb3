"""One queue: what is in it, and what it is set to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """A queue's attributes; `max_receive_count` receipts lead to the dead letters."""

    url: str
    fifo: bool = False
    content_based_deduplication: bool = False
    visibility_timeout_seconds: int = 30
    delay_seconds: int = 0
    retention_seconds: int = 345_600
    dead_letters_url: str | None = None
    max_receive_count: int | None = None

    @classmethod
    def of(
        cls, *, url: str, properties: Mapping[str, Any], dead_letters_url: str | None = None
    ) -> QueueSettings:
        """Read CloudFormation's properties."""
        redrive = properties.get("RedrivePolicy", {})
        return cls(
            url=url,
            fifo=bool(properties.get("FifoQueue", False)),
            content_based_deduplication=bool(properties.get("ContentBasedDeduplication", False)),
            visibility_timeout_seconds=int(properties.get("VisibilityTimeout", 30)),
            delay_seconds=int(properties.get("DelaySeconds", 0)),
            retention_seconds=int(properties.get("MessageRetentionPeriod", 345_600)),
            dead_letters_url=dead_letters_url,
            max_receive_count=redrive.get("maxReceiveCount"),
        )
