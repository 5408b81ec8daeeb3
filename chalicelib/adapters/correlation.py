"""The correlation id: what all that follows from one request, message or run has in common.

It is a matter of logs and of messages' attributes: use cases don't know of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: The attribute of a message that has it.
ATTRIBUTE = "correlation_id"
#: As long as an id of anybody's; what else calls itself one isn't taken over.
_LONGEST = 200

_current: ContextVar[str | None] = ContextVar("correlation_id", default=None)


@contextmanager
def correlated(correlation_id: str | None) -> Iterator[None]:
    """Let everything inside be logged, and sent on, under the id."""
    token = _current.set(correlation_id)
    try:
        yield
    finally:
        _current.reset(token)


def current_correlation_id() -> str | None:
    """The id of what is being done; None outside of any request, message or run."""
    return _current.get()


def fit_to_be_one(text: str | None) -> bool:
    """Whether it can be an id: printable, and not longer than ids are."""
    return bool(text) and len(text or "") <= _LONGEST and (text or "").isprintable()
