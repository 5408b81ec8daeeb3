"""The page's reckoning: money without floats, typed amounts by locale, pace and estimates."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from chalicelib.domain.money import format_usd
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor


def run(visitor: Visitor, module: str, expression: str) -> Any:
    """Evaluate an expression with a module of the page at hand as `m`."""
    visitor.page.evaluate(
        """async (name) => {
            const base = document.querySelector('script[type=module]').src;
            window.m = await import(new URL(name, base).href);
        }""",
        module,
    )
    return visitor.page.evaluate(expression)


@pytest.fixture
def page(visitor: NewVisitor) -> Visitor:
    someone = visitor()
    someone.page.goto(someone.stack.url)
    return someone


def test_money_is_read_and_written_as_the_server_does(page: Visitor) -> None:
    chance = random.Random(6)
    nanos = [0, 1, -1, 10**9, -(10**9), 999_999_999, 123_456_789_012_345_678_901]
    nanos += [chance.randrange(-(10**20), 10**20) for _ in range(500)]
    texts = [format_usd(each) for each in nanos]
    read = f"{json.dumps(texts)}.map((text) => String(m.nanosOf(text)))"
    assert [int(text) for text in run(page, "money.js", read)] == nanos
    written = f"{json.dumps([str(each) for each in nanos])}.map((n) => m.textOf(BigInt(n)))"
    assert run(page, "money.js", written) == texts


def test_a_balance_is_never_shown_as_more_than_it_is(page: Visitor) -> None:
    shown = run(
        page,
        "money.js",
        "['0.999', '4.999999999', '-0.001', '-1.50', '1234.5'].map((t) => m.cents(m.nanosOf(t)))",
    )
    assert shown == ["$0.99", "$4.99", "-$0.01", "-$1.50", "$1,234.50"]
    exact = run(page, "money.js", "m.exactly(m.nanosOf('90071992547409.910000001'))")
    assert exact == "$90,071,992,547,409.910000001"
    assert run(page, "money.js", "m.about(1n)") == "< $0.01"


AMOUNTS = {
    "en-US": {
        "50": "50.00", "50.5": "50.50", "$1,234.50": "1234.50", "1,000": "1000.00", "0,50": "0.50",
        "1.000": None, "1,2,3": None, "1.2.3": None, "5.001": None, ".": None, "": None,
        "1e3": None, "-5": None, "$ 25": "25.00", "1,234,567": "1234567.00", "12,34.5": None,
    },
    "de-DE": {
        "50": "50.00", "50,5": "50.50", "1.234,50": "1234.50", "1.000": "1000.00",
        "50.00": "50.00", "1,000": None, "1.234.567": "1234567.00", "5,001": None,
    },
}  # fmt: skip


@pytest.mark.parametrize("locale", AMOUNTS)
def test_an_amount_is_read_as_people_of_the_locale_write_it(
    visitor: NewVisitor, locale: str
) -> None:
    someone = visitor(locale=locale)
    someone.page.goto(someone.stack.url)
    cases = AMOUNTS[locale]
    found = run(
        someone,
        "money.js",
        f"{json.dumps(list(cases))}.map((t) => {{ const n = m.readAmount(t);"
        "return n === null ? null : m.textOf(n); })",
    )
    assert dict(zip(cases, found, strict=True)) == cases


def test_pace_and_days_left_are_reckoned_from_the_last_week(page: Visitor) -> None:
    days = [{"spent": "100.00"}] * 23 + [{"spent": "2.00"}] * 7
    assert run(page, "pace.js", f"String(m.dailyPace({json.dumps(days)}))") == "2000000000"
    assert run(page, "pace.js", "m.daysLeft(31_000_000_000n, 2_000_000_000n)") == 16
    assert run(page, "pace.js", "m.daysLeft(5n, 0n)") is None
    assert run(page, "pace.js", "m.daysLeft(-5n, 1n)") == 0


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("null", [5, 50, False]), ("30n", [3, 30, True]), ("50n", [5, 50, False])],
)
def test_the_estimate_counts_firings_and_stops_at_the_limit(
    page: Visitor, limit: str, expected: list[object]
) -> None:
    order = f"{{threshold: 20n, amount: 10n, limit: {limit}}}"
    found = run(
        page,
        "pace.js",
        f"(() => {{ const f = m.firings(Array(30).fill(2n), {order});"
        "return [f.times, Number(f.total), f.limited]; })()",
    )
    assert found == expected
