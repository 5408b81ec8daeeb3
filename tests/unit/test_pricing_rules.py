"""The operator's price book: which rule counts where and when, and what the rules say together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.price_rules import PriceBook, PriceRule, Scope, TraceTerms
from chalicelib.domain.price_table import PriceTable, UnitPrice
from chalicelib.domain.quoting import CataloguePrice, QuotedPrice, UnpricedModelError, quote
from chalicelib.domain.units import UNITS
from chalicelib.domain.usage import ModelUsage

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
DAY = timedelta(days=1)

GLOBAL = Scope()
PROVIDER = Scope(provider="lab")
MODEL = Scope(provider="lab", model="large")
ACME = Scope(organization_id="acme")
ACME_PROVIDER = Scope(organization_id="acme", provider="lab")
ACME_MODEL = Scope(organization_id="acme", provider="lab", model="large")
RISING = [GLOBAL, PROVIDER, MODEL, ACME, ACME_PROVIDER, ACME_MODEL]


def prices(usd: str) -> PriceTable:
    return PriceTable(prices=(UnitPrice(unit=UNITS["input_tokens"], usd=Decimal(usd)),))


def rule(
    scope: Scope,
    *,
    version: int = 1,
    own: str | None = None,
    mark_up: str | None = None,
    blocked: bool | None = None,
    since: datetime = NOW,
    until: datetime | None = None,
    monthly_traces: int | None = None,
    thousand_traces_nanos: int | None = None,
) -> PriceRule:
    return PriceRule(
        scope=scope,
        version=version,
        author="operator@example.com",
        recorded_at=NOW,
        effective_from=since,
        effective_until=until,
        prices=None if own is None else prices(own),
        mark_up_percent=None if mark_up is None else Decimal(mark_up),
        blocked=blocked,
        monthly_traces=monthly_traces,
        thousand_traces_nanos=thousand_traces_nanos,
    )


def find_price(usage: ModelUsage, at: datetime) -> CataloguePrice | None:
    """A catalogue that lists "large", also known as "large-2026", for ten dollars."""
    if usage.provider.lower() not in ("lab", "laboratory") or "large" not in usage.model.lower():
        return None
    return CataloguePrice(provider="lab", model="Large", version="list 1", table=prices("10"))


def quoted(
    *rules: PriceRule,
    provider: str = "lab",
    model: str = "large",
    organization_id: str | None = "acme",
    at: datetime = NOW,
) -> QuotedPrice:
    return quote(
        ModelUsage(provider=provider, model=model, units={}),
        organization_id=organization_id,
        at=at,
        find_price=find_price,
        book=PriceBook.of(rules),
    )


def usd(price: QuotedPrice) -> Decimal:
    return price.table.prices[0].usd


def test_without_rules_the_catalogue_is_quoted() -> None:
    price = quoted()
    assert (price.provider, price.model) == ("lab", "large")
    assert (usd(price), price.version, price.blocked) == (Decimal(10), "list 1", False)


@pytest.mark.parametrize("special", range(6))
@pytest.mark.parametrize("plain", range(6))
def test_own_prices_of_the_more_special_scope_count(plain: int, special: int) -> None:
    if plain == special:
        return
    price = quoted(
        rule(RISING[plain], version=1, own="1"), rule(RISING[special], version=2, own="2")
    )
    assert usd(price) == (2 if special > plain else 1)
    assert price.version == ("own v2" if special > plain else "own v1")


@pytest.mark.parametrize("special", range(6))
@pytest.mark.parametrize("plain", range(6))
def test_the_mark_up_of_the_more_special_scope_counts(plain: int, special: int) -> None:
    if plain == special:
        return
    price = quoted(
        rule(RISING[plain], version=1, mark_up="10"), rule(RISING[special], version=2, mark_up="20")
    )
    assert usd(price) == (12 if special > plain else 11)
    assert price.mark_up_percent == (20 if special > plain else 10)
    assert price.version == f"list 1, mark-up v{2 if special > plain else 1}"


def test_own_prices_are_final_but_for_a_more_special_mark_up() -> None:
    everyone = rule(GLOBAL, version=1, mark_up="20")
    own = rule(MODEL, version=2, own="4")
    acme = rule(ACME, version=3, mark_up="-10")
    assert usd(quoted(everyone)) == 12
    assert usd(quoted(everyone, own)) == 4
    assert quoted(everyone, own).version == "own v2"
    assert usd(quoted(everyone, own, acme)) == Decimal("3.6")
    assert quoted(everyone, own, acme).version == "own v2, mark-up v3"
    assert usd(quoted(everyone, own, acme, organization_id="other")) == 4
    assert usd(quoted(everyone, own, acme, rule(ACME_MODEL, version=4, own="5"))) == 5


def test_a_mark_up_of_zero_replaces_a_wider_one() -> None:
    price = quoted(rule(GLOBAL, version=1, mark_up="20"), rule(ACME, version=2, mark_up="0"))
    assert (usd(price), price.version) == (Decimal(10), "list 1, mark-up v2")


def test_a_block_holds_whatever_else_is_said_until_a_more_special_rule_lifts_it() -> None:
    block = rule(PROVIDER, version=1, blocked=True)
    assert quoted(block).blocked
    assert quoted(block, rule(ACME, version=2, mark_up="5")).blocked
    assert quoted(block, rule(MODEL, version=2, own="5")).blocked
    lifted = quoted(block, rule(ACME_MODEL, version=2, blocked=False))
    assert (lifted.blocked, usd(lifted)) == (False, Decimal(10))
    assert quoted(block, rule(ACME_MODEL, blocked=False), organization_id=None).blocked


def test_a_rule_of_another_organization_provider_or_model_says_nothing() -> None:
    others = (
        Scope(organization_id="other"),
        Scope(organization_id="other", provider="lab", model="large"),
        Scope(provider="elsewhere"),
        Scope(provider="lab", model="larger"),
        Scope(organization_id="ACME"),
    )
    rules = [rule(scope, version=number, own="1") for number, scope in enumerate(others)]
    assert usd(quoted(*rules)) == 10


@pytest.mark.parametrize("name", ["large", "LARGE", "large-2026"])
@pytest.mark.parametrize("provider", ["lab", "Lab", "laboratory"])
def test_a_rule_meets_a_model_by_every_name_that_the_catalogue_knows(
    provider: str, name: str
) -> None:
    price = quoted(
        rule(Scope(provider="LAB", model="Large"), own="1"), provider=provider, model=name
    )
    assert usd(price) == 1


def test_a_rule_for_the_name_that_the_gateway_uses_counts_before_the_catalogues() -> None:
    rules = (
        rule(Scope(provider="lab", model="large-2026"), version=1, own="1"),
        rule(MODEL, version=2, own="2"),
    )
    assert usd(quoted(*rules, model="large-2026")) == 1
    assert usd(quoted(*rules, model="large")) == 2
    assert usd(quoted(*rules, model="large-2025")) == 2


def test_own_prices_make_models_known_that_the_catalogue_is_not_aware_of() -> None:
    with pytest.raises(UnpricedModelError, match="home/llama has no price"):
        quoted(provider="home", model="llama")
    price = quoted(rule(Scope(provider="home"), own="0.1"), provider="home", model="llama")
    assert (usd(price), price.provider, price.model) == (Decimal("0.1"), "home", "llama")
    with pytest.raises(UnpricedModelError):
        quoted(rule(Scope(provider="home"), mark_up="5"), provider="home", model="llama")


def test_a_rule_counts_from_its_first_moment_until_before_its_last() -> None:
    book = rule(GLOBAL, mark_up="10", since=NOW + DAY, until=NOW + 2 * DAY)
    moment = timedelta(microseconds=1)
    assert usd(quoted(book, at=NOW + DAY - moment)) == 10
    assert usd(quoted(book, at=NOW + DAY)) == 11
    assert usd(quoted(book, at=NOW + 2 * DAY - moment)) == 11
    assert usd(quoted(book, at=NOW + 2 * DAY)) == 10


def test_the_rule_that_took_effect_last_counts_and_what_it_covered_returns_after_it() -> None:
    base = rule(GLOBAL, version=1, mark_up="10")
    summer = rule(GLOBAL, version=2, mark_up="30", since=NOW + 10 * DAY)
    promotion = rule(GLOBAL, version=3, mark_up="0", since=NOW + 5 * DAY, until=NOW + 7 * DAY)
    rules = (base, summer, promotion)
    found = [usd(quoted(*rules, at=NOW + days * DAY)) for days in (0, 4, 5, 6, 7, 10, 20)]
    assert found == [11, 11, 10, 10, 11, 13, 13]


def test_of_two_versions_with_one_beginning_the_later_counts() -> None:
    slip = rule(GLOBAL, version=1, mark_up="100")
    assert usd(quoted(slip, rule(GLOBAL, version=2, mark_up="10"))) == 11
    assert usd(quoted(rule(GLOBAL, version=2, mark_up="10"), slip)) == 11


def test_a_version_that_says_nothing_ends_those_before_it() -> None:
    rules = rule(MODEL, version=1, own="1"), rule(MODEL, version=2, since=NOW + DAY)
    assert usd(quoted(*rules, at=NOW)) == 1
    assert usd(quoted(*rules, at=NOW + DAY)) == 10


@given(st.permutations(range(6)), st.integers(0, 20))
def test_the_order_in_which_rules_are_read_changes_nothing(order: list[int], days: int) -> None:
    rules = [
        rule(GLOBAL, version=1, mark_up="10"),
        rule(GLOBAL, version=2, mark_up="20", since=NOW + 9 * DAY),
        rule(MODEL, version=3, own="4", since=NOW + 3 * DAY, until=NOW + 6 * DAY),
        rule(ACME, version=4, mark_up="-50", since=NOW + 5 * DAY),
        rule(ACME_MODEL, version=5, own="7", since=NOW + 12 * DAY),
        rule(GLOBAL, version=6, mark_up="30", since=NOW + 9 * DAY, until=NOW + 15 * DAY),
    ]
    at = NOW + days * DAY
    assert quoted(*(rules[number] for number in order), at=at) == quoted(*rules, at=at)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"effective_from": NOW - DAY}, "past"),
        ({"effective_until": NOW}, "end after it begins"),
        ({"prices": prices("1"), "mark_up_percent": Decimal(1)}, "own prices are final"),
        ({"mark_up_percent": Decimal("-100.1")}, "mark-up"),
        ({"mark_up_percent": Decimal(10_001)}, "mark-up"),
        ({"mark_up_percent": Decimal("0.0000001")}, "mark-up"),
        ({"mark_up_percent": Decimal("NaN")}, "mark-up"),
        ({"mark_up_percent": Decimal("Infinity")}, "mark-up"),
        ({"monthly_traces": -1}, "zero or more"),
        ({"thousand_traces_nanos": -1}, "zero or more"),
        ({"scope": PROVIDER, "monthly_traces": 1}, "no provider"),
    ],
)
def test_a_rule_that_makes_no_sense_is_not_made(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        replace(rule(GLOBAL), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("percent", ["-100", "10000", "0.000001"])
def test_a_mark_up_may_be_anything_between_free_and_a_hundredfold(percent: str) -> None:
    assert rule(GLOBAL, mark_up=percent).mark_up_percent == Decimal(percent)


def test_a_scope_for_a_model_names_its_provider() -> None:
    with pytest.raises(ValueError, match="provider"):
        Scope(model="large")


def test_terms_of_traces_come_from_configuration_the_operator_and_the_organizations_rule() -> None:
    default = TraceTerms(monthly_traces=1_000, thousand_nanos=5)
    everyone = rule(GLOBAL, version=1, thousand_traces_nanos=7)
    acme = rule(ACME, version=2, monthly_traces=50_000)

    def terms(*rules: PriceRule, organization_id: str = "acme") -> TraceTerms:
        return PriceBook.of(rules).trace_terms(
            organization_id=organization_id, at=NOW, default=default
        )

    assert terms() == default
    assert terms(rule(GLOBAL, version=9, mark_up="5")) == default
    assert terms(everyone) == TraceTerms(monthly_traces=1_000, thousand_nanos=7, version="own v1")
    both = TraceTerms(monthly_traces=50_000, thousand_nanos=7, version="own v2")
    assert terms(everyone, acme) == both
    assert terms(everyone, acme, organization_id="other") == terms(everyone)
    assert terms(rule(ACME, monthly_traces=0)).monthly_traces == 0


@pytest.mark.parametrize(
    ("provider", "model", "percent"),
    [
        ("lab", "large", 50),
        ("lab", "large-2026", 50),
        ("laboratory", "large", 50),
        ("laboratory", "large-2026", 50),
        # A name is that of one provider and one model, never two of a kind.
        ("large", "large-2026", 0),
        ("large-2026", "large", 0),
    ],
)
def test_a_model_has_its_own_and_the_catalogues_name_of_its_provider_and_its_own(
    provider: str, model: str, percent: int
) -> None:
    said = rule(Scope(provider=provider, model=model), mark_up="50")
    price = quoted(said, provider="laboratory", model="large-2026")
    assert price.mark_up_percent == percent
