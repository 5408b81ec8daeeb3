"""Skeleton."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime


class MemoryS3:
    """Skeleton."""

    name = "s3"

    def __init__(self, buckets: Mapping[str, bool], *, now: Callable[[], datetime]) -> None:
        raise NotImplementedError

    def objects(self, bucket: str) -> dict[str, bytes]:
        """The current content of every object, by name."""
        raise NotImplementedError
