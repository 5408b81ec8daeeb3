"""A day of a dead card: what made 670 invoices, or 950 declines, for others."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from chalicelib.domain.notices import NoticeKind
from chalicelib.domain.topup import TopUpStatus
from tests.fakes.laws import assert_settled
from tests.fakes.payments import Behaviour
from tests.fakes.values import ORG, report, usd
from tests.fakes.world import World

MINUTES = 24 * 60


def _a_day_of_usage(world: World, name: str) -> None:
    """Usage every minute for 24 hours, each report asking for a top-up."""
    for minute in range(MINUTES):
        world.use(report(f"{name}-{minute}", "0.01"))
        world.run(minutes=1)


def _told(world: World) -> Counter[NoticeKind]:
    return Counter(notice.kind for notice in world.events.published)


def _mailed(world: World) -> Counter[NoticeKind]:
    return Counter(notice.kind for notice, _ in world.mail.sent)


@pytest.mark.parametrize(
    ("decline_code", "attempts"), [("insufficient_funds", 4), ("lost_card", 1)]
)
def test_it_is_tried_a_few_times_told_each_time_and_then_let_be(
    decline_code: str, attempts: int
) -> None:
    world = World()
    good = world.customer()
    world.buy(ORG, "10.00", card=good)
    dead = world.customer(ORG, Behaviour.DECLINES, decline_code=decline_code)
    world.app.buyers.set_default_card(ORG, dead.payment_method_id, now=world.now)
    world.order_top_ups(ORG, threshold="10.00", amount="25.00")
    _a_day_of_usage(world, "first")
    charges = len(world.payments.payments()) - 1
    assert charges == attempts
    told = _told(world)
    assert told[NoticeKind.TOP_UP_FAILED] == attempts
    assert told[NoticeKind.TOP_UP_PAUSED] == 1
    mailed = _mailed(world)
    assert mailed[NoticeKind.TOP_UP_FAILED] + mailed[NoticeKind.TOP_UP_PAUSED] == attempts
    assert world.top_ups.get(ORG).status is TopUpStatus.PAUSED
    assert world.account().available_nanos == usd("10.00") - MINUTES * usd("0.01")
    _a_day_of_usage(world, "second")
    world.run(days=40, every=timedelta(hours=6))
    assert len(world.payments.payments()) - 1 == attempts, "until a person acts"
    world.app.buyers.set_default_card(ORG, good.payment_method_id, now=world.now)
    world.run(minutes=2)
    assert world.top_ups.get(ORG).status is TopUpStatus.IDLE
    assert_settled(world)
