"""EventBridge in memory: what was put on each bus, in order."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from simulation.cloud.errors import refusal
from simulation.cloud.wire import Answer, Params

_MAX_ENTRIES = 10
_MAX_BYTES = 256 * 1024


class MemoryEventBus:
    """Buses by name."""

    name = "events"

    def __init__(self, buses: Iterable[str]) -> None:
        self._published: dict[str, list[dict[str, Any]]] = {bus: [] for bus in buses}
        self._count = 0

    def operations(self) -> Iterable[str]:
        """See `Service`."""
        return ("PutEvents",)

    def completed(self, operation: str, params: Params) -> Params:
        """See `Service`."""
        del operation
        return params

    def call(self, operation: str, params: Params) -> Answer:
        """See `Service`. Each event is taken or not by itself; the answer is 200 either way."""
        entries = params["Entries"]
        if not 1 <= len(entries) <= _MAX_ENTRIES:
            raise refusal(
                "ValidationException",
                "1 validation error detected: Value at 'entries' failed to satisfy constraint: "
                "Member must have length less than or equal to 10",
                operation=operation,
            )
        if sum(len(json.dumps(entry, default=str).encode()) for entry in entries) > _MAX_BYTES:
            raise refusal(
                "ValidationException",
                "Total size of the entries in the request is over the limit.",
                operation=operation,
            )
        answers = [self._put(entry) for entry in entries]
        return {
            "FailedEntryCount": sum("ErrorCode" in answer for answer in answers),
            "Entries": answers,
            "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0},
        }

    def published(self, bus: str) -> list[dict[str, Any]]:
        """What was put on a bus, in order."""
        return list(self._published[bus])

    def _put(self, entry: dict[str, Any]) -> dict[str, str]:
        detail = entry.get("Detail", "")
        try:
            read = json.loads(detail)
        except ValueError:
            read = None
        if not isinstance(read, dict):
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        for name in ("Source", "DetailType"):
            if not entry.get(name):
                return {
                    "ErrorCode": "InvalidArgument",
                    "ErrorMessage": f"Parameter {name} is not valid. Reason: {name} is a required "
                    "argument.",
                }
        self._count += 1
        # An event for a bus that isn't there is taken, and dropped.
        bus = entry.get("EventBusName", "default").rpartition("/")[2]
        if bus in self._published:
            self._published[bus].append(dict(entry))
        return {"EventId": f"event-{self._count:08d}"}
