"""What a line of the log looks like: JSON with the correlation id, and errors without their words.

An error's text is whatever its raiser had at hand: a request's parameters, a row, a token. So of
an error the log tells its class and where it came from, and the text only of our own classes,
which are made of ids and fixed words.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from chalicelib.adapters.correlation import current_correlation_id
from chalicelib.domain.errors import CreditsError

_OURS = "chalicelib."
#: An error is seldom the end of a longer chain; a loop in one must end.
_LONGEST_CHAIN = 10


class DiscreetFormatter(LambdaPowertoolsFormatter):
    """Powertools' format, with errors told by `describe`."""

    def serialize(self, log: Any) -> str:
        """Write the line, under the correlation id of what is being done."""
        correlation_id = current_correlation_id()
        if correlation_id is not None:
            log = {**log, "correlation_id": correlation_id}
        return super().serialize(log)

    def _extract_log_exception(self, log_record: logging.LogRecord) -> Any:
        error = log_record.exc_info[1] if log_record.exc_info else None
        if error is None:
            return None, None, None
        return describe(error), type(error).__name__, None

    def _serialize_stacktrace(self, log_record: logging.LogRecord) -> None:
        """Powertools would tell the error once more, text and all."""


def describe(error: BaseException) -> str:
    """The chain of errors, first the one that was caught, with the places they passed."""
    told: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(told) < _LONGEST_CHAIN:
        frames = traceback.extract_tb(seen.__traceback__)
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        told.append("\n  ".join([name_of(seen), *reversed(places)]))
        if isinstance(seen, BaseExceptionGroup):
            told += [describe(each) for each in seen.exceptions]
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\nbecause of ".join(told)


def name_of(error: BaseException) -> str:
    """The error's class, and its text if the class is ours."""
    kind = type(error)
    if isinstance(error, CreditsError):
        # The words are for the caller, and may quote what they sent.
        return f"{kind.__name__}: {error.code}"
    if kind.__module__.startswith(_OURS):
        return f"{kind.__name__}: {error}"
    return f"{kind.__module__}.{kind.__qualname__}"
