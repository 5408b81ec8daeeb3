"""Refunds and disputes when the process dies, or loses an answer, at each of its I/O calls."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import count

import pytest

from chalicelib.api.operating import refund_answer
from chalicelib.domain.errors import CreditsError
from chalicelib.usecases.refunding import RefundOrder
from tests.fakes.laws import assert_laws
from tests.fakes.ports import UseCases
from tests.fakes.reversal_laws import assert_in_line
from tests.fakes.steps import LostAnswerError, Mishap, ProcessDiedError, Steps
from tests.fakes.values import ORG, usd
from tests.fakes.world import World

#: More calls than any of these flows makes: the loop must find its end before.
_MOST_CALLS = 200

Prepare = Callable[[World], None]
Act = Callable[[World, UseCases], object]


def _payment(world: World) -> str:
    return world.payments.payments()[0].id


def _bought(world: World) -> None:
    world.buy(ORG, "50.00", card=world.customer())
    world.deliver()


def _refunded_by_hand(world: World) -> None:
    world.refunds.refund_by_hand(_payment(world), 2000)


def _refund_failed(world: World) -> None:
    refund = world.refunds.refund_by_hand(_payment(world), 2000)
    world.deliver()
    world.refunds.fail(refund.id)


def _disputed(world: World) -> None:
    world.deduct(ORG, "45.00", key="spent")
    world.order_top_ups(ORG, threshold="1.00", amount="25.00")
    world.refunds.open_dispute(_payment(world), 5000)


def _dispute_won(world: World) -> None:
    dispute = world.refunds.open_dispute(_payment(world), 5000)
    world.deliver()
    world.refunds.decide(dispute.id, won=True)


def _deliver(world: World, app: UseCases) -> object:
    return world.deliver(app)


def _order_refund(world: World, app: UseCases) -> object:
    order = RefundOrder(
        organization_id=ORG,
        purchase_id=world.purchases.all()[0].id,
        amount_nanos=usd("20.00"),
        reason="asked for it",
        ordered_by="olga",
    )
    return app.refunding.refund(order, key="refund-1", present=refund_answer, now=world.now)


def _nothing(world: World) -> None:
    """The flow begins with the operator's request."""


FLOWS: dict[str, tuple[Prepare, Act]] = {
    "a refund's webhook": (_refunded_by_hand, _deliver),
    "a failed refund's webhook": (_refund_failed, _deliver),
    "a dispute's webhook": (_disputed, _deliver),
    "a won dispute's webhook": (_dispute_won, _deliver),
    "an operator's refund": (_nothing, _order_refund),
}


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("mishap", Mishap)
def test_whatever_call_goes_wrong_it_ends_in_line(flow: str, mishap: Mishap) -> None:
    prepare, act = FLOWS[flow]
    for at in count():
        assert at < _MOST_CALLS
        world = World()
        _bought(world)
        prepare(world)
        steps = Steps(at=at, mishap=mishap)
        with suppress(ProcessDiedError, LostAnswerError, CreditsError):
            act(world, world.process(steps))
        assert_laws(world)
        if not steps.happened:
            break
        _recover(world, act)
        assert_in_line(world)
        assert len(world.refunds.all()) == 1, f"{steps.calls[-1]} was done twice"
    assert at > 5, "the flow makes calls"


def _recover(world: World, act: Act) -> None:
    """What happens anyway: redelivery, the sweep, and a caller who repeats its request."""
    world.run(minutes=3)
    if act is _order_refund:
        world.advance(minutes=1)
        act(world, world.app)
    world.run(minutes=5)
