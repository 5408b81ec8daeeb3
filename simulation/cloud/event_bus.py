"""Skeleton."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class MemoryEventBus:
    """Skeleton."""

    name = "events"

    def __init__(self, buses: Iterable[str]) -> None:
        raise NotImplementedError

    def published(self, bus: str) -> list[dict[str, Any]]:
        """What was put on a bus, in order."""
        raise NotImplementedError
