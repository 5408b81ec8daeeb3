"""What usage costs: exact, rounded up once per line, the same in any order, never guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import ValidationFailedError
from chalicelib.domain.money import MAX_NANOS, NANOS_PER_USD
from chalicelib.domain.price_rules import PriceBook, PriceRule, Scope, TraceTerms
from chalicelib.domain.price_table import (
    PriceTable,
    PriceTier,
    UncountableUsageError,
    UnitPrice,
    charges,
    running_totals_usd,
)
from chalicelib.domain.pricing import PricedModel, PricedTraces, PricedUsage, Tariff, price_lines
from chalicelib.domain.quoting import (
    BlockedModelError,
    CataloguePrice,
    PricingError,
    UnpricedModelError,
)
from chalicelib.domain.units import CALLS, UNITS
from chalicelib.domain.usage import AmountUsage, ModelUsage, TraceUsage, UsageLine

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
TRACE_TERMS = TraceTerms(monthly_traces=100, thousand_nanos=250_000_000)


def table(**usd: str) -> PriceTable:
    """A table of prices in dollars, by name of the unit; `calls` for the price of one call."""
    units = {**UNITS, "calls": CALLS}
    return PriceTable(
        prices=tuple(UnitPrice(unit=units[name], usd=Decimal(text)) for name, text in usd.items())
    )


PLAIN = table(input_tokens="2.50", output_tokens="10", cache_read_tokens="1.25")
TIERED = PriceTable(
    prices=(
        UnitPrice(
            unit=UNITS["input_tokens"],
            usd=Decimal(1),
            tiers=(
                PriceTier(above_input_tokens=100, usd=Decimal(2)),
                PriceTier(above_input_tokens=200, usd=Decimal(4)),
            ),
        ),
        UnitPrice(unit=UNITS["output_tokens"], usd=Decimal(8)),
    )
)
PER_CALL = table(calls="0.01", input_tokens="1")
CATALOGUE = {
    ("lab", "plain"): PLAIN,
    ("lab", "tiered"): TIERED,
    ("lab", "per-call"): PER_CALL,
    ("lab", "cheap"): table(input_tokens="0.0001"),
}


def find_price(usage: ModelUsage, at: datetime) -> CataloguePrice | None:
    """A catalogue of one laboratory, which knows its models by the name of a version, too."""
    name = usage.model.lower().removesuffix("-2026-08-06")
    listed = CATALOGUE.get((usage.provider.lower(), name))
    if listed is None or usage.price_context:
        return None
    return CataloguePrice(provider="lab", model=name, version="list 1", table=listed)


def calls_of(model: str, *, calls: int = 1, **units: int) -> ModelUsage:
    return ModelUsage(provider="lab", model=model, calls=calls, units=units)


def priced(*lines: UsageLine, rules: tuple[PriceRule, ...] = (), before: int = 0) -> PricedUsage:
    return price_lines(
        lines,
        tariff=Tariff(find_price=find_price, book=PriceBook.of(rules), trace_terms=TRACE_TERMS),
        organization_id="acme",
        at=NOW,
        traces_before=before,
    )


def mark_up(percent: str) -> PriceRule:
    return PriceRule(
        scope=Scope(),
        version=5,
        author="op",
        recorded_at=NOW,
        effective_from=NOW,
        mark_up_percent=Decimal(percent),
    )


@pytest.mark.parametrize(
    ("line", "nanos"),
    [
        (calls_of("plain", calls=12, input_tokens=18_000, output_tokens=4_200), 87_000_000),
        (calls_of("plain", input_tokens=1_000, cache_read_tokens=1_000), 1_250_000),
        (calls_of("plain", input_tokens=1), 2_500),
        (calls_of("plain", input_tokens=0), 0),
        (calls_of("tiered", input_tokens=100), 100_000),
        (calls_of("tiered", input_tokens=101), 202_000),
        (calls_of("tiered", input_tokens=201), 804_000),
        (calls_of("tiered", calls=2, input_tokens=201), 402_000),
        (calls_of("tiered", calls=3, input_tokens=201), 201_000),
        (calls_of("per-call", calls=7), 70_000_000),
        (calls_of("per-call", calls=7, input_tokens=3), 70_003_000),
        (AmountUsage(amount_nanos=12_500_000), 12_500_000),
        (TraceUsage(count=100), 0),
        (TraceUsage(count=101), 250_000),
        (TraceUsage(count=1_100), 250_000_000),
    ],
)
def test_a_line_costs_its_units_times_their_prices(line: UsageLine, nanos: int) -> None:
    assert priced(line).amount_nanos == nanos


def test_a_fraction_of_a_nano_dollar_is_rounded_up_per_line() -> None:
    dust = PriceRule(
        scope=Scope(provider="lab", model="dust"),
        version=1,
        author="op",
        recorded_at=NOW,
        effective_from=NOW,
        prices=table(input_tokens="0.0000001"),
    )
    line = calls_of("dust", input_tokens=1)
    assert priced(line, rules=(dust,)).amount_nanos == 1
    assert priced(line, line, rules=(dust,)).amount_nanos == 2
    assert priced(calls_of("dust", input_tokens=10_001), rules=(dust,)).amount_nanos == 2


@pytest.mark.parametrize(
    ("percent", "nanos"), [("20", 120), ("-25", 75), ("0.5", 101), ("0", 100), ("-100", 0)]
)
def test_a_mark_up_multiplies_the_price_before_it_is_rounded(percent: str, nanos: int) -> None:
    # 100 nano-dollars: 1 token read from the cache at 1.25 and so on would hide the rounding.
    line = calls_of("cheap", input_tokens=1_000)
    assert priced(line, rules=(mark_up(percent),)).amount_nanos == nanos


def test_a_mark_up_is_not_put_on_amounts_or_traces() -> None:
    lines = AmountUsage(amount_nanos=1_000), TraceUsage(count=1_100)
    assert priced(*lines, rules=(mark_up("50"),)) == priced(*lines)


def test_a_priced_line_says_where_its_price_is_from() -> None:
    (line,) = priced(calls_of("plain", input_tokens=4)).lines
    assert isinstance(line, PricedModel)
    assert line.price_version == "list 1"
    (line,) = priced(calls_of("plain", input_tokens=4), rules=(mark_up("20"),)).lines
    assert isinstance(line, PricedModel)
    assert line.price_version == "list 1, mark-up v5"


@pytest.mark.parametrize(
    "line",
    [
        calls_of("unheard-of", input_tokens=1),
        ModelUsage(provider="elsewhere", model="plain", units={"input_tokens": 1}),
        replace(calls_of("plain", input_tokens=1), price_context=(("processing", "batch"),)),
        # Priced by the token alone, and nothing else is free.
        calls_of("plain", input_tokens=1, web_searches=1),
        # Nothing was counted at all.
        calls_of("plain"),
    ],
)
def test_what_has_no_price_is_refused_with_the_number_of_its_line(line: ModelUsage) -> None:
    with pytest.raises(UnpricedModelError) as refusal:
        priced(TraceUsage(count=1), line)
    assert [error.field for error in refusal.value.errors] == ["lines[1]"]
    assert f"{line.provider}/{line.model}" in refusal.value.detail
    assert (refusal.value.code, refusal.value.reason) == ("validation_failed", "unpriced_model")


def test_a_batch_is_not_priced_like_the_usual_call_of_the_line_before() -> None:
    usual = calls_of("plain", input_tokens=1)
    with pytest.raises(UnpricedModelError, match=r"lab/plain \(processing=batch\) has no price"):
        priced(usual, replace(usual, price_context=(("processing", "batch"),)))


def test_what_was_not_used_needs_no_price() -> None:
    assert priced(calls_of("plain", input_tokens=4, web_searches=0)).amount_nanos == 10_000


@pytest.mark.parametrize(
    "units",
    [
        {"input_tokens": 10, "cache_read_tokens": 11},
        {"cache_read_tokens": 1},
    ],
)
def test_counts_that_contradict_each_other_are_refused(units: dict[str, int]) -> None:
    with pytest.raises(PricingError) as refusal:
        priced(calls_of("plain", **units))
    assert refusal.value.reason == "uncountable_usage"


def test_an_overlap_that_has_a_price_must_be_counted() -> None:
    voice = PriceRule(
        scope=Scope(provider="lab", model="voice"),
        version=1,
        author="op",
        recorded_at=NOW,
        effective_from=NOW,
        prices=table(
            input_tokens="1",
            cache_read_tokens="0.5",
            input_audio_tokens="8",
            cache_audio_read_tokens="2",
        ),
    )
    units = {"input_tokens": 10, "cache_read_tokens": 4, "input_audio_tokens": 4}
    with pytest.raises(PricingError, match="cache_audio_read_tokens must be counted"):
        priced(calls_of("voice", **units), rules=(voice,))
    counted = calls_of("voice", **units, cache_audio_read_tokens=0)
    # 2 plain at 1.00, 4 cached at 0.50, 4 audio at 8.00.
    assert priced(counted, rules=(voice,)).amount_nanos == 36_000
    counted = calls_of("voice", **units, cache_audio_read_tokens=3)
    # 5 plain, 1 cached, 1 audio, 3 of both at 2.00.
    assert priced(counted, rules=(voice,)).amount_nanos == 19_500


def test_a_blocked_model_is_refused() -> None:
    block = replace(mark_up("0"), mark_up_percent=None, blocked=True)
    with pytest.raises(BlockedModelError, match=r"lines\[0\]: lab/plain is not for sale"):
        priced(calls_of("plain", input_tokens=1), rules=(block,))


def test_usage_beyond_what_an_account_may_hold_is_refused() -> None:
    most = AmountUsage(amount_nanos=MAX_NANOS)
    assert priced(most).amount_nanos == MAX_NANOS
    with pytest.raises(ValidationFailedError):
        priced(most, AmountUsage(amount_nanos=1))


def test_traces_go_on_counting_from_line_to_line_and_from_what_was_before() -> None:
    usage = priced(TraceUsage(count=60), AmountUsage(amount_nanos=5), TraceUsage(count=60))
    assert usage.traces == 120
    assert [line.amount_nanos for line in usage.lines] == [0, 5, 20 * 250_000]
    first, _, second = usage.lines
    assert isinstance(first, PricedTraces)
    assert isinstance(second, PricedTraces)
    assert (first.billable, second.billable) == (0, 20)
    assert priced(TraceUsage(count=60), before=60).amount_nanos == 20 * 250_000


prices = st.decimals(min_value=0, max_value=1_000, places=9)
counts = st.integers(0, 10**9)


@st.composite
def plain_lines(draw: st.DrawFn) -> ModelUsage:
    cached = draw(counts)
    return calls_of(
        draw(st.sampled_from(["plain", "tiered", "per-call"])),
        calls=draw(st.integers(1, 1_000)),
        input_tokens=cached + draw(counts),
        cache_read_tokens=cached,
        output_tokens=0,
    )


usage_lines = st.lists(
    plain_lines()
    | st.builds(AmountUsage, amount_nanos=st.integers(0, 10**15))
    | st.builds(TraceUsage, count=st.integers(0, 500)),
    max_size=8,
)


@given(lines=usage_lines, seed=st.randoms(use_true_random=False))
def test_the_order_of_lines_changes_nothing(lines: list[UsageLine], seed: object) -> None:
    shuffled = list(lines)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    assert priced(*shuffled).amount_nanos == priced(*lines).amount_nanos
    assert priced(*shuffled).traces == priced(*lines).traces


@given(usage_lines)
def test_a_line_costs_the_sum_of_its_parts_and_usage_the_sum_of_its_lines(
    lines: list[UsageLine],
) -> None:
    usage = priced(*lines, rules=(mark_up("12.345678"),))
    assert usage.amount_nanos == sum(line.amount_nanos for line in usage.lines)
    for line in usage.lines:
        if isinstance(line, PricedModel):
            assert line.amount_nanos == sum(part.amount_nanos for part in line.parts)
            assert all(part.amount_nanos >= 0 for part in line.parts)


def rule_with(input_usd: Decimal, output_usd: Decimal) -> PriceRule:
    return PriceRule(
        scope=Scope(provider="lab", model="own"),
        version=1,
        author="op",
        recorded_at=NOW,
        effective_from=NOW,
        prices=table(input_tokens=str(input_usd), output_tokens=str(output_usd)),
    )


@given(input_usd=prices, output_usd=prices, one=counts, other=counts, percent=st.integers(-99, 500))
def test_the_rounding_is_upwards_and_less_than_a_nano_dollar(
    input_usd: Decimal, output_usd: Decimal, one: int, other: int, percent: int
) -> None:
    personal = PriceRule(
        scope=Scope(organization_id="acme"),
        version=2,
        author="op",
        recorded_at=NOW,
        effective_from=NOW,
        mark_up_percent=Decimal(percent),
    )
    line = calls_of("own", input_tokens=one, output_tokens=other)
    charged = priced(line, rules=(rule_with(input_usd, output_usd), personal)).amount_nanos
    exact = (
        (Fraction(input_usd) * one + Fraction(output_usd) * other)
        / 1_000_000
        * NANOS_PER_USD
        * Fraction(100 + percent, 100)
    )
    assert 0 <= charged - exact < 1


@given(
    input_usd=prices,
    output_usd=prices,
    one=st.tuples(counts, counts),
    more=st.tuples(counts, counts),
)
def test_more_usage_never_costs_less_and_lines_cost_what_they_cost_together_but_for_the_rounding(
    input_usd: Decimal, output_usd: Decimal, one: tuple[int, int], more: tuple[int, int]
) -> None:
    rules = (rule_with(input_usd, output_usd),)
    first = calls_of("own", input_tokens=one[0], output_tokens=one[1])
    second = calls_of("own", input_tokens=more[0], output_tokens=more[1])
    both = calls_of("own", input_tokens=one[0] + more[0], output_tokens=one[1] + more[1])
    apart = priced(first, second, rules=rules).amount_nanos
    together = priced(both, rules=rules).amount_nanos
    assert priced(first, rules=rules).amount_nanos <= together
    assert together <= apart <= together + 1


@pytest.mark.parametrize(
    ("prices", "why"),
    [
        ({}, "a price list needs a price"),
        (
            {"cache_read_tokens": "1"},
            "input_tokens must have a price, since cache_read_tokens has one",
        ),
        (
            {"input_tokens": "1", "cache_read_tokens": "1", "input_audio_tokens": "1"},
            "cache_audio_read_tokens must have a price, since .* and input_audio_tokens have one",
        ),
        ({"input_tokens": "-1"}, "a price is zero or more"),
        ({"input_tokens": "NaN"}, "a price is zero or more"),
        ({"input_tokens": "Infinity"}, "a price is zero or more"),
    ],
)
def test_a_price_list_with_gaps_or_overlaps_is_none(prices: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=f"^{why}$"):
        table(**prices)


def test_units_that_nothing_can_be_at_once_need_no_price_together() -> None:
    parts = ("cache_read_tokens", "cache_write_tokens", "input_tool_tokens")
    table(input_tokens="1", output_tokens="1", web_searches="1", **dict.fromkeys(parts, "1"))


def test_a_count_below_its_parts_is_refused_by_their_names() -> None:
    prices = table(input_tokens="1", cache_read_tokens="1", cache_write_tokens="1")
    units = {"input_tokens": 2, "cache_read_tokens": 2, "cache_write_tokens": 1}
    with pytest.raises(UncountableUsageError, match="its parts, cache_read_tokens, cache_write_t"):
        charges(prices, calls_of("plain", **units))


def test_a_mark_up_is_put_on_every_tier() -> None:
    (input_price, _) = TIERED.times(Decimal("1.5")).prices
    assert (input_price.usd, input_price.tiers) == (
        Decimal("1.5"),
        (
            PriceTier(above_input_tokens=100, usd=Decimal(3)),
            PriceTier(above_input_tokens=200, usd=Decimal(6)),
        ),
    )


def test_prices_of_more_digits_than_decimals_usual_ones_stay_exact() -> None:
    prices, factor = ("1.00000000000000000001", "0.00000000000000000003"), "1.00000000000001"
    exact = [Fraction(price) * Fraction(factor) for price in prices]
    marked_up = table(input_tokens=prices[0], output_tokens=prices[1]).times(Decimal(factor))
    assert [Fraction(price.usd) for price in marked_up.prices] == exact
    parts = charges(marked_up, calls_of("plain", input_tokens=7, output_tokens=9))
    exact = [exact[0] * 7 / 10**6, exact[1] * 9 / 10**6]
    assert [Fraction(part.usd) for part in parts] == exact
    assert Fraction(running_totals_usd(parts)[-1]) == sum(exact)


def test_the_price_of_a_model_is_looked_up_once_for_all_its_lines() -> None:
    asked: list[str] = []

    def find(usage: ModelUsage, at: datetime) -> CataloguePrice | None:
        asked.append(usage.model)
        return find_price(usage, at)

    price_lines(
        [calls_of("plain", input_tokens=1), calls_of("cheap", input_tokens=1)] * 3,
        tariff=Tariff(find_price=find, book=PriceBook.of(()), trace_terms=TRACE_TERMS),
        organization_id="acme",
        at=NOW,
        traces_before=0,
    )
    assert asked == ["plain", "cheap"]


def test_a_unit_has_one_price_and_tiers_rise() -> None:
    one = UnitPrice(unit=UNITS["input_tokens"], usd=Decimal(1))
    with pytest.raises(ValueError, match="two prices"):
        PriceTable(prices=(one, replace(one, usd=Decimal(2))))
    tier = PriceTier(above_input_tokens=5, usd=Decimal(2))
    with pytest.raises(ValueError, match="tiers must rise"):
        replace(one, tiers=(tier, replace(tier, above_input_tokens=4)))
