"""Attribute types of our own: times that sort as text, and JSON-safe data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pynamodb.attributes import Attribute
from pynamodb.constants import STRING


class TimeAttribute(Attribute[datetime]):
    """An aware datetime as RFC 3339 text in UTC with microseconds: text order is time order."""

    attr_type = STRING

    def serialize(self, value: datetime) -> str:
        """Write the time; a naive one is a bug."""
        return format_time(value)

    def deserialize(self, value: str) -> datetime:
        """Read the time."""
        # Not `strptime`, which takes thirty times as long.
        return datetime.fromisoformat(value)


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
    text = value.astimezone(UTC).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")


#: How long what may be forgotten is kept: a year, and time to ask about it.
_KEPT = timedelta(days=400)


def forget_at(since: datetime) -> int:
    """When DynamoDB may remove a row that was of use until then, as its TTL wants it."""
    return int((since + _KEPT).timestamp())
