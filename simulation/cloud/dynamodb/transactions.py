"""Transactions: all of their items or none, and once for each token."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from simulation.cloud.dynamodb.invalid import (
    CanceledError,
    ConditionFailedError,
    InvalidError,
    RefusedError,
    UnfitError,
)
from simulation.cloud.dynamodb.keys import Key, key_asked_for
from simulation.cloud.dynamodb.requests import Tables, bound_of, shown, table_of
from simulation.cloud.dynamodb.table import Row, Table
from simulation.cloud.dynamodb.values import copy_item
from simulation.cloud.dynamodb.writes import PlannedWrite, planned
from simulation.cloud.wire import Answer, Params

_MAX_ITEMS = 100
_MAX_BYTES = 4 * 1024 * 1024
_TOKEN_REMEMBERED = timedelta(minutes=10)
_MAX_TOKEN = 36
_NO_REASON = {"Code": "None"}
_TOO_LARGE = "Collection size exceeded: a transaction can't have more than 4 MB"


class Transactions:
    """TransactWriteItems and TransactGetItems, with the tokens of the last ten minutes."""

    def __init__(self, tables: Tables, now: Callable[[], datetime]) -> None:
        self._tables = tables
        self._now = now
        # What was committed by token; and when, oldest first.
        self._committed: dict[str, Any] = {}
        self._order: deque[tuple[datetime, str]] = deque()

    def write(self, params: Params) -> Answer:
        """Commit all, or say of each why not.

        Raises:
            InvalidError: it can't be a transaction.
            RefusedError: its token was another one's.
            CanceledError: an item's condition failed, or its update didn't fit.
        """
        items = params["TransactItems"]
        _check_count(items)
        token = params.get("ClientRequestToken")
        if token is not None and self._was_committed(token, items):
            return {}
        outcomes = _tried([_planned(item, self._tables) for item in items])
        if sum(_size(write, row) for write, row in outcomes) > _MAX_BYTES:
            raise InvalidError(_TOO_LARGE)
        for write, row in outcomes:
            write.do(row)
        if token is not None:
            self._committed[token] = items
            self._order.append((self._now(), token))
        return {}

    def read(self, params: Params) -> Answer:
        """Read all items as they were at one moment.

        Raises:
            InvalidError: it can't be a transaction.
        """
        items = params["TransactItems"]
        _check_count(items)
        asked = []
        for item in items:
            get = item["Get"]
            table, bound = table_of(self._tables, get), bound_of(get)
            asked.append((table, key_asked_for(get["Key"], table.schema.key), get, bound))
        _check_distinct((table, key) for table, key, _, _ in asked)
        responses: list[dict[str, Any]] = []
        for table, key, get, bound in asked:
            row = table.read(key, consistent=True)
            seen = row and shown(row.item, get.get("ProjectionExpression"), bound)
            responses.append({"Item": seen} if seen is not None else {})
        return {"Responses": responses}

    def _was_committed(self, token: str, items: Any) -> bool:
        if not 1 <= len(token) <= _MAX_TOKEN:
            raise InvalidError(
                f"1 validation error detected: Value '{token}' at 'clientRequestToken' failed to "
                "satisfy constraint: Member must have length less than or equal to 36"
            )
        forgotten = self._now() - _TOKEN_REMEMBERED
        while self._order and self._order[0][0] <= forgotten:
            del self._committed[self._order.popleft()[1]]
        if token not in self._committed:
            return False
        if self._committed[token] != items:
            raise RefusedError(
                "IdempotentParameterMismatchException",
                "The request uses the same client token as a previous, but non-identical request. "
                "Do not reuse a client token with different requests, unless the requests are "
                "identical",
            )
        return True


def _planned(item: dict[str, Any], tables: Tables) -> PlannedWrite | UnfitError:
    if len(item) != 1:
        raise InvalidError("TransactItems can only contain one of Check, Put, Update or Delete")
    ((kind, params),) = item.items()
    try:
        return planned(kind, params, tables)
    except UnfitError as error:
        return error


def _tried(
    planned_writes: list[PlannedWrite | UnfitError],
) -> list[tuple[PlannedWrite, Row | None]]:
    """The writes with what would be there after them, if all of them may be done."""
    writes = [write for write in planned_writes if isinstance(write, PlannedWrite)]
    _check_distinct((write.table, write.key) for write in writes)
    outcomes: list[tuple[PlannedWrite, Row | None]] = []
    reasons: list[dict[str, Any]] = []
    for write in planned_writes:
        reason: dict[str, Any] = dict(_NO_REASON)
        try:
            if isinstance(write, UnfitError):
                raise write
            outcomes.append((write, write.outcome()))
        except ConditionFailedError as error:
            reason = {"Code": "ConditionalCheckFailed", "Message": str(error)}
            if error.item is not None:
                reason["Item"] = copy_item(error.item)
        except UnfitError as error:
            reason = {"Code": "ValidationError", "Message": str(error)}
        reasons.append(reason)
    if len(outcomes) < len(planned_writes):
        raise CanceledError(reasons)
    return outcomes


def _size(write: PlannedWrite, outcome: Row | None) -> int:
    before = write.before
    return max(before.size if before else 0, outcome.size if outcome else 0)


def _check_count(items: Any) -> None:
    if not 1 <= len(items) <= _MAX_ITEMS:
        bound = "less than or equal to 100" if items else "greater than or equal to 1"
        raise InvalidError(
            "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: "
            f"Member must have length {bound}"
        )


def _check_distinct(places: Iterable[tuple[Table, Key]]) -> None:
    seen: set[tuple[str, Key]] = set()
    for table, key in places:
        if (table.schema.name, key) in seen:
            raise InvalidError("Transaction request cannot include multiple operations on one item")
        seen.add((table.schema.name, key))
