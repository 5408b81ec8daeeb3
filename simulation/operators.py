"""What operators do: refund and adjust, here and in Stripe's dashboard; suspend, close; deploy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulation.http import Demand
from simulation.money import CENT_NANOS, cents, nanos, usd
from simulation.scheduler import current

if TYPE_CHECKING:
    from simulation.world import World

_SCOPE = "operator"


def refund(world: World, organization_id: str) -> None:
    """Send money back for a purchase; now and then twice, and by two operators."""
    actor, stream = current(), current().stream
    paid = world.stripe.payments_of(organization_id, "succeeded")
    if not paid:
        return
    payment = stream.choice(paid)
    body: dict[str, Any] = {"reason": "as a courtesy"}
    if stream.one_in(2):
        body["amount"] = cents(stream.between(1, payment["amount"]))
    demands = [
        Demand(
            organization_id,
            "POST",
            "/purchases/{purchase_id}/refunds",
            flow="refund",
            scope=_SCOPE,
            ids=(("purchase_id", payment["metadata"]["purchase_id"]),),
            body=body,
            key=f"refund {actor.name} {number}",
        )
        for number in range(stream.choice((1, 1, 1, 2)))
    ]
    if stream.one_in(4):
        demands.append(demands[0])
    for number, demand in enumerate(demands[1:]):
        world.start(
            actor.child_name("also"),
            lambda demand=demand: world.book.insist(demand),  # type: ignore[misc]
            flow="refund",
            after=0.01 * number + stream.seconds(0.02),
        )
    world.book.insist(demands[0])


def adjust(world: World, organization_id: str) -> None:
    """Give credits, or take some."""
    actor, stream = current(), current().stream
    sign = "-" if stream.one_in(4) else ""
    demand = Demand(
        organization_id,
        "POST",
        "/adjustments",
        flow="adjustment",
        scope=_SCOPE,
        body={"amount": sign + cents(stream.between(1, 2000)), "reason": "goodwill"},
        key=f"adjust {actor.name}",
    )
    if stream.one_in(4):
        world.also(lambda: world.book.insist(demand), flow="adjustment", soon=0.02)
    world.book.insist(demand)


def suspend(world: World, organization_id: str) -> None:
    """Suspend an account and let it go on later, or forget to; now and then several do both."""
    stream = current().stream
    if stream.one_in(4):
        for number in range(stream.between(1, 4)):
            act = stop if number % 2 else resume
            world.also(lambda act=act: act(world, organization_id), flow="suspension", soon=0.02)  # type: ignore[misc]
    stop(world, organization_id)
    world.scheduler.wait(stream.seconds(stream.choice((0.2, 20.0, 2000.0))))
    if not stream.one_in(5):
        resume(world, organization_id)


def stop(world: World, organization_id: str) -> None:
    """Suspend an account."""
    body = {"suspended": True, "reason": "chargebacks"}
    world.book.insist(_order(organization_id, "/suspension", body, flow="suspension"))


def resume(world: World, organization_id: str) -> None:
    """Let an account go on."""
    body = {"suspended": False, "reason": "all is well"}
    world.book.insist(_order(organization_id, "/suspension", body, flow="suspension"))


def close(world: World, organization_id: str) -> None:
    """Close an account for good; now and then while others suspend it, or close it, too."""
    stream = current().stream
    refunds = stream.one_in(2)
    demand = closure(organization_id, refunds=refunds)
    if stream.one_in(2):
        world.also(lambda: stop(world, organization_id), flow="suspension", soon=0.02)
    if stream.one_in(4):
        world.also(lambda: world.book.insist(demand), flow="closing", soon=0.02)
    if stream.one_in(8):
        other = closure(organization_id, refunds=not refunds)
        world.also(lambda: world.book.insist(other), flow="closing", soon=0.02)
    world.book.insist(demand)
    if stream.one_in(2):
        world.scheduler.wait(stream.seconds(600.0))
        world.book.insist(demand)


def closure(organization_id: str, *, refunds: bool) -> Demand:
    """The request that closes an account, or goes on with it."""
    body = {"refund": refunds, "reason": "goodbye"}
    return _order(organization_id, "/closure", body, flow="closing")


def use_last(world: World, organization_id: str) -> None:
    """Take an account just below its threshold: by usage, or by an adjustment."""
    actor, stream = current(), current().stream
    asked = Demand(organization_id, "GET", "/credits", flow="drain")
    reply = world.book.insist(asked)
    if reply is None or reply.status != 200:  # noqa: PLR2004
        return
    above = nanos(reply.body["available"]) - nanos(reply.body["auto_top_up"]["threshold"])
    if above <= 0 or not reply.body["auto_top_up"]["enabled"]:
        return
    amount_nanos = above + CENT_NANOS
    adjusts = stream.one_in(2)
    body = {"amount": f"-{usd(amount_nanos)}", "reason": "goodwill"}
    demand = Demand(
        organization_id,
        "POST",
        "/adjustments" if adjusts else "/deductions",
        flow="drain",
        scope=_SCOPE if adjusts else "gateway",
        body=body if adjusts else {"amount": usd(amount_nanos)},
        key=f"last {actor.name}",
    )
    world.book.insist(demand)


def refund_in_dashboard(world: World, organization_id: str) -> None:
    """Send money back by hand at Stripe, of which we only hear."""
    stream = current().stream
    paid = world.stripe.payments_of(organization_id, "succeeded")
    if not paid:
        return
    payment = stream.choice(paid)
    params = {"payment_intent": payment["id"]}
    if stream.one_in(2):
        params["amount"] = str(stream.between(1, payment["amount"]))
    status = world.stripe.send("POST", "/v1/refunds", params)
    world.story.tell(current().name, f"refunds {params} in the dashboard: {status}")


def rotate_secret(world: World, organization_id: str) -> None:
    """Have Stripe sign its webhooks with another secret."""
    del organization_id
    actor = current()
    world.faults.note(actor, "secret rotated", "secretsmanager", world.scheduler.now)
    world.story.tell(actor.name, "rotates the secret of the webhooks")
    world.webhooks.sign_with(f"whsec_{actor.stream.bits(64):016x}")


def deploy(world: World, organization_id: str) -> None:
    """Put out a new version in the middle of everything."""
    del organization_id
    world.faults.note(current(), "deploy", "lambda", world.scheduler.now)
    world.story.tell(current().name, "deploys: every instance is replaced")
    world.lambdas.deploy()


def _order(organization_id: str, route: str, body: dict[str, Any], *, flow: str) -> Demand:
    """A request about what an account may do; it has no key, since it may be repeated."""
    return Demand(organization_id, "PUT", route, flow=flow, scope=_SCOPE, body=body)
