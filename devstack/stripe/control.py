"""The control routes outside /v1, by which tests and people play the world around Stripe."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devstack.stripe import control_objects
from devstack.stripe.disturbances import Action, Dispatch, Disturbance
from devstack.stripe.errors import ApiError, Json
from devstack.stripe.faults import Effect, Fault, Moment
from devstack.stripe.sending import Endpoint

if TYPE_CHECKING:
    from devstack.stripe.server import LocalStripe

_Handler = Callable[["LocalStripe", Mapping[str, str], Json], Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to a control request."""

    status: int
    body: Json


def handle(stripe: LocalStripe, *, method: str, path: str, body: bytes) -> Reply:
    """Answer a request under /_control; a wrong one gets 400 or 404 with a sentence."""
    for (wanted, template), handler in _ROUTES.items():
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", f"/_control{template}")
        found = re.fullmatch(pattern, path) if wanted == method else None
        if found:
            try:
                given = _object(body)
                return Reply(status=200, body=handler(stripe, found.groupdict(), given))
            except ApiError as error:
                return Reply(status=error.status, body=error.body())
            except (KeyError, TypeError, ValueError, re.error) as error:
                message = f"{type(error).__name__}: {error}"
                return Reply(status=400, body={"error": {"message": message}})
    return Reply(status=404, body={"error": {"message": f"no control route {method} {path}"}})


def _object(body: bytes) -> Json:
    given = json.loads(body) if body.strip() else {}
    if not isinstance(given, dict):
        raise TypeError("the body must be a JSON object")
    return given


def _requests(stripe: LocalStripe, _path: Mapping[str, str], _body: Json) -> Json:
    return {
        "counts": stripe.api.journal.counts(),
        "data": [dataclasses.asdict(received) for received in stripe.api.journal.all()],
    }


def _clear_requests(stripe: LocalStripe, _path: Mapping[str, str], _body: Json) -> Json:
    stripe.api.journal.clear()
    return {}


def _deliveries(stripe: LocalStripe, _path: Mapping[str, str], _body: Json) -> Json:
    return {"data": [dataclasses.asdict(item) for item in stripe.webhooks.deliveries()]}


def _objects(stripe: LocalStripe, path: Mapping[str, str], _body: Json) -> Json:
    with stripe.state.lock:
        return {"data": json.loads(json.dumps(stripe.state.all(path["kind"])))}


def _reset(stripe: LocalStripe, _path: Mapping[str, str], _body: Json) -> Json:
    stripe.reset()
    return {}


def _clock(stripe: LocalStripe, _path: Mapping[str, str], body: Json) -> Json:
    return {"now": stripe.state.advance(int(body["advance_seconds"]))}


def _add_fault(stripe: LocalStripe, _path: Mapping[str, str], body: Json) -> Json:
    _only(body, Fault, moment=Moment, effect=Effect)
    stripe.api.faults.add(Fault(**body))
    return {}


def _faults(stripe: LocalStripe, _path: Mapping[str, str], _body: Json) -> Json:
    return {"held": stripe.api.faults.held()}


def _clear_faults(stripe: LocalStripe, _path: Mapping[str, str], _body: Json) -> Json:
    stripe.api.faults.clear()
    return {}


def _release_calls(stripe: LocalStripe, _path: Mapping[str, str], _body: Json) -> Json:
    stripe.api.faults.release()
    return {}


def _add_disturbance(stripe: LocalStripe, _path: Mapping[str, str], body: Json) -> Json:
    _only(body, Disturbance, action=Action)
    types = tuple(body.get("types", ("*",)))
    stripe.webhooks.disturbances.add(Disturbance(**{**body, "types": types}))
    return {}


def _clear_disturbances(stripe: LocalStripe, _path: Mapping[str, str], _body: Json) -> Json:
    stripe.webhooks.disturbances.clear()
    return {}


def _release_events(stripe: LocalStripe, _path: Mapping[str, str], body: Json) -> Json:
    dispatch = stripe.webhooks.disturbances.release(
        body.get("order", "same"), seed=body.get("seed", 0)
    )
    stripe.webhooks.send(dispatch)
    return {"released": len(dispatch.event_ids)}


def _resend(stripe: LocalStripe, path: Mapping[str, str], body: Json) -> Json:
    with stripe.state.lock:
        event = stripe.state.get("event", path["id"], param="id", status=404)
    for _ in range(body.get("copies", 1)):
        stripe.webhooks.send(Dispatch(event_ids=(event["id"],)))
    return {}


def _repeat(stripe: LocalStripe, path: Mapping[str, str], _body: Json) -> Json:
    """Tell of the same occurrence by an event of its own, as Stripe now and then does."""
    with stripe.state.lock:
        event = stripe.state.get("event", path["id"], param="id", status=404)
        return stripe.state.emit(
            event["type"],
            event["data"]["object"],
            previous=event["data"].get("previous_attributes"),
        )


def _point_webhooks(stripe: LocalStripe, _path: Mapping[str, str], body: Json) -> Json:
    secrets = tuple(body["secrets"]) if "secrets" in body else stripe.webhook_secrets
    stripe.point_webhooks(Endpoint(url=body["url"], secrets=secrets) if body["url"] else None)
    return {}


def _on_object(play: Callable[..., Json]) -> _Handler:
    """A handler that plays one thing on the object that the path names."""

    def handler(stripe: LocalStripe, path: Mapping[str, str], body: Json) -> Json:
        with stripe.state.lock:
            return play(stripe.state, path["id"], **body)

    return handler


def _only(body: Json, shape: Any, **words: Any) -> None:
    """Refuse members that the shape does not have, and other words than those a member allows."""
    for name, allowed in words.items():
        if name in body and body[name] not in typing.get_args(allowed):
            raise ValueError(f"{name} must be one of {', '.join(typing.get_args(allowed))}")
    known = {item.name for item in dataclasses.fields(shape) if not item.name.startswith("_")}
    if body.keys() - known:
        raise ValueError(f"unknown: {', '.join(sorted(body.keys() - known))}")


_ROUTES: Mapping[tuple[str, str], _Handler] = {
    ("GET", "/requests"): _requests,
    ("DELETE", "/requests"): _clear_requests,
    ("GET", "/deliveries"): _deliveries,
    ("GET", "/objects/{kind}"): _objects,
    ("POST", "/reset"): _reset,
    ("POST", "/clock"): _clock,
    ("POST", "/webhooks"): _point_webhooks,
    ("GET", "/faults"): _faults,
    ("POST", "/faults"): _add_fault,
    ("DELETE", "/faults"): _clear_faults,
    ("POST", "/faults/release"): _release_calls,
    ("POST", "/disturbances"): _add_disturbance,
    ("DELETE", "/disturbances"): _clear_disturbances,
    ("POST", "/disturbances/release"): _release_events,
    ("POST", "/events/{id}/resend"): _resend,
    ("POST", "/events/{id}/repeat"): _repeat,
    **{("POST", template): _on_object(play) for template, play in control_objects.PLAYS.items()},
}
