"""A stolen token is no way to try a list of stolen cards, and honest buyers are let alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from chalicelib.api.problems import problem
from chalicelib.domain.errors import BusyError, TooManyTriesError
from chalicelib.domain.payment import Card
from chalicelib.domain.purchase_day import day_of
from tests.fakes.payments import Behaviour
from tests.fakes.values import MOST_TRIES_PER_HOUR as MOST
from tests.fakes.values import ORG
from tests.fakes.world import World


def decline(world: World, card: Card, times: int, *, name: str = "a") -> None:
    for number in range(times):
        assert world.buy(amount="5.00", card=card, key=f"{name}-{number}").status == 402


def set_up(world: World, organization_id: str = ORG) -> None:
    world.app.buyers.set_up_card(organization_id, by="ada", now=world.now)


def test_after_twenty_declined_purchases_in_an_hour_no_other_card_is_tried() -> None:
    world = World()
    for number in range(MOST):
        card = world.customer(behaviour=Behaviour.DECLINES)
        assert world.buy(amount="5.00", card=card, key=f"{number}").status == 402
        world.advance(seconds=1)
    asked = len(world.payments.payments())
    good = world.customer()
    with pytest.raises(TooManyTriesError) as refused:
        world.buy(amount="5.00", card=good, key="more")
    assert len(world.payments.payments()) == asked, "the bank isn't asked"
    assert refused.value.retry_after_seconds == 3600 - MOST + 1
    world.advance(seconds=refused.value.retry_after_seconds)
    assert world.buy(amount="5.00", card=good, key="more").status == 201
    decline(world, world.customer(behaviour=Behaviour.DECLINES), 1, name="one left")


def test_the_refusal_is_a_429_that_says_when_to_come_again() -> None:
    answer = problem(TooManyTriesError("Later.", retry_after_seconds=60))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert '"status": 429' in answer.body
    assert '"code": "busy"' in answer.body


def test_a_refused_key_is_free_for_later_and_a_repetition_is_no_try() -> None:
    world = World()
    bad = world.customer(behaviour=Behaviour.DECLINES)
    for _ in range(3):
        decline(world, bad, MOST)
    day = world.purchase_days.get(ORG, day_of(world.now))
    assert len(day.tries) == MOST
    for _ in range(3):
        with pytest.raises(TooManyTriesError):
            world.buy(amount="5.00", card=bad, key="refused")
    world.advance(hours=1)
    assert world.buy(amount="5.00", card=world.customer(), key="refused").status == 201


def test_purchases_that_are_paid_are_no_tries_however_many() -> None:
    world = World()
    card = world.customer()
    for number in range(3 * MOST):
        assert world.buy(amount="5.00", card=card, key=f"{number}").status == 201
        world.advance(seconds=1)
    assert len(world.purchase_days.get(ORG, day_of(world.now)).tries) <= MOST


def test_a_purchase_that_is_paid_later_is_no_try_any_more() -> None:
    world = World()
    bad = world.customer(behaviour=Behaviour.DECLINES)
    asks = world.customer(behaviour=Behaviour.ASKS_CUSTOMER)
    answer = world.buy(amount="5.00", card=asks, key="3-D Secure")
    decline(world, bad, MOST - 1)
    with pytest.raises(TooManyTriesError):
        world.buy(amount="5.00", card=bad, key="more")
    purchase = world.purchases.get(ORG, str(answer.body["id"]))
    assert purchase is not None
    world.payments.authenticate(str(purchase.payment_id))
    world.deliver()
    assert world.buy(amount="5.00", card=bad, key="more").status == 402


def test_midnight_is_no_way_around_it() -> None:
    world = World()
    world.now = world.now.replace(hour=23, minute=59, second=0)
    bad = world.customer(behaviour=Behaviour.DECLINES)
    decline(world, bad, MOST // 2)
    for _ in range(MOST):
        set_up(world)
    world.advance(minutes=2)
    decline(world, bad, MOST - MOST // 2, name="b")
    with pytest.raises(TooManyTriesError):
        world.buy(amount="5.00", card=bad, key="more")
    with pytest.raises(TooManyTriesError):
        set_up(world)


def test_cards_can_be_begun_twenty_times_in_an_hour() -> None:
    world = World()
    for _ in range(MOST):
        set_up(world)
        world.advance(minutes=1)
    with pytest.raises(TooManyTriesError) as refused:
        set_up(world)
    assert refused.value.retry_after_seconds == 60 * (60 - MOST) + 1
    world.advance(seconds=refused.value.retry_after_seconds)
    set_up(world)


def test_other_organizations_are_not_held_up() -> None:
    world = World()
    decline(world, world.customer(behaviour=Behaviour.DECLINES), MOST)
    for _ in range(MOST):
        set_up(world)
    other = world.customer("other")
    set_up(world, "other")
    assert world.buy("other", amount="5.00", card=other, key="a").status == 201


def test_tries_at_the_same_moment_count_each_other() -> None:
    world = World()
    bad = world.customer(behaviour=Behaviour.DECLINES)

    def attempt(key: int) -> bool:
        try:
            return world.buy(amount="5.00", card=bad, key=f"{key}").status == 402
        except (TooManyTriesError, BusyError):
            return False

    with ThreadPoolExecutor(8) as pool:
        tried = sum(pool.map(attempt, range(3 * MOST)))
    assert tried <= MOST


def test_what_is_older_than_an_hour_is_not_kept() -> None:
    world = World()
    bad = world.customer(behaviour=Behaviour.DECLINES)
    for number in range(5):
        decline(world, bad, 5, name=f"{number}")
        set_up(world)
        world.advance(minutes=61)
    day = world.purchase_days.get(ORG, day_of(world.now - timedelta(minutes=61)))
    assert (len(day.tries), len(day.setups)) == (5, 1)
