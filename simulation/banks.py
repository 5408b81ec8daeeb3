"""What banks, cardholders and Stripe do by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devstack.stripe import control_objects
from simulation.people import act_on_challenge, play
from simulation.scheduler import current

if TYPE_CHECKING:
    from simulation.world import World

_DECLINES = (
    "insufficient_funds",
    "generic_decline",
    "do_not_honor",
    "lost_card",
    "expired_card",
    "stolen_card",
)


def decide_payments(world: World, organization_id: str) -> None:
    """Payments that are processing end, well or badly."""
    for payment in world.stripe.payments_of(organization_id, "processing"):
        decide(world, payment["id"])


def decide(world: World, payment_id: str) -> None:
    """A payment that is processing ends."""
    actor = current()
    outcome = actor.stream.choice(("succeeded", "succeeded", "failed"))
    world.faults.note(actor, f"settles late: {outcome}", "stripe", world.scheduler.now)
    world.story.tell(actor.name, f"{payment_id} has {outcome}")
    play(world, control_objects.finish, payment_id, outcome=outcome)


def dispute(world: World, organization_id: str) -> None:
    """A cardholder disputes a payment; its bank decides much later, or not at all."""
    actor, stream = current(), current().stream
    paid = world.stripe.payments_of(organization_id, "succeeded")
    if not paid:
        return
    payment = stream.choice(paid)
    inquiry = stream.one_in(4)
    world.faults.note(actor, "disputed", "stripe", world.scheduler.now)
    world.story.tell(actor.name, f"disputes {payment['id']}")
    charge = payment["latest_charge"]
    if not play(world, control_objects.open_dispute, charge, inquiry=inquiry):
        return
    if stream.one_in(3):
        return
    world.scheduler.wait(stream.seconds(60.0))
    decide_disputes(world, organization_id)


def decide_disputes(world: World, organization_id: str) -> None:
    """Open disputes are won or lost; inquiries become disputes."""
    actor = current()
    mine = {payment["id"] for payment in world.stripe.payments_of(organization_id, None)}
    for found in list(world.stripe.objects("dispute").values()):
        if found["payment_intent"] not in mine:
            continue
        if found["status"].startswith("warning") and actor.stream.one_in(2):
            play(world, control_objects.escalate_dispute, found["id"])
            continue
        outcome = actor.stream.choice(("won", "lost"))
        if play(world, control_objects.decide_dispute, found["id"], outcome=outcome):
            world.faults.note(actor, f"dispute {outcome}", "stripe", world.scheduler.now)


def settle_refunds(world: World, organization_id: str) -> None:
    """Refunds that are pending arrive, or come back."""
    actor = current()
    mine = {payment["id"] for payment in world.stripe.payments_of(organization_id, None)}
    for found in list(world.stripe.objects("refund").values()):
        if found["payment_intent"] not in mine:
            continue
        outcome = actor.stream.choice(("succeeded", "failed"))
        if play(world, control_objects.settle_refund, found["id"], outcome=outcome):
            world.faults.note(actor, f"refund {outcome} later", "stripe", world.scheduler.now)


def change_card(world: World, organization_id: str) -> None:
    """A saved card begins to decline, or is good again; or its bank replaces it."""
    actor, stream = current(), current().stream
    wallet = world.wallets.get(organization_id)
    if not wallet:
        return
    card = stream.choice(wallet)
    what = stream.weighted((("declines", 5.0), ("recovers", 5.0), ("is replaced", 1.0)))
    if what == "declines":
        code = stream.choice(_DECLINES)
        world.faults.note(actor, f"card declines: {code}", "stripe", world.scheduler.now)
        play(world, control_objects.behave, card, decline_code=code)
    elif what == "recovers":
        play(world, control_objects.behave, card)
    else:
        play(world, control_objects.replace_card, card, number="5555555555554444")
    world.story.tell(actor.name, f"{card} {what}")


def detach_card(world: World, organization_id: str) -> None:
    """Somebody removes a card in the dashboard."""
    wallet = world.wallets.get(organization_id)
    if wallet:
        card = current().stream.choice(wallet)
        world.story.tell(current().name, f"removes {card} in the dashboard")
        play(world, control_objects.detach, card)


def fetch_customer(world: World, organization_id: str) -> None:
    """A customer hears that an automatic payment needs them, and acts."""
    for payment in world.stripe.payments_of(organization_id, None):
        if payment["status"] == "requires_action":
            act_on_challenge(world, payment["id"])
            return
        if payment["status"] == "requires_payment_method" and payment["last_payment_error"]:
            confirm_again(world, payment)
            return


def confirm_again(world: World, payment: dict[str, object]) -> None:
    """The page confirms a payment for which the bank wanted the customer present."""
    stream, method = current().stream, payment["last_payment_error"]
    assert isinstance(method, dict)  # noqa: S101 - Stripe's shape
    card = (method.get("payment_method") or {}).get("id")
    if card is None:
        return
    path = f"/v1/payment_intents/{payment['id']}/confirm"
    params = {"payment_method": str(card), "return_url": "https://example.com"}
    status = world.stripe.send("POST", path, params)
    world.story.tell(current().name, f"confirms {payment['id']} again: {status}")
    if not stream.one_in(3):
        act_on_challenge(world, str(payment["id"]))
