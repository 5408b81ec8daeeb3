"""The counted goals of metering: they are units, so they hold or they don't, on any machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.alternative import Alternative
from bench.application import Application, running_application
from bench.dollars import dollars
from bench.paths import PATHS, Measured, measure
from devstack.emulator import Emulator

_BY_NAME = {path.name: path for path in PATHS}


@pytest.fixture(scope="module")
def application(emulator: Emulator) -> Iterator[Application]:
    with running_application(emulator) as running:
        yield running


@pytest.fixture(scope="module")
def measured(application: Application) -> dict[str, Measured]:
    return {name: measure(application, path) for name, path in _BY_NAME.items()}


@pytest.fixture(scope="module")
def alternative_units(application: Application) -> float:
    client = application.new_client()
    alternative = Alternative.of(application.dynamodb, application.meter, client=client)
    with application.meter.counting() as consumption:
        for number in range(5):
            alternative.deduct(f"call-{number}", 1000)
            alternative.deduct(f"call-{number}", 1000)
    return consumption.write_units / 5


def per_call(measured: Measured) -> float:
    return measured.consumption.write_units / measured.calls


def test_the_engine_counts_as_the_published_rule_does(measured: dict[str, Measured]) -> None:
    for name, each in measured.items():
        assert each.consumption.engine_write_units == each.consumption.write_units, name


@pytest.mark.parametrize("name", [name for name in _BY_NAME if "report" in name])
def test_a_batch_of_reports_is_one_request_and_reads_nothing(
    measured: dict[str, Measured], name: str
) -> None:
    used = measured[name].consumption
    # Now and then the operator's prices are looked at, by a read that serves all batches.
    assert used.requests - used.reads == measured[name].rounds
    assert used.reads <= 1


def test_a_report_in_a_batch_of_ten_takes_at_most_2_3_units(measured: dict[str, Measured]) -> None:
    each = measured["10 reports of 1 line, one batch"]
    assert each.consumption.write_units / (10 * each.rounds) <= 2.3


@pytest.mark.parametrize(
    "name",
    [
        "report of 100 lines",
        "10 reports of 100 lines, one batch",
        "lease of 100 calls, 10 settled in one batch",
        "lease of 400 calls",
    ],
)
def test_a_call_in_a_long_report_or_a_lease_takes_at_most_0_15_units(
    measured: dict[str, Measured], alternative_units: float, name: str
) -> None:
    assert per_call(measured[name]) <= 0.15
    assert alternative_units / per_call(measured[name]) >= 10


def test_a_lease_takes_sixteen_units_however_many_calls_it_serves(
    measured: dict[str, Measured],
) -> None:
    """With 107 calls it takes less than 0.15 units a call, and 0.16 with a hundred."""
    for name in ("lease of 100 calls", "lease of 400 calls"):
        each = measured[name]
        assert each.consumption.write_units / each.rounds == 16


def test_the_alternative_takes_three_units_a_call(alternative_units: float) -> None:
    # The second send of each call is stopped by its id: a put that fails takes a unit as well.
    assert 3 <= alternative_units <= 4


def test_a_call_is_cheaper_the_more_of_them_share_a_report(measured: dict[str, Measured]) -> None:
    names = ["report of 1 line", "report of 10 lines", "report of 100 lines"]
    prices = [dollars(measured[name]).total for name in names]
    assert prices == sorted(prices, reverse=True)
    assert prices[0] > 50 * prices[2]
