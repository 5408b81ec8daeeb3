"""Writes to one item: understood first, then tried, then done; alone or in a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from simulation.cloud.dynamodb.expressions import conditions, updates
from simulation.cloud.dynamodb.expressions.bound import Bound
from simulation.cloud.dynamodb.expressions.conditions import Condition
from simulation.cloud.dynamodb.expressions.projections import projected
from simulation.cloud.dynamodb.expressions.updates import Update
from simulation.cloud.dynamodb.invalid import (
    ConditionFailedError,
    InvalidError,
    UnfitError,
)
from simulation.cloud.dynamodb.keys import Key, check_index_keys, key_asked_for, key_in_item
from simulation.cloud.dynamodb.requests import Tables, bound_of, check_all_used, table_of
from simulation.cloud.dynamodb.table import Row, Table
from simulation.cloud.dynamodb.values import Item, checked, checked_item, copy_item, size_of_item
from simulation.cloud.wire import Params

MAX_ITEM_BYTES = 400 * 1024
_NOTHING: Item = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWrite:
    """A write that makes sense by itself; `put` is there for a put, `update` for an update."""

    kind: str
    table: Table
    key: Key
    bound: Bound
    condition: Condition | None
    put: Row | None = None
    update: Update | None = None
    keys: Item = _NOTHING
    tells: bool = False

    @property
    def before(self) -> Row | None:
        """What is there now."""
        return self.table.rows.get(self.key)

    def do(self, outcome: Row | None) -> None:
        """Make the outcome what is there."""
        if self.kind != "ConditionCheck":
            self.table.replace(self.key, outcome)

    def outcome(self) -> Row | None:
        """What would be there after it, None for nothing; nothing is changed.

        Raises:
            ConditionFailedError: its condition doesn't hold.
            UnfitError: it doesn't fit the item.
        """
        before = self.before
        item = before.item if before else _NOTHING
        if self.condition is not None and not self.condition.holds(item, self.bound):
            raise ConditionFailedError(before.item if before and self.tells else None)
        if self.update is None:
            return self.put
        self.update.check_keys(self.bound, self.table.schema.key.names)
        changed = self.update.applied({**self.keys, **item}, self.bound)
        for index in self.table.schema.indexes:
            try:
                check_index_keys(changed, index, updated=True)
            except InvalidError as error:
                raise UnfitError(str(error)) from error
        size = size_of_item(changed)
        if size > MAX_ITEM_BYTES:
            raise UnfitError("Item size to update has exceeded the maximum allowed size")
        return Row(changed, size)


def planned(kind: str, params: Params, tables: Tables) -> PlannedWrite:
    """Understand a request of that kind: "Put", "Update", "Delete" or "ConditionCheck".

    Raises:
        InvalidError: if it makes no sense.
    """
    table = table_of(tables, params)
    bound = bound_of(params)
    text = params.get("ConditionExpression")
    condition = None if text is None else conditions.parsed(text)
    update = updates.parsed(params["UpdateExpression"]) if "UpdateExpression" in params else None
    if kind == "ConditionCheck" and condition is None:
        raise InvalidError("The expression can not be empty;")
    expressions = [each for each in (condition, update) if each is not None]
    if condition is not None:
        condition.check(bound)
    if update is not None:
        update.check(bound)
    check_all_used(
        bound,
        names=[each.names for each in expressions],
        values=[each.values for each in expressions],
    )
    put = _row_to_put(params["Item"], table) if kind == "Put" else None
    keys: Any = {} if kind == "Put" else params["Key"]
    key = (
        key_in_item(put.item, table.schema.key)
        if put is not None
        else key_asked_for(keys, table.schema.key)
    )
    return PlannedWrite(
        kind=kind,
        table=table,
        key=key,
        bound=bound,
        condition=condition,
        put=put,
        update=update or (_NO_UPDATE if kind == "Update" else None),
        keys={name: checked(value)[0] for name, value in keys.items()}
        if kind == "Update"
        else _NOTHING,
        tells=params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD",
    )


def _row_to_put(item: Item, table: Table) -> Row:
    held, size = checked_item(item)
    if size > MAX_ITEM_BYTES:
        raise InvalidError("Item size has exceeded the maximum allowed size")
    for index in table.schema.indexes:
        check_index_keys(held, index, updated=False)
    return Row(held, size)


_NO_UPDATE = Update((), (), ())


def returned(
    asked: str, write: PlannedWrite, before: Item | None, after: Item | None
) -> dict[str, dict[str, Any]] | None:
    """The attributes that `ReturnValues` asks for, if there are any."""
    item = before if asked.endswith("_OLD") else after
    if asked == "NONE" or item is None:
        return None
    if asked.startswith("ALL"):
        return copy_item(item)
    places = write.update.places(write.bound) if write.update else ()
    return projected(item, tuple(places)) or None
