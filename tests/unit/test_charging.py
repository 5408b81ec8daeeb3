"""What is taken for usage: its price, whom it is charged to, and what the ledger says of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from chalicelib.domain.breakdown import compact_breakdown
from chalicelib.domain.charge import Charge
from chalicelib.domain.price_rules import PriceBook
from chalicelib.domain.price_table import PriceTable, UnitPrice
from chalicelib.domain.pricing import Tariff
from chalicelib.domain.quoting import CataloguePrice, PricingError
from chalicelib.domain.units import UNITS
from chalicelib.domain.usage import ModelUsage, UsageLine, UsageReport, report_digest
from chalicelib.usecases.metering import PricedReport
from chalicelib.usecases.pricing import Pricing
from tests.fakes.values import NOW, ORG, usd
from tests.support.metering import TERMS, Gateway, amount, pricing, traces


def charge(*lines: UsageLine) -> Charge:
    return pricing().charge(organization_id=ORG, project_id="chat", lines=lines, digest="d", at=NOW)


def test_a_bare_amount_takes_no_traces_whatever_the_month_had() -> None:
    bare = Charge(organization_id=ORG, amount_nanos=5, digest="d")
    assert bare.traces == 0
    assert bare.after_traces(1_000) is bare


def test_a_charge_is_made_as_if_its_traces_were_the_first_of_the_month() -> None:
    # Ten of a month are free, and each further one costs a quarter of a nano-dollar.
    assert charge(traces(10)).amount_nanos == 0
    assert charge(traces(14)).amount_nanos == 1


def test_a_charge_after_other_traces_says_what_those_made_of_it() -> None:
    first = charge(amount("1.00"), traces(14))
    later = first.after_traces(10)
    assert first.usage is not None
    assert later.usage is not None
    assert later.amount_nanos == usd("1.00") + 4
    assert later.usage.amount_nanos == later.amount_nanos
    assert later.details == compact_breakdown(later.usage.lines) != first.details
    assert later.after_traces(0) == first
    assert (later.traces, later.project_id, later.digest) == (14, "chat", "d")


def test_a_charge_says_whose_it_is_and_what_it_is_made_of() -> None:
    made = charge(amount("1.00"), traces(3))
    assert made.usage is not None
    assert (made.organization_id, made.project_id, made.digest) == (ORG, "chat", "d")
    assert made.details == compact_breakdown(made.usage.lines)
    assert made.details.keys() == {"v", "a", "t"}
    assert made.month == "2026-11"


@pytest.mark.parametrize(("named", "path"), [({}, "lines[1]"), ({"path": "usage"}, "usage[1]")])
def test_a_line_without_a_price_is_named_as_the_caller_calls_its_lines(
    named: dict[str, str], path: str
) -> None:
    unknown = ModelUsage(provider="lab", model="x", calls=1, units={"input_tokens": 1})
    with pytest.raises(PricingError) as refused:
        pricing().charge(
            organization_id=ORG,
            project_id=None,
            lines=[amount("1.00"), unknown],
            digest="d",
            at=NOW,
            **named,
        )
    assert [error.field for error in refused.value.errors] == [path]


@pytest.mark.parametrize("final", [False, True])
def test_a_report_is_priced_at_its_own_time_for_its_own_hold_and_project(*, final: bool) -> None:
    report = UsageReport(
        report_id="r1",
        organization_id=ORG,
        occurred_at=NOW,
        lines=(amount("1.00"),),
        project_id="chat",
        hold_id="hold_1",
        final=final,
    )
    assert pricing().price(report) == PricedReport(
        report_id="r1",
        charge=replace(charge(amount("1.00")), digest=report_digest(report)),
        hold_id="hold_1",
        final=final,
    )


def test_a_deduction_keeps_its_project_and_what_it_was_for() -> None:
    gateway = Gateway()
    gateway.fund("5.00")
    charged = charge(amount("1.00"))
    entry, _ = gateway.world.app.metering.deduct(charged, key="a", now=gateway.now)
    assert (entry.project_id, entry.details) == ("chat", charged.details)
    assert entry.details


def test_a_catalogue_is_asked_about_the_time_of_the_usage() -> None:
    prices = PriceTable(prices=(UnitPrice(unit=UNITS["input_tokens"], usd=Decimal(1)),))
    asked: list[object] = []

    def find(usage: ModelUsage, at: object) -> CataloguePrice:
        asked.append(at)
        return CataloguePrice(provider="lab", model="m", version="1", table=prices)

    tariff = Tariff(find_price=find, book=PriceBook.of(()), trace_terms=TERMS)
    line = ModelUsage(provider="lab", model="m", calls=1, units={"input_tokens": 1})
    Pricing(tariff=lambda: tariff).charge(
        organization_id=ORG, project_id=None, lines=[line], digest="d", at=NOW
    )
    assert asked == [NOW]
