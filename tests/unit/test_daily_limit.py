"""What can be bought by hand on one day is limited, exactly, whatever happens at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.domain.errors import BusyError, ValidationFailedError
from chalicelib.domain.purchase_day import day_of
from tests.fakes.payments import Behaviour
from tests.fakes.values import ORG, usd
from tests.fakes.world import World

MOST = "10000.00"


def charged_today(world: World) -> int:
    return world.purchase_days.get(ORG, day_of(world.now)).charged_nanos


def test_what_goes_beyond_the_days_limit_is_refused_with_what_is_left() -> None:
    world = World()
    card = world.customer()
    world.buy(amount=MOST, card=card, key="a")
    world.buy(amount="9999.00", card=card, key="b")
    with pytest.raises(ValidationFailedError, match=r"of which 1\.00 are left"):
        world.buy(amount="5.00", card=card, key="c")
    assert world.account().available_nanos == usd("19999.00")


def test_the_next_day_has_a_limit_of_its_own() -> None:
    world = World()
    card = world.customer()
    for key in "ab":
        world.buy(amount=MOST, card=card, key=key)
    world.advance(days=1)
    assert world.buy(amount=MOST, card=card, key="c").status == 201


def test_a_declined_purchase_gives_its_room_back() -> None:
    world = World()
    declined = world.customer(behaviour=Behaviour.DECLINES)
    assert world.buy(amount=MOST, card=declined, key="a").status == 402
    assert charged_today(world) == 0


def test_a_repeated_request_counts_once() -> None:
    world = World()
    card = world.customer()
    for _ in range(3):
        world.buy(amount="50.00", card=card, key="same")
    assert charged_today(world) == usd("50.00")


def test_purchases_at_the_same_moment_count_each_other() -> None:
    world = World()
    card = world.customer()

    def buy(key: int) -> bool:
        try:
            return world.buy(amount="5000.00", card=card, key=f"{key}").status == 201
        except (ValidationFailedError, BusyError):
            return False

    with ThreadPoolExecutor(8) as pool:
        bought = sum(pool.map(buy, range(8)))
    assert bought <= 4
    assert charged_today(world) == bought * usd("5000.00") == world.account().available_nanos


def test_a_limit_that_is_used_up_leaves_nothing_and_the_amount_is_to_blame() -> None:
    world = World()
    card = world.customer()
    for key in ("a", "b"):
        world.buy(amount=MOST, card=card, key=key)
    with pytest.raises(ValidationFailedError, match=r"of which 0\.00 are left") as refused:
        world.buy(amount="5.00", card=card, key="c")
    assert [error.field for error in refused.value.errors] == ["amount"]
