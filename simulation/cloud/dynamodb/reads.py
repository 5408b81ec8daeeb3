"""Reads of items by their keys: GetItem and BatchGetItem."""

from __future__ import annotations

from typing import Any

from simulation.cloud.choices import Choices
from simulation.cloud.dynamodb.expressions.projections import parsed
from simulation.cloud.dynamodb.invalid import InvalidError
from simulation.cloud.dynamodb.keys import Key, key_asked_for
from simulation.cloud.dynamodb.requests import (
    Tables,
    bound_of,
    check_all_used,
    shown,
    table_of,
)
from simulation.cloud.wire import Answer, Params

_MAX_KEYS = 100
_MAX_BYTES = 16 * 1024 * 1024


def get_item(params: Params, tables: Tables) -> Answer:
    """GetItem."""
    table = table_of(tables, params)
    bound = bound_of(params)
    projection = params.get("ProjectionExpression")
    if bound.names or projection is not None:
        used = () if projection is None else parsed(projection).names
        check_all_used(bound, names=[used], values=())
    key = key_asked_for(params["Key"], table.schema.key)
    row = table.read(key, consistent=bool(params.get("ConsistentRead")))
    return {} if row is None else {"Item": shown(row.item, projection, bound)}


def batch_get_item(params: Params, tables: Tables, choices: Choices) -> Answer:
    """BatchGetItem; what is too much for one answer is left for the next."""
    asked: list[tuple[str, Any]] = [
        (name, key) for name, request in params["RequestItems"].items() for key in request["Keys"]
    ]
    if len(asked) > _MAX_KEYS:
        raise InvalidError("Too many items requested for the BatchGetItem call")
    for name, request in params["RequestItems"].items():
        _check_distinct(request["Keys"], table_of(tables, {"TableName": name}).schema.key)
    left_out = min(choices.unprocessed("BatchGetItem", len(asked)), len(asked) - 1)
    answered = len(asked) - left_out
    responses: dict[str, list[Any]] = {name: [] for name in params["RequestItems"]}
    unprocessed: dict[str, Any] = {}
    total = 0
    for number, (name, key) in enumerate(asked):
        request = params["RequestItems"][name]
        table, bound = tables[name], bound_of(request)
        row = table.read(
            key_asked_for(key, table.schema.key), consistent=bool(request.get("ConsistentRead"))
        )
        size = row.size if row else 0
        if number >= answered or total + size > _MAX_BYTES:
            answered = min(answered, number)
            unprocessed.setdefault(name, {**request, "Keys": []})["Keys"].append(key)
        elif row is not None:
            total += size
            responses[name].append(shown(row.item, request.get("ProjectionExpression"), bound))
    return {"Responses": responses, "UnprocessedKeys": unprocessed}


def _check_distinct(keys: list[Any], schema: Any) -> None:
    found: set[Key] = {key_asked_for(key, schema) for key in keys}
    if len(found) != len(keys):
        raise InvalidError("Provided list of item keys contains duplicates")
