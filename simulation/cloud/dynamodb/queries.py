"""Query and Scan: pages of a table's or an index's items, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from simulation.cloud.dynamodb.expressions import conditions
from simulation.cloud.dynamodb.expressions.bound import Bound
from simulation.cloud.dynamodb.expressions.conditions import Condition
from simulation.cloud.dynamodb.expressions.key_conditions import Range, selection
from simulation.cloud.dynamodb.expressions.projections import parsed as parsed_projection
from simulation.cloud.dynamodb.expressions.projections import projected
from simulation.cloud.dynamodb.filters import check_filter
from simulation.cloud.dynamodb.invalid import InvalidError
from simulation.cloud.dynamodb.keys import key_asked_for, key_attributes, sorted_by
from simulation.cloud.dynamodb.requests import Tables, bound_of, check_all_used, table_of
from simulation.cloud.dynamodb.schema import IndexSchema, KeySchema
from simulation.cloud.dynamodb.table import Position, Row, Table
from simulation.cloud.dynamodb.values import ORDERED, Item, Value, copy_item, order
from simulation.cloud.wire import Answer, Params

_PAGE_BYTES = 1024 * 1024
_BAD_START = "The provided starting key is invalid"

Line = Sequence[tuple[Position, Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What a Query or Scan reads, and how it shows it."""

    table: Table
    index: IndexSchema | None
    bound: Bound
    filter: Condition | None
    params: Params

    @property
    def key(self) -> KeySchema:
        return self.index.key if self.index else self.table.schema.key

    @property
    def index_name(self) -> str | None:
        return self.index.name if self.index else None

    @property
    def consistent(self) -> bool:
        return bool(self.params.get("ConsistentRead"))

    def shown(self, item: Item) -> dict[str, dict[str, Any]]:
        projection = self.params.get("ProjectionExpression")
        if projection is None:
            return copy_item(item)
        return projected(item, parsed_projection(projection).places(self.bound))


def query(params: Params, tables: Tables) -> Answer:
    """Query: one partition, by the range key."""
    if "KeyConditionExpression" not in params:
        raise InvalidError(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in "
            "the request."
        )
    asked = conditions.parsed(params["KeyConditionExpression"], "KeyConditionExpression")
    reading = _reading(params, tables, asked)
    asked.check(reading.bound)
    value, wanted = selection(asked, reading.bound, reading.key)
    line = reading.table.partition(
        _comparable(value), index=reading.index_name, consistent=reading.consistent
    )
    if wanted is not None:
        line = [each for each in line if _in_range(each[0][0], wanted)]
    forward = params.get("ScanIndexForward", True)
    line = line if forward else line[::-1]
    start = params.get("ExclusiveStartKey")
    if start is not None:
        after = _start(start, reading, of_partition=_comparable(value))
        line = [each for each in line if (each[0] > after if forward else each[0] < after)]
    return _page(line, reading)


def scan(params: Params, tables: Tables) -> Answer:
    """Scan: everything, or a segment, in an order that means nothing but stays the same."""
    _check_segment(params)
    reading = _reading(params, tables, None)
    partitions = reading.table.everything(index=reading.index_name, consistent=reading.consistent)
    among = [value for value in partitions if _in_segment(value, params)]
    line = [each for value in sorted(among, key=_scattered) for each in partitions[value]]
    start = params.get("ExclusiveStartKey")
    if start is not None:
        after = _start(start, reading, of_partition=None)
        at = sorted_by(start, reading.key)
        if at is None:
            raise InvalidError(_BAD_START)
        came = (_scattered(at[0]), after)
        line = [
            each
            for each in line
            if (_scattered(_partition_of(each[1].item, reading.key)), each[0]) > came
        ]
    return _page(line, reading)


def _reading(params: Params, tables: Tables, key_condition: Condition | None) -> _Reading:
    table = table_of(tables, params)
    name = params.get("IndexName")
    if name is not None and name not in table.indexes:
        raise InvalidError(f"The table does not have the specified index: {name}")
    index = table.indexes[name][0] if name is not None else None
    if index is not None and params.get("ConsistentRead"):
        raise InvalidError("Consistent reads are not supported on global secondary indexes")
    if "Limit" in params and params["Limit"] < 1:
        raise InvalidError(
            f"1 validation error detected: Value '{params['Limit']}' at 'limit' failed to satisfy "
            "constraint: Member must have value greater than or equal to 1"
        )
    bound = bound_of(params)
    text = params.get("FilterExpression")
    chosen = None if text is None else conditions.parsed(text, "FilterExpression")
    projection = params.get("ProjectionExpression")
    if projection is not None and params.get("Select") == "COUNT":
        raise InvalidError(
            "Cannot specify the ProjectionExpression when choosing to get only the Count"
        )
    shown = None if projection is None else parsed_projection(projection)
    if chosen is not None:
        chosen.check(bound)
        if key_condition is not None:
            check_filter(chosen.node, bound, index.key if index else table.schema.key)
    expressions = [each for each in (key_condition, chosen) if each is not None]
    check_all_used(
        bound,
        names=[each.names for each in expressions] + [shown.names if shown else ()],
        values=[each.values for each in expressions],
    )
    return _Reading(table=table, index=index, bound=bound, filter=chosen, params=params)


def _page(line: Line, reading: _Reading) -> Answer:
    limit = reading.params.get("Limit", len(line) + 1)
    items: list[dict[str, Any]] = []
    count = scanned = size = 0
    last: Row | None = None
    counted = reading.params.get("Select") == "COUNT"
    for _, row in line:
        item = reading.table.projected(row, reading.index)
        scanned += 1
        size += row.size
        if reading.filter is None or reading.filter.holds(item, reading.bound):
            count += 1
            if not counted:
                items.append(reading.shown(item))
        if scanned >= limit or size > _PAGE_BYTES:
            last = row
            break
    answer: Answer = {"Count": count, "ScannedCount": scanned}
    if not counted:
        answer["Items"] = items
    if last is not None and (scanned < len(line) or scanned >= limit):
        schemas = {reading.table.schema.key: None, reading.key: None}
        answer["LastEvaluatedKey"] = key_attributes(last.item, *schemas)
    return answer


def _start(start: Item, reading: _Reading, *, of_partition: Any) -> Position:
    """The position that a page goes on after."""
    names = {*reading.key.names, *reading.table.schema.key.names}
    if start.keys() != names:
        raise InvalidError(_BAD_START)
    table_key = {name: start[name] for name in reading.table.schema.key.names}
    key = key_asked_for(table_key, reading.table.schema.key)
    at = sorted_by(start, reading.key)
    if at is None or (of_partition is not None and at[0] != of_partition):
        raise InvalidError(_BAD_START)
    return at[1], key


def _in_range(value: Any, wanted: Range) -> bool:
    bounds = [_comparable(each) for each in wanted.values]
    return _RANGES[wanted.operator](value, bounds)


_RANGES: dict[str, Callable[[Any, list[Any]], bool]] = {
    "=": lambda value, bounds: value == bounds[0],
    "<": lambda value, bounds: value < bounds[0],
    "<=": lambda value, bounds: value <= bounds[0],
    ">": lambda value, bounds: value > bounds[0],
    ">=": lambda value, bounds: value >= bounds[0],
    "BETWEEN": lambda value, bounds: bounds[0] <= value <= bounds[1],
    "begins_with": lambda value, bounds: value.startswith(bounds[0]),
}


def _comparable(value: Value) -> Any:
    (kind,) = value
    return order(value) if kind in ORDERED else value


def _partition_of(item: Item, key: KeySchema) -> Any:
    at = sorted_by(item, key)
    return at and at[0]


def _check_segment(params: Params) -> None:
    if ("Segment" in params) != ("TotalSegments" in params):
        given, lacking = "Segment", "TotalSegments"
        if given not in params:
            given, lacking = lacking, given
        raise InvalidError(
            f"The {lacking} parameter is required but was not present in the request when "
            f"parameter {given} is present"
        )
    if params.get("Segment", 0) >= params.get("TotalSegments", 1):
        raise InvalidError(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {params['Segment']} is not less than TotalSegments: "
            f"{params['TotalSegments']}"
        )


def _in_segment(value: Any, params: Params) -> bool:
    """Whether a partition is in the segment that is asked for: by its place among all."""
    if "TotalSegments" not in params:
        return True
    place = int.from_bytes(_scattered(value)[:8], "big")
    return bool(place * params["TotalSegments"] >> 64 == params["Segment"])


def _scattered(value: Any) -> bytes:
    """Where a partition is among all: by a hash, as in the service."""
    return sha256(str(value).encode()).digest()
