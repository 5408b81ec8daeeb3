"""Skeleton."""

from __future__ import annotations

from typing import Any


class MemoryMail:
    """Skeleton."""

    name = "sesv2"

    def sent(self) -> list[dict[str, Any]]:
        """The parameters of each mail, in order."""
        raise NotImplementedError
