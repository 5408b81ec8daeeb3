"""BatchWriteItem: many puts and deletes, each by itself, and none with a condition."""

from __future__ import annotations

from typing import Any

from simulation.cloud.choices import Choices
from simulation.cloud.dynamodb.invalid import InvalidError
from simulation.cloud.dynamodb.requests import Tables
from simulation.cloud.dynamodb.writes import planned
from simulation.cloud.wire import Answer, Params

_MAX_WRITES = 25
_KINDS = {"PutRequest": "Put", "DeleteRequest": "Delete"}


def batch_write_item(params: Params, tables: Tables, choices: Choices) -> Answer:
    """BatchWriteItem; the last of them can be left for the next."""
    asked: list[tuple[str, dict[str, Any]]] = [
        (name, request) for name, requests in params["RequestItems"].items() for request in requests
    ]
    if not 1 <= len(asked) <= _MAX_WRITES:
        raise InvalidError(
            "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: "
            "Map value must satisfy constraint: [Member must have length less than or equal to "
            "25, Member must have length greater than or equal to 1]"
        )
    writes = []
    for name, request in asked:
        ((kind, given),) = request.items()
        writes.append(planned(_KINDS[kind], {"TableName": name, **given}, tables))
    if len({(write.table.schema.name, write.key) for write in writes}) != len(writes):
        raise InvalidError("Provided list of item keys contains duplicates")
    left_out = min(choices.unprocessed("BatchWriteItem", len(asked)), len(asked) - 1)
    done = len(asked) - left_out
    for write in writes[:done]:
        write.do(write.outcome())
    unprocessed: dict[str, list[Any]] = {}
    for name, request in asked[done:]:
        unprocessed.setdefault(name, []).append(request)
    return {"UnprocessedItems": unprocessed}
