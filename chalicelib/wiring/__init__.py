"""The object graph: built once per container, each part on its first use.

What a function doesn't use it doesn't import: rendering stays out of the gateway's way, and
Stripe out of the worker's that deducts usage.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache

from chalicelib.config import Settings
from chalicelib.wiring.built_once import BUILDING
from chalicelib.wiring.services import Services

__all__ = ["Services", "graph", "now", "services"]


def now() -> datetime:
    """The time; handlers hand it in, so that nothing below reads a clock."""
    return datetime.now(UTC)


@cache
def graph() -> Services:
    """The object graph, as the environment was when it was first asked for; see `services`."""
    return Services(Settings(dict(os.environ)))


def services() -> Services:
    """This container's object graph: one, however many threads ask at once."""
    with BUILDING:
        return graph()
