"""The way of a request to a service and of its answer back, where all that can fail does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Params = Mapping[str, Any]
Answer = dict[str, Any]
Act = Callable[[], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One try of one call: `Request(service="dynamodb", operation="GetItem", …)`."""

    service: str
    operation: str
    params: Params
    #: From 1; the client tries again by itself, as botocore does.
    attempt: int = 1


class Wire(Protocol):
    """Carries a request to its service and the answer back.

    `act()` has the service do it, once for each time that it is called. A wire that raises before
    it loses the request, one that raises after it loses the answer; one that calls it twice
    delivers it twice. Between them others may run: this is where a scheduler switches.
    """

    def __call__(self, request: Request, act: Act) -> Answer:
        """Return what the caller gets, or raise what it sees instead."""


def direct(request: Request, act: Act) -> Answer:
    """The wire on which nothing happens."""
    del request
    return act()
