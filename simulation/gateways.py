"""What gateways do: deduct, hold, settle, release, report; again if nobody answered."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from simulation.http import Demand
from simulation.money import CENT_NANOS, usd
from simulation.scheduler import current

if TYPE_CHECKING:
    from simulation.chance import Stream
    from simulation.world import World

_SCOPE = "gateway"


def deduct(world: World, organization_id: str) -> None:
    """Take credits; now and then again with the same key, or with the key of another request."""
    actor, stream = current(), current().stream
    body: dict[str, Any] = {"amount": _amount(stream.between(1, 900)), "project_id": "search"}
    if stream.one_in(3):
        body = {"usage": _lines(stream), "project_id": "search"}
    demand = _gateway(
        organization_id, "/deductions", flow="deduction", body=body, key=f"deduct {actor.name}"
    )
    if stream.one_in(5):
        world.also(lambda: world.book.insist(demand), flow="deduction", soon=0.01)
    world.book.insist(demand, patience=1.0 if stream.one_in(6) else 29.0)
    if stream.one_in(6):
        world.book.ask(demand)
    if stream.one_in(12):
        other = _gateway(
            organization_id,
            "/deductions",
            flow="deduction",
            body={"amount": _amount(stream.between(901, 950))},
            key=demand.key,
        )
        world.book.ask(other)


def count_traces(world: World, organization_id: str) -> None:
    """Several gateways have traces to count at the same moment, and no usage of models."""
    actor, stream = current(), current().stream
    for number in range(stream.between(2, 4)):
        lines = [{"kind": "traces", "count": stream.between(500, 4000)}]
        key = f"{actor.name} {number}"
        demand = _gateway(
            organization_id, "/deductions", flow="deduction", body={"usage": lines}, key=key
        )
        world.start(
            actor.child_name("gateway"),
            lambda demand=demand: world.book.insist(demand),  # type: ignore[misc]
            flow="deduction",
            after=stream.seconds(0.01),
        )


def hold(world: World, organization_id: str) -> None:
    """Set credits aside, use them in parts, and give the rest back, or forget about it."""
    actor, stream = current(), current().stream
    body = {
        "amount": _amount(stream.between(50, 1500)),
        "expires_in_seconds": stream.choice((10, 60, 600, 3600, 86_400)),
    }
    key = f"hold {actor.name}"
    reply = world.book.insist(_gateway(organization_id, "/holds", flow="hold", body=body, key=key))
    if reply is None or reply.status != 201:  # noqa: PLR2004
        return
    hold_id = str(reply.body["id"])
    for part in range(stream.between(0, 3)):
        world.scheduler.wait(stream.seconds(4.0))
        use_hold(world, organization_id, hold_id, f"{actor.name} part {part}", final=False)
    world.scheduler.wait(stream.seconds(8.0))
    end = stream.weighted((("settle", 5.0), ("release", 4.0), ("both", 2.0), ("forget", 3.0)))
    if end == "both":
        world.also(
            lambda: use_hold(world, organization_id, hold_id, f"{actor.name} late", final=True),
            flow="settlement",
            soon=0.02,
        )
    if end in {"release", "both"}:
        release = _on_hold(
            organization_id, hold_id, "release", flow="release", key=f"release {actor.name}"
        )
        world.book.insist(release)
    if end == "settle":
        use_hold(world, organization_id, hold_id, f"{actor.name} end", final=True)


def use_hold(world: World, organization_id: str, hold_id: str, name: str, *, final: bool) -> None:
    """Settle a hold, by a request or by a report."""
    stream = current().stream
    if stream.one_in(3):
        body = _report(world, organization_id, name) | {"hold_id": hold_id, "final": final}
        send_report(world, organization_id, body)
        return
    body = {"amount": _amount(stream.between(0, 500)), "final": final}
    if stream.one_in(3):
        body = {"usage": _lines(stream), "final": final}
    demand = _on_hold(
        organization_id, hold_id, "settle", flow="settlement", key=f"settle {name}", body=body
    )
    if stream.one_in(5):
        world.also(lambda: world.book.insist(demand), flow="settlement", soon=0.01)
    world.book.insist(demand)


def report(world: World, organization_id: str) -> None:
    """Send usage reports: some twice, some much later again, some with other content."""
    actor, stream = current(), current().stream
    bodies = [
        _report(world, organization_id, f"{actor.name} {number}")
        for number in range(stream.between(1, 5))
    ]
    for body in bodies:
        send_report(world, organization_id, body)
    again = stream.choice(bodies)
    if stream.one_in(3):
        world.scheduler.wait(stream.seconds(1.0))
        send_report(world, organization_id, again)
    if stream.one_in(6):
        world.scheduler.wait(400 + stream.seconds(3600.0))
        send_report(world, organization_id, again)
    if stream.one_in(8):
        other = {**again, "lines": [{"kind": "amount", "amount": "0.77"}]}
        world.scheduler.wait(stream.seconds(200.0))
        send_report(world, organization_id, other, deduplication=f"{again['report_id']}.other")


def hint_again(world: World, organization_id: str, *, gap: float = 0.15) -> None:
    """Hints that an account may be low come as often as they like: any number make one charge."""
    stream = current().stream
    url = world.cloud.environment["TOP_UP_QUEUE_URL"]
    sqs = world.cloud.sqs
    for _ in range(stream.between(1, 4)):
        body = json.dumps({"organization_id": organization_id})
        params = {"QueueUrl": url, "MessageBody": body}
        sqs.call("SendMessage", sqs.completed("SendMessage", params))
        world.queues.poll_soon(url)
        world.scheduler.wait(stream.seconds(gap))


def ask_access(world: World, organization_id: str) -> None:
    """Ask whether requests may be served."""
    world.book.ask(Demand(organization_id, "GET", "/access", flow="access", scope=_SCOPE))


def send_report(
    world: World, organization_id: str, body: dict[str, Any], *, deduplication: str = ""
) -> None:
    """Put a report on the queue, and keep that it was sent."""
    world.book.sent(organization_id, body)
    world.story.tell(current().name, f"reports {json.dumps(body['lines'])} as {body['report_id']}")
    url = world.cloud.environment["USAGE_QUEUE_URL"]
    params = {
        "QueueUrl": url,
        "MessageBody": json.dumps(body),
        "MessageGroupId": organization_id,
        "MessageDeduplicationId": deduplication or body["report_id"],
    }
    sqs = world.cloud.sqs
    sqs.call("SendMessage", sqs.completed("SendMessage", params))
    world.queues.poll_soon(url)


def _report(world: World, organization_id: str, name: str) -> dict[str, Any]:
    stream = current().stream
    at = world.now() - timedelta(seconds=stream.between(0, 3600))
    return {
        "version": 1,
        "report_id": name.replace(" ", "."),
        "organization_id": organization_id,
        "project_id": stream.choice(("search", "chat", None)),
        "occurred_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lines": _lines(stream),
    }


def _lines(stream: Stream) -> list[dict[str, Any]]:
    """What was used: amounts, tokens of a model, and traces, most of them beyond the plan."""
    lines: list[dict[str, Any]] = [
        {"kind": "amount", "amount": _amount(stream.between(1, 300))}
        for _ in range(stream.between(1, 3))
    ]
    if stream.one_in(4):
        lines.append({"kind": "traces", "count": stream.between(1, 9000)})
    if stream.one_in(4):
        lines.append(
            {
                "kind": "model",
                "provider": "openai",
                "model": "gpt-4o",
                "calls": 1,
                "input_tokens": stream.between(1, 40_000),
                "output_tokens": stream.between(1, 9_000),
            }
        )
    return lines


def _gateway(organization_id: str, route: str, *, flow: str, body: Any, key: str | None) -> Demand:
    return Demand(organization_id, "POST", route, flow=flow, scope=_SCOPE, body=body, key=key)


def _on_hold(
    organization_id: str, hold_id: str, act: str, *, flow: str, key: str, body: Any = None
) -> Demand:
    return Demand(
        organization_id,
        "POST",
        f"/holds/{{hold_id}}/{act}",
        flow=flow,
        scope=_SCOPE,
        ids=(("hold_id", hold_id),),
        body=body,
        key=key,
    )


def _amount(hundredths: int) -> str:
    """So many cents, with a part of a cent, so that rounding would show."""
    return usd(hundredths * CENT_NANOS + (hundredths % 7) * 1_234_567)
