"""A recorded sequence of Stripe's own events, in two hundred random orders with duplicates.

The events are those of a local Stripe on which a whole story was played while our process died
again and again, and its client is Stripe's; only the database is a fake, copied for each order.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from stripe import HTTPClient, StripeClient, WebhookSignature

from chalicelib.adapters.stripe_books import StripeBooks
from chalicelib.adapters.stripe_payments import StripePayments
from chalicelib.adapters.stripe_records import StripeRecords
from chalicelib.adapters.stripe_refunds import StripeRefunds
from chalicelib.adapters.stripe_webhooks import verified_event
from chalicelib.domain.payment import Card, ChargeRequest, Payment
from chalicelib.domain.purchase import PurchaseStatus
from devstack.stripe import control_objects
from devstack.stripe.messages import Request
from devstack.stripe.server import LocalStripe
from tests.fakes.ports import UseCases, wire
from tests.fakes.steps import ProcessDiedError
from tests.fakes.store import Store
from tests.fakes.values import ORG, billing_details
from tests.fakes.world import World

ORDERS = 200
SECRET = "whsec_recorded"
Event = Mapping[str, object]


class Direct(HTTPClient):
    """Stripe's client talks to the local Stripe by a call instead of a connection."""

    name = "direct"

    def __init__(self, local: LocalStripe) -> None:
        super().__init__()
        self._local = local

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        """Answer at once."""
        target = "/" + url.split("/", 3)[3]
        given = {name.lower(): value for name, value in headers.items()}
        body = (post_data or "").encode()
        answer = self._local.api.handle(
            Request(method=method.upper(), target=target, headers=given, body=body)
        )
        return answer.body.decode(), answer.status, answer.headers

    def close(self) -> None:
        """Nothing is open."""


class Mortal(StripePayments):
    """The process dies as soon as the card was charged: only events can tell of it."""

    def charge(self, request: ChargeRequest) -> Payment:
        super().charge(request)
        raise ProcessDiedError("payments.charge")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What was played: the events, and the database as the last death left it."""

    client: StripeClient
    events: list[Event]
    store: Store
    now: datetime

    def world(self) -> World:
        """The database of then, and all events still to come."""
        world = World(now=self.now)
        for name, value in vars(copy.deepcopy(_content(self.store))).items():
            setattr(world.store, name, value)
        return world


def _content(store: Store) -> Any:
    """What a store holds, without its lock."""
    held = type("Held", (), {})()
    vars(held).update({name: kept for name, kept in vars(store).items() if name != "lock"})
    return held


def _process(world: World, client: StripeClient, *, mortal: bool = False) -> UseCases:
    kind = Mortal if mortal else StripePayments
    ports = replace(
        world.ports,
        payments=kind(client, publishable_key="pk_test"),
        refunds=StripeRefunds(client),
        records=StripeRecords(client),
        books=StripeBooks(client),
    )
    return wire(ports)


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    """A story with every kind of end, played once."""
    local = LocalStripe()
    client = StripeClient(local.api_key, http_client=Direct(local))
    world = World(now=datetime.now(UTC))
    _play(world, client, local)
    events = []
    for event in local.state.all("event"):
        text = json.dumps(event)
        header = WebhookSignature.generate_signature_header(text, SECRET)
        events.append(verified_event(text.encode(), signature=header, secrets=[SECRET]))
    return Recorded(client=client, events=events, store=world.store, now=world.now)


def _play(world: World, client: StripeClient, local: LocalStripe) -> None:
    world.app = app = _process(world, client)
    mortal = _process(world, client, mortal=True)
    app.buyers.set_billing_details(ORG, billing_details(), now=world.now)
    visa = _save_card(world, app, client, local, "pm_card_visa")
    secure = _save_card(world, app, client, local, "pm_card_threeDSecure2Required")
    other = _save_card(world, app, client, local, "pm_card_mastercard")
    customer_id = world.customers.get(ORG).customer_id or ""
    client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer_id})
    declined = app.buyers.cards(ORG)[0].card
    orders = ((visa, "50.00"), (secure, "30.00"), (declined, "20.00"), (other, "80.00"))
    for number, (card, amount) in enumerate(orders):
        with suppress(ProcessDiedError):
            world.buy(ORG, amount, card=card, key=f"key-{number}", app=mortal)
    app.buyers.set_default_card(ORG, visa.payment_method_id, now=world.now)
    world.order_top_ups(ORG, threshold="10.00", amount="25.00")
    with suppress(ProcessDiedError):
        mortal.topping_up.consider(ORG, now=world.now)
    _at_the_banks(client, local)


def _save_card(
    world: World, app: UseCases, client: StripeClient, local: LocalStripe, card: str
) -> Card:
    setup = app.buyers.set_up_card(ORG, by="ada", now=world.now)
    intent = client.v1.setup_intents.confirm(
        setup.client_secret.partition("_secret")[0], {"payment_method": card}
    )
    if intent.status == "requires_action":
        control_objects.authenticate_setup(local.state, intent.id, outcome="accept")
    return next(
        saved.card
        for saved in app.buyers.cards(ORG)
        if saved.card.payment_method_id == intent.payment_method
    )


def _at_the_banks(client: StripeClient, local: LocalStripe) -> None:
    by_amount = {intent["amount"]: intent for intent in local.state.all("payment_intent")}
    control_objects.authenticate_payment(local.state, by_amount[3000]["id"], outcome="accept")
    charges = {amount: intent["latest_charge"] for amount, intent in by_amount.items()}
    client.v1.refunds.create(params={"charge": charges[5000], "amount": 1234})
    failing = client.v1.refunds.create(params={"charge": charges[5000], "amount": 1000})
    control_objects.settle_refund(local.state, failing.id, outcome="failed")
    won = control_objects.open_dispute(local.state, charges[3000])
    control_objects.decide_dispute(local.state, won["id"], outcome="won")
    lost = control_objects.open_dispute(local.state, charges[8000])
    control_objects.decide_dispute(local.state, lost["id"], outcome="lost")


def _state(world: World) -> Mapping[str, object]:
    """All that matters of a world, without what only says when and in which order."""
    account = world.account()
    top_up = world.top_ups.get(ORG)
    return {
        "balance": (account.available_nanos, account.held_nanos),
        "entries": {e.key: (e.kind, e.amount_nanos) for e in world.store.entries.values()},
        "purchases": {
            p.id: (
                p.status,
                p.failure,
                p.payment_id,
                p.taken_back_nanos,
                {(r.id, r.turns) for r in p.reversals.followed},
            )
            for p in world.purchases.all()
        },
        "documents": sorted(
            (i.invoice.purchase_id, i.invoice.kind, i.invoice.total_nanos)
            for i in world.invoices.all()
        ),
        "numbers": sorted(i.invoice.number for i in world.invoices.all()),
        "top_up": (top_up.status, top_up.open_purchase_id, top_up.month_spent_nanos),
        "mandates": {m.setup_id for m in world.customers.get(ORG).mandates},
        # How the balance went up and down on the way is another matter.
        "told": sorted(n.kind for n in world.notices.all() if not n.kind.startswith("credits.")),
    }


def _in_order(recorded: Recorded, events: list[Event]) -> World:
    world = recorded.world()
    app = _process(world, recorded.client)
    for event in events:
        app.receiving.receive(event, now=world.now)
    return world


@pytest.fixture(scope="module")
def straight(recorded: Recorded) -> World:
    """The story as it went."""
    return _in_order(recorded, recorded.events)


def test_the_story_has_every_end_that_it_should_have(recorded: Recorded, straight: World) -> None:
    statuses = sorted(purchase.status for purchase in straight.purchases.all())
    succeeded, failed = PurchaseStatus.SUCCEEDED, PurchaseStatus.FAILED
    assert statuses == [failed, succeeded, succeeded, succeeded, succeeded]
    assert straight.account().available_nanos == (50_00 - 12_34 + 30_00 + 25_00) * 10**7
    kinds = {str(event["type"]) for event in recorded.events}
    assert {
        "setup_intent.succeeded",
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.requires_action",
        "charge.refunded",
        "refund.failed",
        "charge.dispute.created",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    } <= kinds
    assert all(p.status is PurchaseStatus.PENDING for p in recorded.world().purchases.all())


@pytest.mark.parametrize("seed", range(ORDERS))
def test_any_order_with_duplicates_ends_the_same(
    recorded: Recorded, straight: World, seed: int
) -> None:
    chance = random.Random(seed)
    events = [event for event in recorded.events for _ in range(chance.choice([1, 1, 2, 3]))]
    chance.shuffle(events)
    assert _state(_in_order(recorded, events)) == _state(straight)
