"""One table: its items, its indexes, and what both were a moment ago."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulation.cloud.choices import Choices
from simulation.cloud.dynamodb.keys import Key, sorted_by, text_of
from simulation.cloud.dynamodb.schema import IndexSchema, KeySchema, TableSchema
from simulation.cloud.dynamodb.stream import MemoryStream
from simulation.cloud.dynamodb.values import Item

#: Where an item stands in a partition: its range key, then its key in the table.
Position = tuple[Any, Key]


@dataclass(frozen=True, slots=True)
class Row:
    """An item as it was stored, never changed in place, with its size in bytes."""

    item: Item
    size: int


def item_of(row: Row | None) -> Item | None:
    """The item, where there is one."""
    return None if row is None else row.item


class Ordered:
    """Keys of items by partition, sorted by a key schema; a table has one, and each index."""

    def __init__(self, key: KeySchema) -> None:
        self.key = key
        self.partitions: dict[Any, list[Position]] = {}

    def add(self, key: Key, item: Item) -> None:
        """Take in an item, unless it lacks the key."""
        at = sorted_by(item, self.key)
        if at is not None:
            insort(self.partitions.setdefault(at[0], []), (at[1], key))

    def remove(self, key: Key, item: Item) -> None:
        """Forget an item."""
        at = sorted_by(item, self.key)
        if at is None:
            return
        positions = self.partitions[at[0]]
        del positions[bisect_left(positions, (at[1], key))]
        if not positions:
            del self.partitions[at[0]]

    def moves(self, before: Item, after: Item) -> bool:
        """Whether a change of an item changes its place."""
        return any(before.get(name) != after.get(name) for name in self.key.names)


class Table:
    """A table's items, and those of its indexes."""

    def __init__(
        self, schema: TableSchema, *, choices: Choices, now: Callable[[], datetime]
    ) -> None:
        self.schema = schema
        self.rows: dict[Key, Row] = {}
        self.ordered = Ordered(schema.key)
        self.indexes = {index.name: (index, Ordered(index.key)) for index in schema.indexes}
        self.stream = MemoryStream(schema) if schema.stream else None
        self._choices = choices
        self._now = now
        # The latest changes of each item, oldest first: when it was changed, and from what.
        self._recent: dict[Key, list[tuple[datetime, Row | None]]] = {}

    def replace(self, key: Key, row: Row | None) -> None:
        """Make an item what it is from now on; None removes it."""
        before = self.rows.get(key)
        if before is None and row is None:
            return
        if self._choices.remembers:
            self._recent.setdefault(key, []).append((self._now(), before))
        for ordered in (self.ordered, *(each for _, each in self.indexes.values())):
            if before is not None and row is not None and not ordered.moves(before.item, row.item):
                continue
            if before is not None:
                ordered.remove(key, before.item)
            if row is not None:
                ordered.add(key, row.item)
        if row is None:
            del self.rows[key]
        else:
            self.rows[key] = row
        if self.stream is not None:
            self.stream.append(key, item_of(before), item_of(row), at=self._now())

    def read(self, key: Key, *, consistent: bool) -> Row | None:
        """The item, or what it was if an eventually consistent read may see that."""
        if not consistent and self._recent:
            changes = self._changes(key)
            if changes:
                behind = self._choices.read_behind(self.schema.name, text_of(key), len(changes))
                if behind > 0:
                    return changes[-min(behind, len(changes))][1]
        return self.rows.get(key)

    def partition(
        self, value: Any, *, index: str | None, consistent: bool
    ) -> Sequence[tuple[Position, Row]]:
        """The items of one partition in their order, as a query sees them."""
        ordered = self.ordered if index is None else self.indexes[index][1]
        positions = ordered.partitions.get(value, ())
        seen = [(position, self.rows[position[1]]) for position in positions]
        if consistent or not self._recent:
            return seen
        return self._as_seen(seen, ordered.key, index, value)

    def everything(self, *, index: str | None, consistent: bool) -> dict[Any, Any]:
        """The partitions with their items, as a scan sees them."""
        ordered = self.ordered if index is None else self.indexes[index][1]
        values = dict.fromkeys(ordered.partitions)
        if self._recent and not consistent:
            for changes in list(self._recent.values()):
                for at in _places((row for _, row in changes), ordered.key):
                    values[at[0]] = None
        return {
            value: self.partition(value, index=index, consistent=consistent) for value in values
        }

    def projected(self, row: Row, index: IndexSchema | None) -> Item:
        """What an index has of an item."""
        if index is None or index.projected is None:
            return row.item
        return {name: value for name, value in row.item.items() if name in index.projected}

    def _as_seen(
        self,
        seen: list[tuple[Position, Row]],
        schema: KeySchema,
        index: str | None,
        value: Any,
    ) -> list[tuple[Position, Row]]:
        """The same with the items that the reader is behind with as they were."""
        older: dict[Key, Row | None] = {}
        for key in list(self._recent):
            changes = self._changes(key)
            current = self.rows.get(key)
            versions = [*(row for _, row in changes), current]
            if not changes or all(at[0] != value for at in _places(versions, schema)):
                continue
            name, text = self.schema.name, text_of(key)
            behind = (
                self._choices.read_behind(name, text, len(changes))
                if index is None
                else self._choices.index_behind(f"{name}/{index}", text, len(changes))
            )
            if behind > 0:
                older[key] = changes[-min(behind, len(changes))][1]
        if not older:
            return seen
        kept = [each for each in seen if each[0][1] not in older]
        for key, row in older.items():
            at = None if row is None else sorted_by(row.item, schema)
            if row is not None and at is not None and at[0] == value:
                kept.append(((at[1], key), row))
        return sorted(kept, key=lambda each: each[0])

    def _changes(self, key: Key) -> list[tuple[datetime, Row | None]]:
        """An item's changes that not every replica has to have seen."""
        changes = self._recent.get(key)
        if not changes:
            return []
        settled = self._now() - self._choices.settles_after
        while changes and changes[0][0] <= settled:
            del changes[0]
        if not changes:
            del self._recent[key]
        return changes


def _places(rows: Iterable[Row | None], schema: KeySchema) -> list[Key]:
    places = [sorted_by(row.item, schema) for row in rows if row is not None]
    return [place for place in places if place is not None]
