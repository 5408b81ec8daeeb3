"""Attribute types of our own: times that sort as text, and JSON-safe data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from pynamodb.attributes import Attribute
from pynamodb.constants import STRING

_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class TimeAttribute(Attribute[datetime]):
    """An aware datetime as RFC 3339 text in UTC with microseconds: text order is time order."""

    attr_type = STRING

    def serialize(self, value: datetime) -> str:
        """Write the time; a naive one is a bug."""
        return format_time(value)

    def deserialize(self, value: str) -> datetime:
        """Read the time."""
        return datetime.strptime(value, _FORMAT).replace(tzinfo=UTC)


class DataAttribute(Attribute[Mapping[str, object]]):
    """JSON-safe data as compact JSON text; its parts are never searched."""

    attr_type = STRING

    def serialize(self, value: Mapping[str, object]) -> str:
        """Write the data, keys in order, so that equal data is equal text."""
        return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)

    def deserialize(self, value: str) -> Mapping[str, object]:
        """Read the data."""
        data: Mapping[str, object] = json.loads(value)
        return data


def format_time(value: datetime) -> str:
    """The time as TimeAttribute stores it, for use in keys and conditions."""
    if value.tzinfo is None:
        raise ValueError("a time without a zone")
    return value.astimezone(UTC).strftime(_FORMAT)
