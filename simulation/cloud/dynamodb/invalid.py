"""Refusals as the engine raises them inside; only the engine knows which call they answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class InvalidError(Exception):
    """A request that makes no sense, or not with the item as it is: a ValidationException."""


class UnfitError(InvalidError):
    """A write that doesn't fit its table, or the item as it is.

    In a transaction it is that item's reason, where another invalid request is refused at once.
    """


class ConditionFailedError(Exception):
    """The condition of a write didn't hold; `item` is what was there, if anything was."""

    def __init__(self, item: Mapping[str, Any] | None) -> None:
        super().__init__("The conditional request failed")
        self.item = item


class RefusedError(Exception):
    """Any other refusal, with its code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class CanceledError(Exception):
    """A transaction that was not committed, with the reason of each of its items."""

    def __init__(self, reasons: list[dict[str, Any]]) -> None:
        super().__init__("Transaction cancelled")
        self.reasons = reasons
