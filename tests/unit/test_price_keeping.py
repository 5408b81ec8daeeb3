"""Keeping the operator's prices: versions, repetition, rivals, quotes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.errors import BusyError, NotFoundError, ValidationFailedError
from chalicelib.domain.price_rules import PriceRule, Scope, TraceTerms
from chalicelib.domain.price_table import PriceTable, UnitPrice
from chalicelib.domain.quoting import CataloguePrice
from chalicelib.domain.units import UNITS
from chalicelib.domain.usage import ModelUsage
from chalicelib.usecases.price_keeping import PriceKeeping, PriceTerms
from tests.fakes.prices import FakePrices

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
LAB = Scope(provider="lab")
LARGE = ModelUsage(provider="lab", model="large", units={})
TABLE = PriceTable(prices=(UnitPrice(unit=UNITS["input_tokens"], usd=Decimal(10)),))


def find_price(usage: ModelUsage, at: datetime) -> CataloguePrice | None:
    if usage.model != "large":
        return None
    return CataloguePrice(provider="lab", model="large", version="list 1", table=TABLE)


def keeping(prices: FakePrices | None = None) -> PriceKeeping:
    return PriceKeeping(
        prices=prices or FakePrices(),
        find_price=find_price,
        trace_terms=TraceTerms(monthly_traces=10_000, thousand_nanos=500),
    )


def mark_up(percent: str, scope: Scope = LAB, **more: Any) -> PriceTerms:
    return PriceTerms(scope=scope, mark_up_percent=Decimal(percent), **more)


def test_decisions_are_numbered_through_the_whole_book() -> None:
    kept = keeping()
    first = kept.set(mark_up("5"), by="ada", now=NOW)
    second = kept.set(mark_up("7", Scope()), by="bob", now=NOW + HOUR)
    assert (first.version, first.author, first.effective_from) == (1, "ada", NOW)
    assert (second.version, second.author, second.effective_from) == (2, "bob", NOW + HOUR)
    assert [rule.version for rule in kept.history(before_version=None, limit=10)] == [2, 1]


def test_saying_again_what_holds_decides_nothing_new() -> None:
    kept = keeping()
    first = kept.set(mark_up("5"), by="ada", now=NOW)
    assert kept.set(mark_up("5"), by="bob", now=NOW + HOUR) == first
    assert kept.set(mark_up("5.0"), by="bob", now=NOW + HOUR) == first


@pytest.mark.parametrize(
    "terms",
    [
        mark_up("6"),
        mark_up("5", effective_until=NOW + 9 * HOUR),
        mark_up("5", effective_from=NOW + HOUR),
        mark_up("5", Scope()),
        PriceTerms(scope=LAB, blocked=True),
    ],
)
def test_saying_anything_else_is_a_new_decision(terms: PriceTerms) -> None:
    kept = keeping()
    kept.set(mark_up("5"), by="ada", now=NOW)
    assert kept.set(terms, by="ada", now=NOW + HOUR).version == 2


def test_what_has_run_out_can_be_decided_again() -> None:
    kept = keeping()
    kept.set(mark_up("5", effective_until=NOW + HOUR), by="ada", now=NOW)
    assert kept.set(mark_up("5"), by="ada", now=NOW + 2 * HOUR).version == 2


def test_a_rule_is_ended_by_saying_nothing() -> None:
    kept = keeping()
    kept.set(mark_up("5"), by="ada", now=NOW)
    kept.set(PriceTerms(scope=LAB), by="ada", now=NOW + HOUR)
    quoted = kept.quote(LARGE, organization_id=None, at=NOW + HOUR)
    assert (quoted.mark_up_percent, quoted.version) == (Decimal(0), "list 1")
    before = kept.quote(LARGE, organization_id=None, at=NOW)
    assert (before.mark_up_percent, before.version) == (Decimal(5), "list 1, mark-up v1")


def test_a_rule_that_was_never_made_can_not_be_ended() -> None:
    with pytest.raises(NotFoundError):
        keeping().set(PriceTerms(scope=LAB), by="ada", now=NOW)


def test_terms_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationFailedError, match="own prices are final"):
        keeping().set(mark_up("5", prices=TABLE), by="ada", now=NOW)
    with pytest.raises(ValidationFailedError, match="past"):
        keeping().set(mark_up("5", effective_from=NOW - HOUR), by="ada", now=NOW)


class Contested(FakePrices):
    """A book in which somebody else takes the next version, as often as is said."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def append(self, rule: PriceRule) -> bool:
        if self.times:
            self.times -= 1
            super().append(replace(rule, author="a rival", scope=Scope(provider="works")))
        return super().append(rule)


def test_who_comes_second_takes_the_version_after() -> None:
    kept = keeping(Contested(3))
    assert kept.set(mark_up("5"), by="ada", now=NOW).version == 4


def test_who_always_comes_second_is_told_so() -> None:
    with pytest.raises(BusyError):
        keeping(Contested(1_000)).set(mark_up("5"), by="ada", now=NOW)


def test_the_rules_in_force_are_listed_by_scope() -> None:
    kept = keeping()
    kept.set(mark_up("1", Scope(organization_id="acme")), by="ada", now=NOW)
    kept.set(mark_up("2", Scope(provider="works")), by="ada", now=NOW)
    kept.set(mark_up("3"), by="ada", now=NOW)
    kept.set(mark_up("4", Scope(), effective_from=NOW + HOUR), by="ada", now=NOW)
    kept.set(mark_up("5"), by="ada", now=NOW + HOUR)
    assert [rule.version for rule in kept.in_force(NOW)] == [3, 2, 1]
    assert [rule.version for rule in kept.in_force(NOW + HOUR)] == [4, 5, 2, 1]


def test_the_history_is_read_in_parts() -> None:
    kept = keeping()
    for percent in range(5):
        kept.set(mark_up(str(percent)), by="ada", now=NOW)
    assert [rule.version for rule in kept.history(before_version=None, limit=2)] == [5, 4]
    assert [rule.version for rule in kept.history(before_version=4, limit=2)] == [3, 2]
    assert [rule.version for rule in kept.history(before_version=2, limit=2)] == [1]
    assert list(kept.history(before_version=1, limit=2)) == []


def test_a_version_is_found_by_its_number() -> None:
    kept = keeping()
    rule = kept.set(mark_up("5"), by="ada", now=NOW)
    assert kept.version(1) == rule
    other = kept.set(mark_up("7"), by="bob", now=NOW + HOUR)
    assert (kept.version(1), kept.version(2)) == (rule, other)
    for absent in (0, 3):
        with pytest.raises(NotFoundError):
            kept.version(absent)


def test_a_model_without_a_price_has_no_quote() -> None:
    with pytest.raises(NotFoundError, match="lab/unknown has no price"):
        keeping().quote(replace(LARGE, model="unknown"), organization_id=None, at=NOW)


def test_the_terms_of_traces_are_the_configured_ones_but_for_what_was_decided() -> None:
    kept = keeping()
    terms = PriceTerms(scope=Scope(organization_id="acme"), monthly_traces=7)
    kept.set(terms, by="ada", now=NOW)
    assert kept.traces("acme", at=NOW) == TraceTerms(
        monthly_traces=7, thousand_nanos=500, version="own v1"
    )
    assert kept.traces("other", at=NOW).version == "configuration"


def test_a_decision_is_kept_with_all_that_it_says() -> None:
    terms = PriceTerms(
        scope=Scope(organization_id="acme"),
        effective_from=NOW + HOUR,
        effective_until=NOW + 2 * HOUR,
        mark_up_percent=Decimal(5),
        blocked=False,
        monthly_traces=7,
        thousand_traces_nanos=9,
    )
    kept = keeping()
    assert kept.set(terms, by="ada", now=NOW) == PriceRule(
        scope=Scope(organization_id="acme"),
        version=1,
        author="ada",
        recorded_at=NOW,
        effective_from=NOW + HOUR,
        effective_until=NOW + 2 * HOUR,
        mark_up_percent=Decimal(5),
        blocked=False,
        monthly_traces=7,
        thousand_traces_nanos=9,
    )


def test_what_is_wrong_with_a_decision_is_wrong_with_all_of_it() -> None:
    with pytest.raises(ValidationFailedError) as refused:
        keeping().set(mark_up("5", prices=TABLE), by="ada", now=NOW)
    assert [error.field for error in refused.value.errors] == ["body"]


def test_an_organization_is_quoted_its_own_terms_and_others_are_not() -> None:
    kept = keeping()
    kept.set(mark_up("50", Scope(organization_id="acme")), by="ada", now=NOW)
    quoted = {
        each: kept.quote(LARGE, organization_id=each, at=NOW).table.prices[0].usd
        for each in ("acme", "bolt", None)
    }
    assert quoted == {"acme": 15, "bolt": 10, None: 10}


def test_the_wider_scope_is_listed_first() -> None:
    kept = keeping()
    narrow = [
        Scope(),
        Scope(provider="01"),
        Scope(provider="01", model="4o"),
        Scope(organization_id="0-acme"),
        Scope(organization_id="0-acme", provider="01"),
        Scope(organization_id="0-acme", provider="01", model="4o"),
    ]
    for scope in reversed(narrow):
        kept.set(mark_up("1", scope), by="ada", now=NOW)
    assert [rule.scope for rule in kept.in_force(NOW)] == narrow
