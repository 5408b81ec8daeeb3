"""Events: the record of everything that happened, for those who missed a webhook."""

from __future__ import annotations

from devstack.stripe import lists
from devstack.stripe.call import Call, Routes
from devstack.stripe.errors import Json, invalid
from devstack.stripe.state import State

_MAX_TYPES = 20

#: Stripe shows the events of the last thirty days only.
_SHOWN_SECONDS = 30 * 24 * 3600


def _retrieve(state: State, call: Call) -> Json:
    return state.get("event", call.path["id"], param="id", status=404)


def _list(state: State, call: Call) -> Json:
    params = call.params
    if "type" in params and "types" in params:
        raise invalid("You may pass either type or types, but not both.", param="types")
    types = params.get("types", [params["type"]] if "type" in params else [])
    if len(types) > _MAX_TYPES:
        raise invalid(f"At most {_MAX_TYPES} types may be given.", param="types")
    oldest = state.now() - _SHOWN_SECONDS
    chosen = [
        item
        for item in state.all("event")
        if item["created"] >= oldest and (not types or _matches(item["type"], types))
    ]
    if "delivery_success" in params:
        wanted = params["delivery_success"]
        chosen = [item for item in chosen if (item["pending_webhooks"] == 0) is wanted]
    return lists.page(call, chosen)


def _matches(name: str, wanted: list[str]) -> bool:
    """Whether an event's type is one of these; `charge.*` stands for all that begin so."""
    return any(
        name == want or (want.endswith("*") and name.startswith(want[:-1])) for want in wanted
    )


ROUTES: Routes = {
    ("GET", "/v1/events"): _list,
    ("GET", "/v1/events/{id}"): _retrieve,
}
