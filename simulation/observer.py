"""What changes in the tables: each item before and after every write that took effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.config import TABLE_VARIABLES

if TYPE_CHECKING:
    from simulation.cloud import Request
    from simulation.world import World

Item = Mapping[str, Any]

#: The attributes of each table's key.
KEYS: Mapping[str, tuple[str, ...]] = {
    "accounts": ("organization_id",),
    "ledger": ("entry_key",),
    "purchases": ("organization_id", "id"),
    "top_ups": ("organization_id",),
    "customers": ("organization_id",),
    "requests": ("request_key",),
    "sequences": ("name",),
    "invoices": ("organization_id", "number"),
    "notices": ("organization_id", "name"),
    "holds": ("organization_id", "id"),
    "purchase_days": ("organization_id", "day"),
    "trace_counts": ("organization_id", "month"),
    "archives": ("organization_id", "name"),
    "usage_days": ("place", "name"),
    "prices": ("book", "version"),
}
_WRITES = {"TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One item as it was and as it is; None where there was or is none."""

    table: str
    key: tuple[str, ...]
    before: Item | None
    after: Item | None


class Observer:
    """Keeps what was last seen of each item, and tells of changes, one write at a time."""

    def __init__(self, world: World) -> None:
        self._world = world
        environment = world.cloud.environment
        self._aggregates = {environment[name]: table for table, name in TABLE_VARIABLES.items()}
        self._names = {table: name for name, table in self._aggregates.items()}
        self.seen: dict[str, dict[tuple[str, ...], Item]] = {table: {} for table in KEYS}
        self.listeners: list[Callable[[list[Change]], None]] = []
        world.on_effect.append(self._look)

    def table(self, name: str) -> Mapping[tuple[str, ...], Item]:
        """All items of a table, as they are."""
        return self.seen[name]

    def _look(self, request: Request, _: Mapping[str, Any]) -> None:
        if request.service != "dynamodb" or request.operation not in _WRITES:
            return
        params = request.params
        if request.operation == "TransactWriteItems":
            parts = [part for item in params["TransactItems"] for part in item.values()]
        else:
            parts = [params]
        changes = [change for part in parts if (change := self._change(part)) is not None]
        for listener in self.listeners:
            listener(changes)

    def _change(self, part: Mapping[str, Any]) -> Change | None:
        table = self._aggregates[part["TableName"]]
        given = part.get("Key") or part.get("Item") or {}
        names = KEYS[table]
        key = tuple(next(iter(given[name].values())) for name in names)
        asked = {
            "TableName": part["TableName"],
            "Key": {name: given[name] for name in names},
            "ConsistentRead": True,
        }
        after = self._world.cloud.dynamodb.call("GetItem", asked).get("Item")
        before = self.seen[table].get(key)
        if after == before:
            return None
        if after is None:
            self.seen[table].pop(key, None)
        else:
            self.seen[table][key] = after
        return Change(table=table, key=key, before=before, after=after)


def number(item: Item | None, name: str) -> int:
    """A number of an item; zero if there is none."""
    value = None if item is None else item.get(name)
    return 0 if value is None or "N" not in value else int(value["N"])


def text(item: Item | None, name: str) -> str:
    """A text of an item; empty if there is none."""
    value = None if item is None else item.get(name)
    return "" if value is None else str(value.get("S", ""))


def flag(item: Item | None, name: str) -> bool:
    """Whether a flag of an item is set; not if there is none."""
    return item is not None and bool(item.get(name, {}).get("BOOL"))
