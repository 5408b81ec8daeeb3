"""The Prices port: every version kept as it was, each given once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from chalicelib.adapters.dynamodb.prices import DynamoPrices
from chalicelib.domain.price_rules import PriceRule, Scope
from chalicelib.domain.price_table import PriceTable, PriceTier, UnitPrice
from chalicelib.domain.units import CALLS, UNITS
from chalicelib.ports import Prices
from devstack.emulator import Account, Emulator
from tests.contract.databases import dynamodb
from tests.fakes.prices import FakePrices
from tests.fakes.values import NOW
from tests.support.stack import NOBODY

HOUR = timedelta(hours=1)


@pytest.fixture
def account(emulator: Emulator) -> Account:
    """An account whose book of prices is empty."""
    return emulator.account(given=NOBODY)


@pytest.fixture(params=["fake", "dynamodb"])
def prices(request: pytest.FixtureRequest) -> Iterator[Prices]:
    """Each of the books in turn, empty."""
    if request.param == "fake":
        yield FakePrices()
        return
    with dynamodb(request.getfixturevalue("account").environment) as database:
        yield database.prices


def rule(version: int = 1, *, scope: Scope | None = None, mark_up: str = "12.5") -> PriceRule:
    return PriceRule(
        scope=scope or Scope(),
        version=version,
        author="ada",
        recorded_at=NOW,
        effective_from=NOW,
        mark_up_percent=Decimal(mark_up),
    )


FULL = PriceRule(
    scope=Scope(organization_id="acme", provider="Meta/X", model="llama:3/70B"),
    version=1,
    author="auth0|ü@example.com",
    recorded_at=NOW,
    effective_from=NOW + timedelta(microseconds=1),
    effective_until=NOW + HOUR,
    prices=PriceTable(
        prices=(
            UnitPrice(
                unit=UNITS["input_tokens"],
                usd=Decimal("0.000000000001"),
                tiers=(PriceTier(above_input_tokens=128_000, usd=Decimal("2.50")),),
            ),
            UnitPrice(unit=CALLS, usd=Decimal(0)),
        )
    ),
    blocked=False,
)
TRACES = replace(
    rule(mark_up="0"),
    scope=Scope(organization_id="acme"),
    mark_up_percent=None,
    monthly_traces=0,
    thousand_traces_nanos=10**9,
)


def test_an_empty_book_says_nothing(prices: Prices) -> None:
    assert list(prices.rules()) == []
    assert prices.book().rule(Scope(), NOW) is None


@pytest.mark.parametrize("kept", [FULL, TRACES, rule(), rule(mark_up="-100")])
def test_a_rule_comes_back_as_it_was(prices: Prices, kept: PriceRule) -> None:
    assert prices.append(kept)
    assert list(prices.rules()) == [kept]
    assert prices.book().rule(kept.scope, kept.effective_from) == kept


def test_rules_come_in_the_order_of_their_versions(prices: Prices) -> None:
    kept = [rule(version, mark_up=str(version)) for version in range(1, 13)]
    assert all(prices.append(each) for each in kept)
    assert list(prices.rules()) == kept


def test_a_version_is_given_once(prices: Prices) -> None:
    assert prices.append(rule(1))
    assert not prices.append(rule(1, mark_up="1"))
    assert list(prices.rules()) == [rule(1)]


def test_a_rule_that_is_there_already_is_there(prices: Prices) -> None:
    assert prices.append(rule(1))
    assert prices.append(rule(1))
    assert list(prices.rules()) == [rule(1)]


def test_of_rivals_for_a_version_one_gets_it(prices: Prices) -> None:
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda n: prices.append(rule(1, mark_up=str(n))), range(8)))
    assert sorted(given) == [False] * 7 + [True]
    (kept,) = prices.rules()
    assert kept == rule(1, mark_up=str(given.index(True)))


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def test_another_containers_change_is_known_after_so_many_seconds(account: Account) -> None:
    clock = Clock()
    with dynamodb(account.environment) as database:
        here = DynamoPrices(max_age_seconds=5, clock=clock)
        assert here.book().rule(Scope(), NOW) is None
        database.prices.append(rule(1))
        clock.seconds += 4.9
        assert here.book().rule(Scope(), NOW) is None
        clock.seconds += 0.1
        assert here.book().rule(Scope(), NOW) == rule(1)


def test_a_containers_own_change_and_a_question_for_all_rules_are_known_at_once(
    account: Account,
) -> None:
    with dynamodb(account.environment) as database:
        here = DynamoPrices(max_age_seconds=5, clock=Clock())
        here.book()
        here.append(rule(1))
        assert here.book().rule(Scope(), NOW) == rule(1)
        database.prices.append(rule(2, mark_up="2"))
        assert [each.version for each in here.rules()] == [1, 2]
        assert here.book().rule(Scope(), NOW) == rule(2, mark_up="2")
