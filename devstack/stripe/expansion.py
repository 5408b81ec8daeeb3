"""Putting whole objects where an answer has their ids, as `expand` asks."""

from __future__ import annotations

import copy
from typing import Any

from devstack.stripe.errors import Json, invalid
from devstack.stripe.state import State

_MAX_DEPTH = 4


def expand(state: State, answer: Json, wanted: list[str]) -> Json:
    """A copy of the answer with each wanted path expanded.

    Raises:
        ApiError: 400 for a path that can't be expanded, or is deeper than four levels.
    """
    answer = copy.deepcopy(answer)
    for path in wanted:
        steps = path.split(".")
        if len(steps) > _MAX_DEPTH:
            raise invalid(
                f"You cannot expand more than {_MAX_DEPTH} levels of a property. Property: {path}",
                param="expand",
            )
        _expand(state, answer, steps, path)
    return answer


def _expand(state: State, here: Json, steps: list[str], path: str) -> None:
    name, rest = steps[0], steps[1:]
    if name not in here:
        here[name] = _included(state, here, name, path)
    here[name] = _whole(state, here[name])
    if rest:
        below = here[name]
        for item in below if isinstance(below, list) else [below]:
            if isinstance(item, dict):
                _expand(state, item, rest, path)


def _whole(state: State, value: Any) -> Any:
    found = state.find(value) if isinstance(value, str) else None
    return copy.deepcopy(found) if found is not None else value


def _included(state: State, here: Json, name: str, path: str) -> Json:
    """Lists that an object has only when asked for: a customer's tax ids, a charge's refunds."""
    kinds = {
        ("customer", "tax_ids"): ("tax_id", "customer", "/v1/customers/{}/tax_ids"),
        ("charge", "refunds"): ("refund", "charge", "/v1/charges/{}/refunds"),
    }
    found = kinds.get((str(here.get("object")), name))
    if found is None:
        raise invalid(
            f"This property cannot be expanded ({path}). You may want to try expanding "
            f"'data.{path}'."
            if here.get("object") == "list"
            else f"This property cannot be expanded ({path}).",
            param="expand",
        )
    kind, field, url = found
    data = [item for item in state.all(kind) if item[field] == here["id"]][::-1]
    return {
        "object": "list",
        "data": copy.deepcopy(data),
        "has_more": False,
        "url": url.format(here["id"]),
    }
