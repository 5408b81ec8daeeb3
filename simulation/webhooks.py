"""Stripe's webhooks on their way: twice, late, out of order, or never."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from stripe import WebhookSignature

from simulation.http import post_webhook
from simulation.scheduler import current, current_or_none
from simulation.stripe_side import API_KEY

if TYPE_CHECKING:
    from simulation.world import World

#: Where the product finds Stripe's key, and the secrets that webhooks may be signed with.
STRIPE_SECRET = "simulation/stripe"  # noqa: S105 - its name
#: What docs/operating.md has the endpoint subscribe to.
SUBSCRIBED = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.canceled",
    "charge.refunded",
    "charge.refund.updated",
    "refund.*",
    "charge.dispute.*",
    "setup_intent.succeeded",
    "payment_method.detached",
    "payment_method.*updated",
    "customer.deleted",
    "customer.tax_id.*",
)
_FATES = (("once", 80.0), ("twice", 8.0), ("late", 8.0), ("never", 4.0))
#: In some seeds hardly any arrive: the sweep and the reconciliation then do what they would have.
_FORGETFUL_FATES = (("once", 8.0), ("twice", 1.0), ("late", 1.0), ("never", 90.0))
_FORGETFUL_SEEDS = 3
#: Stripe tries for days; here it gives up sooner, and what it gave up is left to the sweep.
_TRIES = 6


class Webhooks:
    """Sends each event that Stripe records, as its fate will have it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._secret = ""
        self.forgetful = world.chance.stream("webhooks").one_in(_FORGETFUL_SEEDS)

    def sign_with(self, secret: str) -> None:
        """Sign with another secret from now on; the product is told of it, and of the one before.

        That is how docs/operating.md has an operator rotate it.
        """
        both = f"{secret},{self._secret}" if self._secret else secret
        fields = {"api_key": API_KEY, "webhook_secrets": both}
        self._world.cloud.secrets.put(STRIPE_SECRET, json.dumps(fields))
        self._secret = secret

    def send(self, event: dict[str, Any]) -> None:
        """Take charge of an event."""
        if not any(fnmatchcase(event["type"], each) for each in SUBSCRIBED):
            return
        actor = current_or_none()
        world = self._world
        cause = actor.child_name("webhook") if actor else f"webhook {event['id']}"
        stream = world.chance.stream(f"{cause} fate")
        fates = _FORGETFUL_FATES if self.forgetful else _FATES
        fate = stream.weighted(fates) if world.faults.active else "once"
        if actor is not None and fate != "once":
            if (actor.name, actor.calls) in world.faults.muted:
                fate = "once"
            else:
                world.faults.note(actor, f"webhook {fate}", event["type"], world.scheduler.now)
        if fate == "never":
            world.story.tell(cause, f"** {event['type']} is never delivered **")
            return
        late = stream.seconds(0.5) if fate != "late" else 3600 * stream.fraction()
        for copy in range(2 if fate == "twice" else 1):
            name = f"{cause}/{copy + 1}"
            delay = late + copy * stream.seconds(2.0)
            world.start(name, lambda: self._deliver(event), flow="webhook", after=delay)

    def _deliver(self, event: dict[str, Any]) -> None:
        world, actor = self._world, current()
        payload = json.dumps(event)
        for attempt in range(_TRIES):
            now = int(world.scheduler.now)
            signature = WebhookSignature.generate_signature_header(payload, self._secret, now)
            world.story.tell(actor.name, f"tells of {event['type']}")
            reply = post_webhook(world, payload, signature)
            if reply is not None and reply.status < 300:  # noqa: PLR2004 - a success
                return
            world.scheduler.wait(5 * 3**attempt * (0.5 + actor.stream.fraction()))
