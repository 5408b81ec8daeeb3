"""Who runs out of credits, or has some again, is told so: once for each time that it happens."""

from __future__ import annotations

import random
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.account import Account
from chalicelib.domain.crossing import news_of
from chalicelib.domain.notices import NoticeKind
from chalicelib.domain.write import Cover, Write
from tests.fakes.values import ORG
from tests.support.metering import Gateway, amount

LOW, EXHAUSTED, RESTORED = NoticeKind.LOW_BALANCE, NoticeKind.EXHAUSTED, NoticeKind.RESTORED
BALANCES = st.integers(-20, 20)


@pytest.mark.parametrize(
    ("floor", "before", "after", "news"),
    [
        (0, 5, 1, set()),
        (0, 5, 0, {EXHAUSTED}),
        (0, 5, -3, {EXHAUSTED}),
        (0, 0, -3, set()),
        (0, -3, 0, set()),
        (0, -3, 1, {RESTORED}),
        (0, 0, 1, {RESTORED}),
        (0, 1, 5, set()),
        (1, 1, 0, {LOW, EXHAUSTED}),
        (3, 5, 3, set()),
        (3, 5, 2, {LOW}),
        (3, 2, 1, set()),
        (3, 3, 0, {LOW, EXHAUSTED}),
        (3, 2, 0, {EXHAUSTED}),
        (3, 0, 5, {RESTORED}),
        (3, 2, 5, set()),
    ],
)
def test_what_a_change_makes_true(
    floor: int, before: int, after: int, news: set[NoticeKind]
) -> None:
    account = Account(organization_id=ORG, available_nanos=before, floor_nanos=floor)
    assert news_of(account, after - before) == news


@given(floor=st.integers(0, 20), balances=st.lists(BALANCES, min_size=2))
def test_exhausted_and_restored_are_told_in_turns_and_as_the_balance_is(
    floor: int, balances: list[int]
) -> None:
    told: list[NoticeKind] = []
    for before, after in pairwise(balances):
        account = Account(organization_id=ORG, available_nanos=before, floor_nanos=floor)
        told += news_of(account, after - before) - {LOW}
    assert all(a is not b for a, b in pairwise(told))
    if told:
        assert told[-1] is (RESTORED if balances[-1] > 0 else EXHAUSTED)


@given(
    before=BALANCES, floor=st.integers(0, 20), spent=st.integers(-20, 20), suspended=st.booleans()
)
def test_ample_covered_and_funded_are_ever_weaker_and_overdrawn_is_the_rest(
    before: int,
    floor: int,
    spent: int,
    suspended: bool,  # noqa: FBT001
) -> None:
    account = Account(
        organization_id=ORG, available_nanos=before, floor_nanos=floor, suspended=suspended
    )
    holds = {cover: cover.holds(account, spent) for cover in Cover}
    assert holds[Cover.AMPLE] <= holds[Cover.COVERED] <= holds[Cover.FUNDED]
    assert holds[Cover.OVERDRAWS] is not holds[Cover.FUNDED]
    assert holds[Cover.NONE]


def test_a_new_organization_hears_of_its_first_credits() -> None:
    gateway = Gateway()
    gateway.fund("5.00")
    assert gateway.news == [RESTORED]
    assert gateway.notices[0].data["available"] == "5.00"


def test_every_way_of_spending_tells_who_runs_out() -> None:
    gateway = Gateway()
    gateway.fund("4.00")
    gateway.deduct(amount("4.00"))
    gateway.fund("4.00")
    gateway.send(gateway.report("a", amount("1.00")), gateway.report("b", amount("9.00")))
    gateway.fund("6.00")
    assert gateway.news.count(EXHAUSTED) == 2
    assert gateway.news.count(RESTORED) == 2
    gateway.fund("3.00")
    gateway.place("3.00")
    assert gateway.news.count(EXHAUSTED) == 3


def test_every_way_of_giving_back_tells_who_has_credits_again() -> None:
    gateway = Gateway()
    gateway.fund("3.00")
    released, settled, expiring = (gateway.place("1.00", seconds=60) for _ in range(3))
    assert sorted(gateway.news) == [EXHAUSTED, RESTORED]
    gateway.release(released.id)
    gateway.deduct(amount("1.00"))
    gateway.settle(settled.id, amount("0.00"))
    gateway.deduct(amount("1.00"))
    gateway.world.advance(seconds=60)
    gateway.world.sweep()
    assert gateway.news.count(EXHAUSTED) == 3
    assert gateway.news.count(RESTORED) == 4
    facts = {notice.fact for notice in gateway.notices}
    assert f"expiry#{expiring.id}" in facts


def test_who_stays_exhausted_is_not_told_again() -> None:
    gateway = Gateway()
    gateway.fund("1.00")
    for number in range(5):
        gateway.send(gateway.report(f"r{number}", amount("1.00")))
    gateway.fund("2.00")
    assert sorted(gateway.news) == [EXHAUSTED, RESTORED]


def test_who_falls_below_the_threshold_is_told_each_time() -> None:
    gateway = Gateway()
    gateway.fund("10.00")
    gateway.set_floor("5.00")
    gateway.send(gateway.report("a", amount("6.00")))
    gateway.send(gateway.report("b", amount("1.00")))
    assert gateway.news.count(LOW) == 1
    gateway.fund("7.00")
    gateway.deduct(amount("6.00"))
    assert gateway.news.count(LOW) == 2
    assert EXHAUSTED not in gateway.news


def test_no_threshold_no_low_balance() -> None:
    gateway = Gateway()
    gateway.fund("10.00")
    gateway.send(gateway.report("a", amount("11.00")))
    assert sorted(gateway.news) == [EXHAUSTED, RESTORED]


def test_replays_tell_nothing() -> None:
    gateway = Gateway()
    gateway.fund("1.00")
    report = gateway.report("a", amount("1.00"))
    for _ in range(3):
        gateway.send(report)
        gateway.deduct(amount("0.00"), key="k")
    assert sorted(gateway.news) == [EXHAUSTED, RESTORED]


def test_a_suspended_account_is_told_of_its_balance_all_the_same() -> None:
    gateway = Gateway()
    gateway.fund("1.00")
    row = gateway.world.store.accounts[ORG]
    row.account = replace(row.account, suspended=True)
    gateway.send(gateway.report("a", amount("1.00")))
    assert sorted(gateway.news) == [EXHAUSTED, RESTORED]


def test_rivals_around_zero_tell_of_each_crossing_once() -> None:
    gateway = Gateway()
    store, balances = gateway.world.store, [0]
    change = store._change_account

    def change_and_remember(write: Write) -> None:
        change(write)
        balances.append(store.accounts[ORG].account.available_nanos)

    store._change_account = change_and_remember  # type: ignore[method-assign]

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for number in range(60):
            dollars = f"{chance.randint(1, 3)}.00"
            if (gateway.available > 0) is (chance.random() < 0.8):
                gateway.send(gateway.report(f"{seed}-{number}", amount(dollars)))
            else:
                gateway.fund(dollars)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # so that they meet between any two calls
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
    finally:
        sys.setswitchinterval(interval)
    falls = sum(a > 0 >= b for a, b in pairwise(balances))
    rises = sum(a <= 0 < b for a, b in pairwise(balances))
    assert falls > 10
    assert gateway.news.count(EXHAUSTED) == falls
    assert gateway.news.count(RESTORED) == rises
    assert balances[-1] == gateway.available
