"""Requests to the real application, as API Gateway hands them to its Lambda."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

from simulation.lambdas import API, Answered
from simulation.outcomes import answered
from simulation.scheduler import current

if TYPE_CHECKING:
    from simulation.world import World

#: API Gateway waits no longer for an answer.
_GATEWAY_SECONDS = 29.0
#: The answer to one request in so many never reaches who asked.
_ANSWERS_LOST = 40
_BUG, _BUSY = 500, 503
_ORGANIZATION = "/v1/organizations/{organization_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What was answered."""

    status: int
    body: dict[str, Any]
    replayed: bool = False

    @property
    def code(self) -> str:
        """The code of a refusal."""
        return str(self.body.get("code", ""))


@dataclass(frozen=True, slots=True)
class Demand:
    """A request to one of an organization's routes: `Demand(org, "POST", "/holds", …)`."""

    organization_id: str
    method: str
    route: str
    _: KW_ONLY
    flow: str
    scope: str = "credits:read credits:write"
    ids: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None
    key: str | None = None

    @property
    def said(self) -> str:
        """The request in a few words."""
        path = self.route
        for name, value in self.ids:
            path = path.replace(f"{{{name}}}", value)
        content = "" if self.body is None else f" {json.dumps(self.body)}"
        key = "" if self.key is None else f" (key {self.key})"
        return f"{self.method} {self.organization_id}{path}{content}{key}"


def ask(world: World, demand: Demand, *, patience: float = _GATEWAY_SECONDS) -> Reply | None:
    """Send a request; None if no answer came, and nobody knows what became of it."""
    token = {"sub": "ada", "org_id": demand.organization_id, "scope": demand.scope}
    headers = {"authorization": f"Bearer {json.dumps(token)}", "content-type": "application/json"}
    if demand.key is not None:
        headers["idempotency-key"] = demand.key
    event = _event(
        demand.method,
        _ORGANIZATION + demand.route,
        ids={"organization_id": demand.organization_id, **dict(demand.ids)},
        headers=headers,
        body="" if demand.body is None else json.dumps(demand.body),
    )
    world.story.tell(current().name, demand.said)
    return _send(world, event, flow=demand.flow, patience=min(patience, _GATEWAY_SECONDS))


def post_webhook(world: World, payload: str, signature: str) -> Reply | None:
    """Deliver an event of Stripe's."""
    headers = {"stripe-signature": signature, "content-type": "application/json"}
    event = _event("POST", "/webhooks/stripe", ids={}, headers=headers, body=payload)
    return _send(world, event, flow="webhook", patience=_GATEWAY_SECONDS)


def _send(world: World, event: dict[str, Any], *, flow: str, patience: float) -> Reply | None:
    actor = current()
    name = actor.child_name("request")
    after = actor.stream.seconds(0.02)
    invocation = world.lambdas.invoke(API, event, flow=flow, name=name, after=after)
    came = world.scheduler.wait_for(invocation, at_most=after + patience)
    lost = world.faults.active and actor.stream.one_in(_ANSWERS_LOST)
    result: Answered | None = invocation.result
    if not came or result is None or result.error is not None:
        world.story.tell(actor.name, "gets no answer")
        return None
    if lost and (actor.name, actor.calls) not in world.faults.muted:
        world.faults.note(actor, "caller hears nothing", "http", world.scheduler.now)
        world.story.tell(actor.name, "** never hears the answer **")
        return None
    reply = _reply(world, actor.name, result.value)
    world.outcomes[answered(event["httpMethod"], event["resource"], reply.status)] += 1
    if reply.status == _BUG:
        world.violated("no internal error", f"{flow} was answered {reply}")
    if reply.status == _BUSY and not any(each.actor == name for each in world.faults.befallen):
        world.violated("nobody is put off without need", f"{flow}: {reply.body.get('detail')}")
    return reply


def _reply(world: World, who: str, answer: Mapping[str, Any]) -> Reply:
    headers = {name.lower(): value for name, value in answer.get("headers", {}).items()}
    text = answer.get("body") or "{}"
    reply = Reply(
        status=answer["statusCode"],
        body=json.loads(text),
        replayed=headers.get("idempotency-replayed") == "true",
    )
    world.story.tell(who, f"is answered {reply.status} {text[:160]}")
    return reply


def _event(
    method: str,
    resource: str,
    *,
    ids: Mapping[str, str],
    headers: Mapping[str, str],
    body: str,
) -> dict[str, Any]:
    return {
        "resource": resource,
        "path": resource,
        "httpMethod": method,
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": dict(ids),
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": resource,
            "requestId": "simulated",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": body,
        "isBase64Encoded": False,
    }
