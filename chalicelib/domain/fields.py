"""Strict reading of JSON objects, with every fault noted instead of the first.

What isn't built as it should be (an unknown field, a wrong type) is told from what is, but has a
value that can't be accepted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from chalicelib.domain.errors import FieldError, InvalidRequestError, ValidationFailedError
from chalicelib.domain.instant import parse_instant
from chalicelib.domain.money import parse_usd

#: Nobody reads more faults than this of one report.
_MAX_FAULTS = 20

#: As much of a stranger's field name as a fault repeats.
_SHOWN_NAME = 64


class Faults:
    """The faults found so far; a field that has one is read as a harmless value."""

    def __init__(self) -> None:
        self._errors: dict[str, FieldError] = {}
        self._malformed = False

    def add(self, path: str, detail: str, *, malformed: bool = False) -> None:
        """Note what is wrong with the field at `path`; its first fault is the one that is told."""
        self._malformed = self._malformed or malformed
        if len(self._errors) < _MAX_FAULTS:
            self._errors.setdefault(path, FieldError(field=path, detail=detail))

    def raise_any(self) -> None:
        """Refuse if there was a fault.

        Raises:
            InvalidRequestError: if something was malformed; with all faults, of which the first
                is its detail.
            ValidationFailedError: likewise, if only values were wrong.
        """
        if not self._errors:
            return
        errors = tuple(self._errors.values())
        refusal = InvalidRequestError if self._malformed else ValidationFailedError
        raise refusal(f"{errors[0].field}: {errors[0].detail}", errors=errors)


class Fields:
    """One JSON object and its path; what isn't `required` or `optional` is a fault."""

    def __init__(
        self,
        payload: object,
        *,
        path: str,
        faults: Faults,
        required: frozenset[str],
        optional: frozenset[str] = frozenset(),
    ) -> None:
        self._path = path
        self._faults = faults
        self._values: Mapping[str, object] = {}
        if not isinstance(payload, dict):
            faults.add(path or "body", "must be an object", malformed=True)
            return
        self._values = payload
        for name in required - payload.keys():
            self.fault(name, "is required")
        for name in payload:
            if not isinstance(name, str) or name not in required | optional:
                shown = ascii(name)[1:-1][:_SHOWN_NAME]
                self.fault(shown, "is not a field of this object", malformed=True)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def path(self, name: str) -> str:
        """Where the field is, such as `lines[2].calls`."""
        return f"{self._path}.{name}" if self._path else name

    def fault(self, name: str, detail: str, *, malformed: bool = False) -> None:
        """Note what is wrong with the field."""
        self._faults.add(self.path(name), detail, malformed=malformed)

    def get(self, name: str) -> object:
        """The field as it came; None when it is absent."""
        return self._values.get(name)

    def whole(self, name: str, *, least: int, most: int) -> int:
        """A whole number; the least of them when absent or faulty."""
        value = self._values.get(name, least)
        if type(value) is not int or not least <= value <= most:  # a bool is no number here
            detail = f"must be a whole number from {least} to {most}"
            self.fault(name, detail, malformed=type(value) is not int)
            return least
        return value

    def flag(self, name: str) -> bool:
        """True or false; false when absent or faulty."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            self.fault(name, "must be true or false", malformed=True)
            return False
        return value

    def text(self, name: str, pattern: re.Pattern[str], detail: str) -> str:
        """Text that matches the whole pattern; empty when absent or faulty."""
        if name not in self._values:
            return ""
        value = self._values[name]
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            self.fault(name, detail, malformed=not isinstance(value, str))
            return ""
        return value

    def text_or_null(self, name: str, pattern: re.Pattern[str], detail: str) -> str | None:
        """Text that matches the whole pattern, or None for null and when absent."""
        return None if self.get(name) is None else self.text(name, pattern, detail)

    def usd(self, name: str) -> int:
        """An amount of US dollars in nano-dollars; zero when absent or faulty."""
        if name not in self._values:
            return 0
        value = self._values[name]
        try:
            return parse_usd(value)
        except ValueError as error:
            self.fault(name, str(error), malformed=not isinstance(value, str))
            return 0

    def instant(self, name: str, *, earliest: datetime, latest: datetime) -> datetime:
        """A time from `earliest` to `latest`; the earliest when absent or faulty."""
        if name not in self._values:
            return earliest
        try:
            value = parse_instant(self._values[name])
        except ValueError as error:
            self.fault(name, str(error), malformed=not isinstance(self._values[name], str))
            return earliest
        if value > latest:
            self.fault(name, "must not be in the future")
        if value < earliest:
            self.fault(name, "is too long ago to be true")
        return value
