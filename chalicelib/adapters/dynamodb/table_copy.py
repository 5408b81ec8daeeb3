"""Making a table equal to another, such as one that was restored beside it from a backup.

The table keeps its name, stream, alarms and policies. Only items that differ are written, so a run
that was broken off goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

Item = Mapping[str, Any]

_GET_LIMIT = 100
_WRITE_LIMIT = 25
#: With doubling pauses about a minute: an on-demand table has made room by then.
_ATTEMPTS = 12


class TableMismatchError(Exception):
    """The tables can't be one and the same; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An item to put as it is in the source, or one to delete, by its key."""

    key: Item
    item: Item | None


class TableCopy:
    """One table and the one that it is to be like."""

    def __init__(self, client: Any, *, target: str, source: str) -> None:
        self._client = client
        self._target = target
        self._source = source
        self._known_keys: dict[str, Sequence[str]] = {}

    def check(self) -> None:
        """Make sure that both have the same kind of key.

        Raises:
            TableMismatchError: if they don't, or are the same table.
        """
        if self._target == self._source:
            raise TableMismatchError("A table can't be restored from itself.")
        keys = [self._keys(self._source), self._keys(self._target)]
        if keys[0] != keys[1]:
            raise TableMismatchError(f"Their keys differ: {keys[0]} and {keys[1]}.")

    def changes(self) -> Iterator[Change]:
        """All that the table lacks of the source, then all that it has beyond it."""
        names = self._keys(self._target)
        for part in _parts(self._scan(self._source), _GET_LIMIT):
            kept = self._found(self._target, [_key(item, names) for item in part])
            for item in part:
                key = _key(item, names)
                if kept.get(_place(key)) != item:
                    yield Change(key=key, item=item)
        for part in _parts(self._scan(self._target), _GET_LIMIT):
            wanted = self._found(self._source, [_key(item, names) for item in part])
            for item in part:
                key = _key(item, names)
                if _place(key) not in wanted:
                    yield Change(key=key, item=None)

    def make(self, changes: Iterator[Change]) -> Iterator[Change]:
        """Make the changes, giving each once it is made.

        Raises:
            TimeoutError: if the table takes no more; run again.
        """
        for part in _parts(changes, _WRITE_LIMIT):
            requests = [
                {"DeleteRequest": {"Key": change.key}}
                if change.item is None
                else {"PutRequest": {"Item": change.item}}
                for change in part
            ]
            self._write(requests)
            yield from part

    def _write(self, requests: Sequence[Mapping[str, Any]]) -> None:
        left: Mapping[str, Any] = {self._target: requests}
        for attempt in range(_ATTEMPTS):
            left = self._client.batch_write_item(RequestItems=left)["UnprocessedItems"]
            if not left:
                return
            time.sleep(0.05 * 2**attempt)
        raise TimeoutError(f"{self._target} takes no more now; the same command goes on later.")

    def _found(self, table: str, keys: Sequence[Item]) -> Mapping[tuple[str, ...], Item]:
        found: dict[tuple[str, ...], Item] = {}
        left: Mapping[str, Any] = {table: {"Keys": keys, "ConsistentRead": True}}
        for attempt in range(_ATTEMPTS):
            answer = self._client.batch_get_item(RequestItems=left)
            for item in answer["Responses"].get(table, ()):
                found[_place(_key(item, self._keys(table)))] = item
            left = answer["UnprocessedKeys"]
            if not left:
                return found
            time.sleep(0.05 * 2**attempt)
        raise TimeoutError(f"{table} can't be read any faster; the same command goes on later.")

    def _scan(self, table: str) -> Iterator[Item]:
        pages = self._client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        for page in pages:
            yield from page["Items"]

    def _keys(self, table: str) -> Sequence[str]:
        if table not in self._known_keys:
            described = self._client.describe_table(TableName=table)["Table"]["KeySchema"]
            self._known_keys[table] = [part["AttributeName"] for part in described]
        return self._known_keys[table]


def _parts(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while part := list(islice(items, size)):
        yield part


def _key(item: Item, names: Sequence[str]) -> Item:
    return {name: item[name] for name in names}


def _place(key: Item) -> tuple[str, ...]:
    return tuple(f"{kind}:{value}" for part in key.values() for kind, value in part.items())
