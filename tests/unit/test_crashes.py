"""Law 8: whatever process dies, and wherever, redelivery and the sweep bring all laws back.

Each flow is run once for every I/O call that it makes, with the process dying before or after that
call, or with the answer to it lost. Then the client repeats its request, messages are delivered
again and the sweep runs. Some flows are also met by a second death during the recovery.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest

from chalicelib.domain.errors import CreditsError
from chalicelib.domain.payment import Card, PaymentStatus, PaymentsUnavailableError
from chalicelib.domain.purchase import PurchaseStatus, PurchaseType
from chalicelib.domain.topup import TopUpStatus
from tests.fakes.laws import assert_laws, assert_settled
from tests.fakes.payments import Behaviour
from tests.fakes.ports import UseCases
from tests.fakes.steps import LostAnswerError, Mishap, ProcessDiedError, Steps
from tests.fakes.values import ORG, report, usd
from tests.fakes.world import World

#: What callers of a process that met a mishap may see; anything else is a bug.
SEEN = (ProcessDiedError, LostAnswerError, CreditsError, PaymentsUnavailableError)
#: More I/O calls than any flow makes.
MANY = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What is prepared, what a process then does, and what must have come of it in the end.

    `act` may be repeated any number of times, as clients repeat requests and queues messages.
    """

    prepare: Callable[[World], None]
    act: Callable[[World, UseCases], object]
    check: Callable[[World], None]
    recovery_minutes: int = 20


def only_card(world: World) -> Card:
    return world.payments.cards(world.customers.get(ORG).customer_id or "")[0]


def with_card(
    behaviour: Behaviour, decline_code: str = "insufficient_funds"
) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        world.customer(behaviour=behaviour, decline_code=decline_code)

    return prepare


def buy(world: World, app: UseCases) -> object:
    return world.buy(card=only_card(world), app=app)


def deliver(world: World, app: UseCases) -> object:
    return world.deliver(app)


def sweep(world: World, app: UseCases) -> object:
    return world.sweep(app)


def bought_once(world: World) -> None:
    (purchase,) = world.purchases.all()
    assert purchase.status is PurchaseStatus.SUCCEEDED
    assert [p.amount_cents for p in world.payments.payments()] == [5000]
    assert world.account().available_nanos == usd("50.00")
    assert [issued.invoice.number for issued in world.invoices.all()] == ["2026-000001"]
    assert world.buy(card=only_card(world)).status == 201, "the key answers what it answered"


def never_bought(world: World) -> None:
    (purchase,) = world.purchases.all()
    assert purchase.status is PurchaseStatus.FAILED
    assert [p.status for p in world.payments.payments()] == [PaymentStatus.CANCELED]
    assert world.account().available_nanos == 0
    assert world.invoices.all() == []
    assert world.buy(card=only_card(world)).status == 402


def challenged(world: World) -> None:
    """A purchase waits for its customer, who then passes the challenge."""
    world.customer(behaviour=Behaviour.ASKS_CUSTOMER)
    world.buy(card=only_card(world))
    (payment,) = world.payments.payments()
    world.payments.authenticate(payment.id)


def challenged_without_events(world: World) -> None:
    challenged(world)
    world.payments.forget_events()
    world.advance(minutes=10)


def credited_once(world: World) -> None:
    (purchase,) = world.purchases.all()
    assert purchase.status is PurchaseStatus.SUCCEEDED
    assert world.account().available_nanos == usd("50.00")
    assert len(world.invoices.all()) == 1


def look_after(world: World, app: UseCases) -> object:
    """The customer looks whether it is paid."""
    (purchase,) = world.purchases.all()
    return app.purchasing.find(ORG, purchase.id, now=world.now)


def abandoned(world: World) -> None:
    """A purchase whose customer has gone."""
    world.customer(behaviour=Behaviour.ASKS_CUSTOMER)
    world.buy(card=only_card(world))
    world.advance(hours=1)


def abandoned_but_paid_at_the_last_moment(world: World) -> None:
    abandoned(world)
    (payment,) = world.payments.payments()
    world.payments.before["cancel"] = lambda: world.payments.authenticate(payment.id)


def declined_but_paid_otherwise(world: World) -> None:
    """A declined purchase whose customer pays with another card just before it is cancelled."""
    world.customer(behaviour=Behaviour.DECLINES)
    world.payments.before["cancel"] = lambda: world.payments.pay_otherwise("pi_2")


def declined_but_being_decided(world: World) -> None:
    """The same, and the other card's bank takes its time."""
    world.customer(behaviour=Behaviour.DECLINES)
    world.payments.before["cancel"] = lambda: world.payments.pay_otherwise("pi_2", takes_time=True)


def decided_in_the_end(world: World) -> None:
    (purchase,) = world.purchases.all()
    assert purchase.status is PurchaseStatus.PROCESSING, "it may still be paid"
    world.payments.finish(purchase.payment_id or "")
    world.payments.forget_events()
    world.run(hours=1)
    assert_settled(world)
    credited_once(world)


def canceled_in_both_places(world: World) -> None:
    (purchase,) = world.purchases.all()
    assert purchase.status is PurchaseStatus.CANCELED
    assert [p.status for p in world.payments.payments()] == [PaymentStatus.CANCELED]
    assert world.account().available_nanos == 0


def drained(
    behaviour: Behaviour, decline_code: str = "insufficient_funds"
) -> Callable[[World], None]:
    """An account below its threshold, with a hint on the queue."""

    def prepare(world: World) -> None:
        world.customer()
        world.buy(card=only_card(world), amount="20.00")
        world.deliver()
        world.payments.change_card(only_card(world), behaviour, decline_code=decline_code)
        world.order_top_ups(limit="30.00")
        world.use(report("drain", "15.00"))

    return prepare


def topped_up_once(world: World) -> None:
    automatic = [p for p in world.purchases.all() if p.type is PurchaseType.AUTO_TOP_UP]
    assert [p.status for p in automatic] == [PurchaseStatus.SUCCEEDED]
    assert [p.amount_cents for p in world.payments.payments()] == [2000, 2500]
    assert world.account().available_nanos == usd("30.00")
    top_up = world.top_ups.get(ORG)
    assert (top_up.status, top_up.month_spent_nanos) == (TopUpStatus.IDLE, usd("25.00"))
    assert world.account().low_since is None, "looked after"


def declined_once(world: World) -> None:
    automatic = [p for p in world.purchases.all() if p.type is PurchaseType.AUTO_TOP_UP]
    assert [p.status for p in automatic] == [PurchaseStatus.FAILED]
    top_up = world.top_ups.get(ORG)
    assert (top_up.status, top_up.month_spent_nanos) == (TopUpStatus.BACKING_OFF, 0)
    assert top_up.declines_in_a_row == 1
    assert world.account().available_nanos == usd("5.00")


def paused_at_once(world: World) -> None:
    automatic = [p for p in world.purchases.all() if p.type is PurchaseType.AUTO_TOP_UP]
    assert [p.status for p in automatic] == [PurchaseStatus.FAILED]
    top_up = world.top_ups.get(ORG)
    assert (top_up.status, top_up.declines_in_a_row) == (TopUpStatus.PAUSED, 1)


def asked_the_customer_once(world: World) -> None:
    automatic = [p for p in world.purchases.all() if p.type is PurchaseType.AUTO_TOP_UP]
    assert [p.status for p in automatic] == [PurchaseStatus.REQUIRES_ACTION]
    assert world.top_ups.get(ORG).status is TopUpStatus.ACTION_REQUIRED
    world.payments.authenticate(automatic[0].payment_id or "")
    world.run(minutes=2)
    assert world.account().available_nanos == usd("30.00")
    assert_settled(world)


def with_balance(world: World) -> None:
    """An account with 20.00 that is topped up below 10.00."""
    world.customer()
    world.buy(card=only_card(world), amount="20.00")
    world.deliver()
    world.order_top_ups(limit="30.00")


def apply_reports(world: World, app: UseCases) -> object:
    return world.use(report("drain", "14.00"), report("more", "1.00"), app=app)


def overdraw(world: World, app: UseCases) -> object:
    return world.use(report("drain", "14.00"), report("more", "11.00"), app=app)


def overdrawn_once(world: World) -> None:
    assert world.account().available_nanos == usd("20.00")
    flags = {key: world.ledger.entry(ORG, f"report#{key}") for key in ("drain", "more")}
    assert {key: entry and entry.overdrawn for key, entry in flags.items()} == {
        "drain": False,
        "more": True,
    }


def deduct(world: World, app: UseCases) -> object:
    return world.deduct(amount="15.00", key="once", app=app)


def with_little(world: World) -> None:
    """An account below the threshold that somebody is about to set."""
    world.customer()
    world.buy(card=only_card(world), amount="5.00")
    world.deliver()


def turn_top_up_on(world: World, app: UseCases) -> object:
    return world.order_top_ups(app=app)


def charged_for_being_turned_on(world: World) -> None:
    assert [p.amount_cents for p in world.payments.payments()] == [500, 2500]
    assert world.account().available_nanos == usd("30.00")


def paid_without_a_file(world: World) -> None:
    """A purchase whose invoice job waits."""
    world.customer()
    world.buy(card=only_card(world))
    world.payments.forget_events()


def much_left_undone(world: World) -> None:
    """Several organizations with something due, as after an outage of everything but the tables."""
    for name in ("a", "b"):
        card = world.customer(name)
        world.buy(name, "20.00", card=card)
        world.order_top_ups(name)
        world.use(report("drain", "15.00", organization_id=name))
        world.payments.fail_next("charge")
        with suppress(CreditsError):
            world.buy(name, "50.00", card=card, key="unknown outcome")
    world.queue.take()
    world.payments.forget_events()
    world.advance(minutes=5)


def nothing_left_undone(world: World) -> None:
    for name in ("a", "b"):
        # A top-up decided on before the purchase is credited is right, too.
        assert world.account(name).available_nanos in {usd("55.00"), usd("80.00")}
        keys = [p.type for p in world.purchases.all() if p.organization_id == name]
        assert keys.count(PurchaseType.PURCHASE) == 2


FLOWS = {
    "a purchase that is paid": Flow(prepare=with_card(Behaviour.PAYS), act=buy, check=bought_once),
    "a purchase that is declined": Flow(
        prepare=with_card(Behaviour.DECLINES), act=buy, check=never_bought
    ),
    "a webhook that settles": Flow(prepare=challenged, act=deliver, check=credited_once),
    "a look that settles": Flow(
        prepare=challenged_without_events, act=look_after, check=credited_once
    ),
    "a sweep that settles": Flow(prepare=challenged_without_events, act=sweep, check=credited_once),
    "a purchase that is abandoned": Flow(
        prepare=abandoned, act=sweep, check=canceled_in_both_places
    ),
    "a purchase that is paid while it is cancelled": Flow(
        prepare=abandoned_but_paid_at_the_last_moment, act=sweep, check=credited_once
    ),
    "a declined purchase that is paid while it is cancelled": Flow(
        prepare=declined_but_paid_otherwise, act=buy, check=credited_once
    ),
    "a declined purchase that can't be cancelled any more": Flow(
        prepare=declined_but_being_decided, act=buy, check=decided_in_the_end
    ),
    "a top-up that is paid": Flow(
        prepare=drained(Behaviour.PAYS), act=deliver, check=topped_up_once
    ),
    "a top-up that is declined": Flow(
        prepare=drained(Behaviour.DECLINES), act=deliver, check=declined_once
    ),
    "a top-up of a lost card": Flow(
        prepare=drained(Behaviour.DECLINES, "lost_card"), act=deliver, check=paused_at_once
    ),
    "a top-up that needs the customer": Flow(
        prepare=drained(Behaviour.ASKS_CUSTOMER), act=deliver, check=asked_the_customer_once
    ),
    "usage reports": Flow(prepare=with_balance, act=apply_reports, check=topped_up_once),
    "usage that overdraws": Flow(prepare=with_balance, act=overdraw, check=overdrawn_once),
    "a deduction": Flow(prepare=with_balance, act=deduct, check=topped_up_once),
    "turning auto top-up on": Flow(
        prepare=with_little, act=turn_top_up_on, check=charged_for_being_turned_on
    ),
    "an invoice job": Flow(prepare=paid_without_a_file, act=deliver, check=credited_once),
    "a sweep after an outage": Flow(prepare=much_left_undone, act=sweep, check=nothing_left_undone),
}


def attempt(world: World, flow: Flow, steps: Steps) -> None:
    """Let a process do it that meets its mishap."""
    try:
        flow.act(world, world.process(steps))
    except SEEN:
        pass
    except ExceptionGroup as group:
        bugs = [error for error in group.exceptions if not isinstance(error, SEEN)]
        if bugs:
            raise ExceptionGroup("a mishap led to bugs", bugs) from None


def recover(world: World, flow: Flow) -> None:
    """Repeat, redeliver and sweep until everything is done."""
    for _ in range(3):
        with suppress(CreditsError):
            flow.act(world, world.app)
        world.run(minutes=1)
        assert_laws(world)
    world.run(minutes=flow.recovery_minutes)
    flow.act(world, world.app)
    world.run(minutes=1)
    assert_settled(world)
    flow.check(world)


def mishaps(flow: Flow, mishap: Mishap) -> Iterator[World]:
    """A world per I/O call of the flow, right after the mishap at that call."""
    for at in range(MANY):
        world = World()
        flow.prepare(world)
        steps = Steps(at=at, mishap=mishap)
        attempt(world, flow, steps)
        if not steps.happened:
            assert at > 0, "the flow makes no I/O call"
            return
        assert_laws(world)
        yield world
    raise AssertionError("the flow doesn't end")


@pytest.mark.parametrize("name", FLOWS)
def test_without_a_mishap_all_is_well(name: str) -> None:
    flow = FLOWS[name]
    world = World()
    flow.prepare(world)
    flow.act(world, world.app)
    recover(world, flow)


@pytest.mark.parametrize("mishap", list(Mishap), ids=lambda mishap: mishap.name.lower())
@pytest.mark.parametrize("name", FLOWS)
def test_a_mishap_at_any_io_call_is_recovered_from(name: str, mishap: Mishap) -> None:
    flow = FLOWS[name]
    for world in mishaps(flow, mishap):
        recover(world, flow)


@pytest.mark.parametrize("mishap", list(Mishap), ids=lambda mishap: mishap.name.lower())
@pytest.mark.parametrize("name", FLOWS)
def test_what_nobody_repeats_is_recovered_from_by_the_sweep_alone(
    name: str, mishap: Mishap
) -> None:
    """The client has gone, every message and event was lost; what was begun is finished."""
    for world in mishaps(FLOWS[name], mishap):
        world.queue.take()
        world.payments.forget_events()
        world.run(minutes=40)
        assert_settled(world)


@pytest.mark.parametrize("first", [Mishap.DIES_AFTER, Mishap.LOSES_ANSWER], ids=lambda m: m.name)
@pytest.mark.parametrize("name", ["a purchase that is paid", "a top-up that is paid"])
def test_a_second_death_during_the_recovery_is_recovered_from(name: str, first: Mishap) -> None:
    flow = FLOWS[name]
    for second in range(0, MANY, 1):
        met = False
        for world in mishaps(flow, first):
            world.now += timedelta(minutes=2)
            steps = Steps(at=second, mishap=Mishap.DIES_AFTER)
            process = world.process(steps)
            with suppress(*SEEN):
                flow.act(world, process)
                world.deliver(process)
                world.sweep(process)
            met = met or steps.happened
            assert_laws(world)
            recover(world, flow)
        if not met:
            return
    raise AssertionError("the recovery doesn't end")
