"""What requests have in common: tables, placeholders, copies of what is given and answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from simulation.cloud.dynamodb.expressions.bound import Bound
from simulation.cloud.dynamodb.expressions.projections import parsed as parsed_projection
from simulation.cloud.dynamodb.expressions.projections import projected
from simulation.cloud.dynamodb.invalid import InvalidError, RefusedError
from simulation.cloud.dynamodb.table import Table
from simulation.cloud.dynamodb.values import Item, Value, checked, copy_item
from simulation.cloud.wire import Params

Tables = dict[str, Table]
#: What came before expressions; nobody here speaks it.
_LEGACY = frozenset(
    {
        "AttributeUpdates",
        "AttributesToGet",
        "ConditionalOperator",
        "Expected",
        "KeyConditions",
        "QueryFilter",
        "ScanFilter",
    }
)
_NOTHING: Mapping[str, Any] = {}


def table_of(tables: Tables, params: Params) -> Table:
    """The table that a request is for.

    Raises:
        RefusedError: if there is none of that name.
        NotImplementedError: if the request has parts that nobody here speaks.
    """
    if not _LEGACY.isdisjoint(params):
        raise NotImplementedError(f"{_LEGACY & params.keys()}: only expressions are known here")
    table = tables.get(params["TableName"])
    if table is None:
        raise RefusedError(
            "ResourceNotFoundException",
            f"Requested resource not found: Table: {params['TableName']} not found",
        )
    return table


def bound_of(params: Params) -> Bound:
    """What a request gives for placeholders.

    Raises:
        InvalidError: if a value isn't one.
    """
    names = params.get("ExpressionAttributeNames")
    values = params.get("ExpressionAttributeValues")
    if names is not None and not names:
        raise InvalidError("ExpressionAttributeNames must not be empty")
    if values is None:
        return Bound(names or _NOTHING, _NOTHING)
    if not values:
        raise InvalidError("ExpressionAttributeValues must not be empty")
    held: dict[str, Value] = {}
    for name, value in values.items():
        try:
            held[name] = checked(value)[0]
        except InvalidError as error:
            raise InvalidError(
                f"ExpressionAttributeValues contains invalid value: {error} for key {name}"
            ) from error
    return Bound(names or _NOTHING, held)


def check_all_used(
    bound: Bound, *, names: Iterable[Iterable[str]], values: Iterable[Iterable[str]]
) -> None:
    """Refuse a request that gives what no expression of it uses.

    Raises:
        InvalidError: with the service's words.
    """
    for what, given, used in (("Names", bound.names, names), ("Values", bound.values, values)):
        if not given:
            continue
        known = {name for each in used for name in each}
        unused = [name for name in given if name not in known]
        if unused:
            raise InvalidError(
                f"Value provided in ExpressionAttribute{what} unused in expressions: keys: "
                f"{{{', '.join(unused)}}}"
            )


def shown(item: Item, projection: str | None, bound: Bound) -> dict[str, dict[str, Any]]:
    """A copy of what a request asks to see of an item."""
    if projection is None:
        return copy_item(item)
    return projected(item, parsed_projection(projection).places(bound))
