"""Stripe's lists: newest first, filtered, paged by the ids around a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from devstack.stripe.call import Call
from devstack.stripe.errors import Json, invalid, missing

_DEFAULT_LIMIT = 10
_MAX_LIMIT = 100


def within(created: int, wanted: Any) -> bool:
    """Whether a time is in the `created` filter: one second, or bounds gt, gte, lt, lte."""
    if isinstance(wanted, int):
        return created == wanted
    return (
        created > wanted.get("gt", -1)
        and created >= wanted.get("gte", 0)
        and ("lt" not in wanted or created < wanted["lt"])
        and ("lte" not in wanted or created <= wanted["lte"])
    )


def page(call: Call, oldest_first: Iterable[Json], *equal: str) -> Json:
    """The asked-for page of a collection.

    Args:
        call: its parameters give limit, cursors, `created`, and the fields named in `equal`.
        oldest_first: the whole collection in the order it came to be.
        equal: parameters that must equal the object's field of the same name.

    Raises:
        ApiError: 400 for a limit outside 1 to 100 or a cursor that names nothing.
    """
    params = call.params
    limit = params.get("limit", _DEFAULT_LIMIT)
    if not 1 <= limit <= _MAX_LIMIT:
        side = "greater than or equal to 1" if limit < 1 else "less than or equal to 100"
        raise invalid(f"Invalid integer: {limit}; must be {side}", param="limit")
    everything = list(oldest_first)[::-1]
    chosen = [
        item
        for item in everything
        if all(item.get(name) == params[name] for name in equal if name in params)
        and ("created" not in params or within(item["created"], params["created"]))
    ]
    order = {item["id"]: place for place, item in enumerate(everything)}
    if "starting_after" in params:
        place = _place(order, params["starting_after"], "starting_after")
        rest = [item for item in chosen if order[item["id"]] > place]
        data, has_more = rest[:limit], len(rest) > limit
    elif "ending_before" in params:
        place = _place(order, params["ending_before"], "ending_before")
        rest = [item for item in chosen if order[item["id"]] < place]
        data, has_more = rest[-limit:], len(rest) > limit
    else:
        data, has_more = chosen[:limit], len(chosen) > limit
    return {"object": "list", "data": data, "has_more": has_more, "url": call.url}


def _place(order: dict[str, int], cursor: str, param: str) -> int:
    if cursor not in order:
        raise missing("object", cursor, param=param)
    return order[cursor]
