"""What people do on the Credits page: buy, save cards, change settings, press twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from devstack.stripe import control_objects
from devstack.stripe.errors import ApiError
from simulation.http import Demand, Reply
from simulation.money import cents
from simulation.scheduler import current

if TYPE_CHECKING:
    from simulation.world import World

#: Test cards by how often they are saved.
CARDS = (
    ("pm_card_visa", 40.0),
    ("pm_card_mastercard", 12.0),
    ("pm_card_chargeCustomerFail", 8.0),
    ("pm_card_authenticationRequired", 9.0),
    ("pm_card_threeDSecure2Required", 5.0),
    ("pm_card_authenticationRequiredOnSetup", 4.0),
    ("pm_card_processing", 9.0),
    ("pm_card_createDispute", 3.0),
    ("pm_card_createDisputeInquiry", 2.0),
    ("pm_card_pendingRefund", 4.0),
    ("pm_card_refundFail", 4.0),
)
_ADDRESS = {"line1": "1 Main St", "city": "Berlin", "postal_code": "10115", "country": "DE"}
_IMPATIENT_SECONDS = 1.5


def save_card(world: World, organization_id: str, *, card: str | None = None) -> None:
    """Save a card, and say whom to invoice."""
    stream = current().stream
    name = card or stream.weighted(CARDS)
    if not change_billing_details(world, organization_id):
        return
    demand = Demand(organization_id, "POST", "/payment-methods/setup", flow="card")
    reply = world.book.ask(demand)
    if reply is None or reply.status != 200:  # noqa: PLR2004
        return
    setup = str(reply.body["client_secret"]).partition("_secret_")[0]
    world.scheduler.wait(stream.seconds(2.0))
    saved = world.stripe.confirm_setup(setup, name)
    if saved is not None:
        world.wallets.setdefault(organization_id, []).append(saved)
        world.story.tell(current().name, f"{organization_id} has saved {name} as {saved}")


def change_billing_details(world: World, organization_id: str) -> bool:
    """Say whom to invoice; whether that is known to be kept."""
    stream = current().stream
    email = f"{organization_id}{stream.between(0, 3)}@example.com"
    body = {"name": "Acme GmbH", "email": email, "address": _ADDRESS, "tax_id": None}
    demand = Demand(organization_id, "PUT", "/billing-details", flow="billing details", body=body)
    reply = world.book.insist(demand, tries=3)
    return reply is not None and reply.status == 200  # noqa: PLR2004


def buy(world: World, organization_id: str) -> None:
    """Buy credits; now and then press twice, or give up waiting and press again."""
    actor, stream = current(), current().stream
    wallet = world.wallets.get(organization_id)
    if not wallet:
        save_card(world, organization_id)
        wallet = world.wallets.get(organization_id)
    if not wallet:
        return
    body = {
        "amount": cents(100 * stream.between(5, 60) + stream.between(0, 99)),
        "payment_method_id": stream.choice(wallet),
    }
    demand = Demand(
        organization_id,
        "POST",
        "/purchases",
        flow="purchase",
        body=body,
        key=f"buy {actor.name}",
    )
    habit = stream.weighted((("once", 6.0), ("twice", 2.0), ("other key", 1.0), ("hasty", 2.0)))
    if habit == "twice":
        world.also(
            lambda: _follow(world, organization_id, world.book.insist(demand)),
            flow=actor.flow,
            soon=0.05,
        )
    elif habit == "other key":
        other = Demand(
            organization_id,
            "POST",
            "/purchases",
            flow="purchase",
            body=body,
            key=f"buy again {actor.name}",
        )
        world.also(
            lambda: _follow(world, organization_id, world.book.insist(other)),
            flow=actor.flow,
            soon=0.05,
        )
    patience = _IMPATIENT_SECONDS if habit == "hasty" else 29.0
    _follow(world, organization_id, world.book.insist(demand, patience=patience))


def _follow(world: World, organization_id: str, reply: Reply | None) -> None:
    """Do what the bank wants of the buyer, or not; look how it ended."""
    if reply is None or reply.status != 201:  # noqa: PLR2004
        return
    stream = current().stream
    if reply.body["status"] == "requires_action":
        secret = str(reply.body.get("client_secret", ""))
        act_on_challenge(world, secret.partition("_secret_")[0])
    world.scheduler.wait(stream.seconds(20.0))
    look_at_purchase(world, organization_id, str(reply.body["id"]))


def act_on_challenge(world: World, payment_id: str) -> None:
    """Pass 3-D Secure, fail it, or walk away."""
    world.scheduler.wait(current().stream.seconds(15.0))
    answer_challenge(world, payment_id)


def answer_challenge(world: World, payment_id: str) -> None:
    """Do at once what the bank wants, or not."""
    actor = current()
    fate = actor.stream.weighted((("accept", 5.0), ("refuse", 3.0), ("walk away", 3.0)))
    if fate == "walk away":
        world.faults.note(actor, "3DS abandoned", "stripe", world.scheduler.now)
        return
    kind = "3DS accepted" if fate == "accept" else "3DS refused"
    world.faults.note(actor, kind, "stripe", world.scheduler.now)
    world.story.tell(actor.name, f"answers the challenge of {payment_id}: {fate}")
    play(world, control_objects.authenticate_payment, payment_id, outcome=fate)


def play(world: World, act: Callable[..., Any], object_id: str, **how: Any) -> bool:
    """Have somebody do something at Stripe; False if it can't be done there any more."""
    try:
        act(world.stripe.state, object_id, **how)
    except (ApiError, ValueError, KeyError) as error:
        world.story.tell(current().name, f"can't: {error}")
        return False
    return True


def look_at_purchase(world: World, organization_id: str, purchase_id: str) -> None:
    """Ask how a purchase stands."""
    demand = Demand(
        organization_id,
        "GET",
        "/purchases/{purchase_id}",
        flow="purchase",
        ids=(("purchase_id", purchase_id),),
    )
    world.book.ask(demand)


def save_top_up(world: World, organization_id: str) -> None:
    """Turn auto top-up on, change it, or turn it off; now and then at two places at once."""
    stream = current().stream
    if not world.wallets.get(organization_id):
        save_card(world, organization_id)

    def save() -> None:
        amount = 100 * current().stream.between(5, 30)
        limit = current().stream.choice((None, amount * 2, amount * 3, amount * 6))
        body: dict[str, Any] = {
            "enabled": not current().stream.one_in(8),
            "threshold": cents(100 * current().stream.between(1, 30)),
            "amount": cents(amount),
            "monthly_limit": None if limit is None else cents(limit),
        }
        demand = Demand(organization_id, "PUT", "/auto-top-up", flow="settings", body=body)
        world.book.ask(demand)

    if stream.one_in(4):
        world.also(save, flow=current().flow, soon=0.05)
    save()


def choose_card(world: World, organization_id: str) -> None:
    """Choose the card for auto top-up."""
    wallet = world.wallets.get(organization_id)
    if not wallet:
        return
    demand = Demand(
        organization_id,
        "PUT",
        "/payment-methods/{payment_method_id}/default",
        flow="card",
        ids=(("payment_method_id", current().stream.choice(wallet)),),
    )
    world.book.ask(demand)


def remove_card(world: World, organization_id: str) -> None:
    """Forget a card."""
    wallet = world.wallets.get(organization_id)
    if not wallet:
        return
    card = current().stream.choice(wallet)
    demand = Demand(
        organization_id,
        "DELETE",
        "/payment-methods/{payment_method_id}",
        flow="card",
        ids=(("payment_method_id", card),),
    )
    reply = world.book.ask(demand)
    if reply is not None and reply.status == 204:  # noqa: PLR2004
        world.wallets[organization_id] = [each for each in wallet if each != card]


def look_around(world: World, organization_id: str) -> None:
    """Open the page: the balance, the history, the cards."""
    for route in ("/credits", "/transactions", "/payment-methods", "/auto-top-up", "/ledger"):
        world.book.ask(Demand(organization_id, "GET", route, flow="page"))
