"""Random calls of DynamoDB over a handful of keys."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.simulation.cloud.expressions import (
    Tree,
    Written,
    conditions,
    lists,
    maps,
    numbers,
    small_numbers,
    text_sets,
    texts,
    updates,
    values,
)

Call = tuple[str, dict[str, Any]]

keys = st.fixed_dictionaries(
    {
        "pk": st.sampled_from(["a", "b"]).map(lambda text: {"S": text}),
        "sk": st.sampled_from(["1", "2", "10"]).map(lambda text: {"N": text}),
    }
)
attributes = st.fixed_dictionaries(
    {},
    optional={
        "n": small_numbers,
        "s": st.one_of(texts, values),
        "ss": st.one_of(text_sets, text_sets, values),
        "l": st.one_of(lists, lists, values),
        "m": st.one_of(maps, maps, values),
        "g": st.sampled_from(["x", "y"]).map(lambda text: {"S": text}),
        "h": small_numbers,
    },
)
items = st.builds(lambda key, more: {**key, **more}, keys, attributes)
_TELLS = st.sampled_from([{}, {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}])


def _conditional(
    written: Written, condition: Tree | None, params: dict[str, Any]
) -> dict[str, Any]:
    if condition is not None:
        params["ConditionExpression"] = written.condition(condition)
    return {**params, **written.params()}


def _put(item: Any, condition: Tree | None, tells: Any) -> dict[str, Any]:
    return _conditional(Written(), condition, {"Item": item, **tells})


def _delete(key: Any, condition: Tree | None, tells: Any) -> dict[str, Any]:
    return _conditional(Written(), condition, {"Key": key, **tells})


def _update(key: Any, actions: list[Tree], condition: Tree | None, tells: Any) -> dict[str, Any]:
    written = Written()
    params = {"Key": key, "UpdateExpression": written.update(actions), **tells}
    return _conditional(written, condition, params)


def _check(key: Any, condition: Tree, tells: Any) -> dict[str, Any]:
    return _conditional(Written(), condition, {"Key": key, **tells})


def _query(partition: str, wanted: Tree, paging: Any, chosen: Tree | None) -> dict[str, Any]:
    written = Written()
    text = f"{written.path('pk')} = {written.value({'S': partition})}"
    match wanted:
        case ("between", low, high):
            text += f" AND {written.path('sk')} BETWEEN {written.value(low)} AND "
            text += written.value(high)
        case (operator, bound):
            text += f" AND {written.path('sk')} {operator} {written.value(bound)}"
    params: dict[str, Any] = {"KeyConditionExpression": text, **paging}
    if chosen is not None:
        params["FilterExpression"] = written.condition(chosen)
    return {**params, **written.params()}


def _index_query(group: str, paging: Any) -> dict[str, Any]:
    return {
        "IndexName": "groups",
        "KeyConditionExpression": "g = :g",
        "ExpressionAttributeValues": {":g": {"S": group}},
        **paging,
    }


_ranges = st.one_of(
    st.just(()),
    st.tuples(st.sampled_from(["=", "<", "<=", ">", ">="]), numbers),
    st.tuples(st.just("between"), numbers, numbers),
)
_paging = st.fixed_dictionaries(
    {"ScanIndexForward": st.booleans()}, optional={"Limit": st.integers(1, 3)}
)
index_queries = st.builds(_index_query, st.sampled_from(["x", "y"]), _paging)
_OLD = ["NONE", "ALL_OLD"]
_CHANGED = [*_OLD, "ALL_NEW"]
_UPDATED = ["UPDATED_OLD", "UPDATED_NEW"]


def _single(
    operation: str, writes: st.SearchStrategy[dict[str, Any]], answers: list[str]
) -> st.SearchStrategy[Call]:
    return st.builds(
        lambda params, asked: (operation, {**params, "ReturnValues": asked}),
        writes,
        st.sampled_from(answers),
    )


def _called(operation: str, params: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Call]:
    return params.map(lambda given: (operation, given))


_paged = st.fixed_dictionaries({}, optional={"Limit": st.integers(1, 3)})
_several_keys = st.lists(
    keys, min_size=1, max_size=3, unique_by=lambda key: str(sorted(key.items()))
)


def _place(part: dict[str, Any]) -> tuple[str, str]:
    ((_, params),) = part.items()
    key = params.get("Key") or params["Item"]
    return key["pk"]["S"], key["sk"]["N"]


def _transactions(parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(parts, min_size=1, max_size=4, unique_by=_place).map(
        lambda chosen: {"TransactItems": chosen}
    )


def calls(*, wild: bool) -> st.SearchStrategy[Call]:
    """Calls that make sense; if `wild`, also such as can't."""
    asked = conditions(wild=wild)
    maybe = st.one_of(st.none(), asked)
    filters = st.one_of(st.none(), conditions(wild=wild, of_keys=wild))
    puts = st.builds(_put, items, maybe, _TELLS)
    changes = st.builds(_update, keys, updates(wild=wild), maybe, _TELLS)
    deletes = st.builds(_delete, keys, maybe, _TELLS)
    checks = st.builds(_check, keys, asked, _TELLS)
    parts = st.one_of(
        puts.map(lambda params: {"Put": params}),
        changes.map(lambda params: {"Update": params}),
        deletes.map(lambda params: {"Delete": params}),
        checks.map(lambda params: {"ConditionCheck": params}),
    )
    queries = st.builds(_query, st.sampled_from(["a", "b"]), _ranges, _paging, filters)
    chosen = st.one_of(
        _single("put_item", puts, _OLD),
        _single("update_item", changes, [*_CHANGED, *(_UPDATED if wild else ())]),
        _single("delete_item", deletes, _OLD),
        _called("get_item", st.builds(lambda key: {"Key": key}, keys)),
        _called("query", queries),
        _called("query", index_queries),
        _called("scan", _paged),
        _called("batch_get_item", _several_keys.map(lambda found: {"Keys": found})),
        _called("transact_get_items", _several_keys.map(lambda found: {"Keys": found})),
        _called("transact_write_items", _transactions(parts)),
    )
    return st.deferred(lambda: chosen)  # which is not spelled out in every report


def for_table(call: Call, table: str) -> Call:
    """The same call, of that table."""
    operation, params = call
    match operation:
        case "transact_write_items":
            parts = [
                {kind: {**given, "TableName": table} for kind, given in part.items()}
                for part in params["TransactItems"]
            ]
            return operation, {"TransactItems": parts}
        case "transact_get_items":
            gets = [{"Get": {"Key": key, "TableName": table}} for key in params["Keys"]]
            return operation, {"TransactItems": gets}
        case "batch_get_item":
            return operation, {"RequestItems": {table: params}}
    return operation, {**params, "TableName": table}
