"""The sweep looks after top-ups while that helps, and not a minute longer."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.domain.topup import TopUpStatus
from chalicelib.usecases.adjusting import Adjustment
from chalicelib.usecases.sweeping import Swept
from tests.fakes.payments import Behaviour
from tests.fakes.values import ORG, usd
from tests.fakes.world import World


def swept(world: World) -> Swept:
    found = world.sweep()
    world.deliver()
    return found


def declined(world: World) -> None:
    world.customer(behaviour=Behaviour.DECLINES)
    world.order_top_ups(threshold="20.00", amount="25.00")
    world.deliver()
    assert world.top_ups.get(ORG).status is TopUpStatus.BACKING_OFF


def test_a_retry_that_is_not_due_any_more_is_forgotten() -> None:
    world = World()
    declined(world)
    world.buy(card=world.customer())
    world.deliver()
    world.advance(hours=2)
    swept(world)
    after = world.top_ups.get(ORG)
    assert after.status is TopUpStatus.IDLE
    assert after.check_at is None
    assert swept(world).hints == 0, "nothing is due, so the sweep finds nothing"


def test_an_account_whose_top_up_is_open_waits_behind_the_others() -> None:
    world = World()
    world.customer(behaviour=Behaviour.TAKES_TIME)
    world.order_top_ups(threshold="20.00", amount="25.00")
    world.deliver()
    before = world.ledger.account(ORG).low_since
    assert before is not None
    world.advance(minutes=1)
    swept(world)
    after = world.ledger.account(ORG).low_since
    assert after == before + timedelta(minutes=1)
    assert world.ledger.account(ORG).available_nanos == usd("0.00")


def test_the_mark_of_an_account_goes_once_its_top_up_has_arrived() -> None:
    world = World()
    world.customer()
    world.order_top_ups(threshold="20.00", amount="25.00")
    world.deliver()
    assert world.ledger.account(ORG).available_nanos == usd("25.00")
    world.advance(minutes=1)
    swept(world)
    assert world.ledger.account(ORG).low_since is None
    assert swept(world).hints == 0


def test_what_an_operator_takes_makes_a_top_up_due_though_no_usage_comes() -> None:
    world = World()
    world.customer()
    world.order_top_ups(threshold="20.00", amount="25.00")
    world.deliver()
    assert world.ledger.account(ORG).available_nanos == usd("25.00")
    swept(world)
    taken = Adjustment(
        organization_id=ORG, amount_nanos=-usd("10.00"), reason="a mistake", author="ada"
    )
    world.app.adjusting.adjust(taken, key="key-1", now=world.now)
    swept(world)
    assert world.ledger.account(ORG).available_nanos == usd("40.00")


def test_a_retry_that_never_reached_the_provider_is_made_again() -> None:
    world = World()
    declined(world)
    swept(world)
    assert world.ledger.account(ORG).low_since is None
    customer_id = world.customers.get(ORG).customer_id or ""
    world.payments.change_card(world.payments.cards(customer_id)[0], Behaviour.PAYS)
    world.advance(hours=1)
    world.payments.fail_next("charge")
    swept(world)
    assert world.top_ups.get(ORG).status is TopUpStatus.CHARGING
    # By the time when the sweep comes, the purchase is too old to be made.
    world.advance(minutes=30)
    swept(world)
    world.advance(minutes=1)
    swept(world)
    assert world.ledger.account(ORG).available_nanos == usd("25.00")
