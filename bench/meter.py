"""Counts what a client asks of DynamoDB: requests, and units by the engine and by the rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.published_rule import Item, Table, index_units, table_units

_READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"})


@dataclass(slots=True, kw_only=True)
class Consumption:
    """What was asked, and what it consumed. Writes of tables and of indexes are told apart.

    `engine_write_units` is what ReturnConsumedCapacity answered, to be compared with the rule.
    """

    requests: int = 0
    reads: int = 0
    read_units: float = 0.0
    engine_write_units: float = 0.0
    table_units: int = 0
    index_units: int = 0

    @property
    def write_units(self) -> int:
        """All write units, by the rule."""
        return self.table_units + self.index_units


class Meter:
    """Watches clients. Items are read before and after each write, by a client of its own."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._tables: dict[str, Table] = {}
        self._before: list[tuple[Table, Item, Item | None]] = []
        self._now = Consumption()
        self._watching = False

    def watch(self, client: Any) -> None:
        """Count what this client asks, whenever counting is on."""
        events = client.meta.events
        events.register("provide-client-params.dynamodb", self._prepare)
        events.register("after-call.dynamodb", self._count)

    @contextmanager
    def counting(self) -> Iterator[Consumption]:
        """Count what is asked meanwhile."""
        self._now = Consumption()
        self._watching = True
        try:
            yield self._now
        finally:
            self._watching = False

    def _prepare(self, params: Mapping[str, Any], model: Any, **_: object) -> Mapping[str, Any]:
        if not self._watching:
            return params
        self._before = [
            (table, key, self._read(table, key)) for table, key in self._written(model.name, params)
        ]
        return {**params, "ReturnConsumedCapacity": "INDEXES"}

    def _count(self, parsed: Mapping[str, Any], model: Any, **_: object) -> None:
        if not self._watching:
            return
        now = self._now
        now.requests += 1
        answered = parsed.get("ConsumedCapacity", [])
        capacities = [answered] if isinstance(answered, Mapping) else answered
        units = sum(capacity["CapacityUnits"] for capacity in capacities)
        if model.name in _READS:
            now.reads += 1
            now.read_units += units
            return
        now.engine_write_units += units
        transactional = model.name == "TransactWriteItems"
        for table, key, before in self._before:
            after = self._read(table, key)
            now.table_units += table_units(before, after, transactional=transactional)
            now.index_units += sum(index_units(each, before, after) for each in table.indexes)

    def _written(self, operation: str, params: Mapping[str, Any]) -> Iterator[tuple[Table, Item]]:
        if operation == "TransactWriteItems":
            for each in params["TransactItems"]:
                for action in each.values():
                    yield self._key(action)
        elif operation in {"PutItem", "UpdateItem", "DeleteItem"}:
            yield self._key(params)
        elif operation not in _READS:
            raise ValueError(f"{operation} is not counted here")

    def _key(self, action: Mapping[str, Any]) -> tuple[Table, Item]:
        table = self._table(action["TableName"])
        named = action.get("Key") or action["Item"]
        return table, {name: named[name] for name in table.keys}

    def _table(self, name: str) -> Table:
        if name not in self._tables:
            description = self._reader.describe_table(TableName=name)["Table"]
            self._tables[name] = Table.described(description)
        return self._tables[name]

    def _read(self, table: Table, key: Item) -> Item | None:
        answer = self._reader.get_item(TableName=table.name, Key=key, ConsistentRead=True)
        found: Item | None = answer.get("Item")
        return found
