"""What the client takes for usage is what the service can read, and comes to the same price."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices.data import providers
from genai_prices.types import TieredPrices
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.price_catalogue import GenaiPricesCatalogue
from chalicelib.domain.price_rules import PriceBook, TraceTerms
from chalicelib.domain.pricing import Tariff, price_lines
from chalicelib.domain.units import WHOLES
from chalicelib.domain.usage_parsing import parse_lines
from gateway import units
from gateway.lines import TIER_THRESHOLDS, Tally
from gateway.money import format_usd, usd
from gateway.usage import Amount, ModelCall, Traces, Usage, check_id, decode, encode

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
TARIFF = Tariff(
    find_price=GenaiPricesCatalogue().price,
    book=PriceBook.of(()),
    trace_terms=TraceTerms(monthly_traces=0, thousand_nanos=500_000_000),
)


def call(model: str = "gpt-4o", provider: str = "openai", **counts: int) -> ModelCall:
    return ModelCall(provider=provider, model=model, units=counts)


def cost_nanos(tally: Tally) -> int:
    lines = parse_lines(tally.lines(), path="lines")
    priced = price_lines(lines, tariff=TARIFF, organization_id="acme", at=AT, traces_before=0)
    return priced.amount_nanos


def tally_of(*usages: Usage) -> Tally:
    tally = Tally()
    for usage in usages:
        tally.add(usage)
    return tally


def any_call() -> st.SearchStrategy[ModelCall]:
    """Anything that may be said of a call; what can't be true is left out as the client does."""
    said = st.fixed_dictionaries(
        {
            "provider": st.text(st.characters(codec="ascii"), min_size=0, max_size=65),
            "model": st.text(st.characters(codec="ascii"), min_size=0, max_size=201),
            "units": st.dictionaries(
                st.sampled_from(sorted(units.WHOLES)), st.integers(-1, 10**6), max_size=4
            ),
            "price_context": st.dictionaries(st.text(max_size=33), st.text(max_size=65), max_size=9)
            | st.just({"processing": "batch"}),
        }
    )
    return said.map(_call_or_none).filter(bool)  # type: ignore[arg-type, return-value]


def _call_or_none(fields: dict[str, object]) -> ModelCall | None:
    try:
        return ModelCall(**fields)  # type: ignore[arg-type]
    except ValueError:
        return None


def consistent_call() -> st.SearchStrategy[ModelCall]:
    return st.builds(
        lambda name, cached, fresh, output: call(
            name, input_tokens=cached + fresh, cache_read_tokens=cached, output_tokens=output
        ),
        st.sampled_from(["gpt-4o", "gpt-4o-mini"]),
        st.integers(0, 500_000),
        st.integers(1, 500_000),
        st.integers(0, 10_000),
    )


def test_the_client_knows_the_same_units_as_the_service() -> None:
    assert {name: set(wholes) for name, wholes in units.WHOLES.items()} == {
        name: set(wholes) for name, wholes in WHOLES.items()
    }


@given(st.lists(any_call() | consistent_call(), min_size=1, max_size=5))
def test_whatever_the_client_takes_the_service_can_read(calls: list[ModelCall]) -> None:
    assert parse_lines(tally_of(*calls).lines(), path="lines")


@given(st.text(max_size=201), st.integers(1, 10**15))
def test_whatever_amount_the_client_takes_the_service_can_read(text: str, nanos: int) -> None:
    try:
        amount = Amount(amount_nanos=nanos, description=text)
    except ValueError:
        return
    (line,) = parse_lines(tally_of(amount, Traces(count=3)).lines()[1:], path="lines")
    assert line.amount_nanos == nanos  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "fields",
    [
        {"provider": ""},
        {"provider": "open ai"},
        {"model": "m" * 201},
        {"units": {"tokens": 1}},
        {"units": {"input_tokens": -1}},
        {"units": {"input_tokens": 1.5}},
        {"units": {"input_tokens": True}},
        {"units": {"cache_read_tokens": 5}},
        {"units": {"cache_read_tokens": 5, "input_tokens": 4}},
        {"units": {"input_tokens": 9, "cache_read_tokens": 5, "input_audio_tokens": 5}},
        {"price_context": {"Processing": "batch"}},
        {"price_context": {f"name{n}": "x" for n in range(9)}},
    ],
)
def test_a_call_that_the_service_could_not_read_is_refused_at_once(
    fields: dict[str, object],
) -> None:
    good: dict[str, object] = {"provider": "openai", "model": "gpt-4o", "units": {}}
    with pytest.raises(ValueError, match=r".+"):
        ModelCall(**{**good, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "a/b", "a" * 65, "é"])
def test_an_id_that_the_service_would_refuse_is_refused_at_once(name: str) -> None:
    with pytest.raises(ValueError, match="organization_id"):
        check_id("organization_id", name)


def test_calls_of_one_model_are_one_line() -> None:
    tally = tally_of(
        call(input_tokens=10, output_tokens=5),
        call(input_tokens=20),
        call("gpt-4o-mini", input_tokens=1),
        Traces(count=2),
        Traces(count=3),
        Amount(amount_nanos=12_500_000, description="web search"),
        Amount(amount_nanos=1, description="web search"),
    )
    names = {"kind": "model", "provider": "openai"}
    assert tally.lines() == [
        {**names, "model": "gpt-4o", "calls": 2, "input_tokens": 30, "output_tokens": 5},
        {**names, "model": "gpt-4o-mini", "calls": 1, "input_tokens": 1},
        {"kind": "traces", "count": 5},
        {"kind": "amount", "amount": "0.012500001", "description": "web search"},
    ]


def test_calls_with_another_price_context_are_another_line() -> None:
    batch = ModelCall(
        provider="openai",
        model="gpt-4o",
        units={"input_tokens": 1},
        price_context={"processing": "batch"},
    )
    assert len(tally_of(batch, call(input_tokens=1), batch)) == 2


def test_usage_of_nothing_is_no_line() -> None:
    tally = tally_of(Traces(count=0), Amount(amount_nanos=0, description="nothing"))
    assert len(tally) == 0
    assert tally.lines() == []


def test_calls_on_both_sides_of_a_price_tier_are_not_averaged() -> None:
    short = call("gemini-2.5-pro", "google", input_tokens=150_000, output_tokens=100)
    long = call("gemini-2.5-pro", "google", input_tokens=250_000, output_tokens=100)
    together = cost_nanos(tally_of(short, long))
    assert together == cost_nanos(tally_of(short)) + cost_nanos(tally_of(long))
    # They are priced differently, so that the line above says something.
    merged = Tally(tier_thresholds=())
    merged.add(short)
    merged.add(long)
    assert cost_nanos(merged) != together


def test_every_price_tier_of_the_catalogue_separates_lines() -> None:
    """Should this fail after an update of genai-prices: add the new threshold to the client."""
    found = set()
    for provider in providers:
        for model in provider.models:
            variants = [variant.prices for variant in model.price_variants or ()]
            usual = model.prices if isinstance(model.prices, list) else None
            tables = [each.prices for each in usual] if usual is not None else [model.prices]
            for table in (*tables, *variants):
                for price in vars(table).values():
                    if isinstance(price, TieredPrices):
                        found |= {tier.start for tier in price.tiers}
    assert found == set(TIER_THRESHOLDS)


@given(
    st.lists(
        st.builds(
            lambda model, tokens, output: call(*model, input_tokens=tokens, output_tokens=output),
            st.sampled_from(
                [("gemini-2.5-pro", "google"), ("gpt-4o", "openai"), ("gpt-5.4", "openai")]
            ),
            st.sampled_from([1, *TIER_THRESHOLDS, *(t + 1 for t in TIER_THRESHOLDS)])
            | st.integers(1, 10**6),
            st.integers(0, 10**5),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_a_report_costs_what_its_calls_cost_but_for_the_rounding(calls: list[ModelCall]) -> None:
    together = cost_nanos(tally_of(*calls))
    apart = sum(cost_nanos(tally_of(each)) for each in calls)
    # Each line is rounded up to the nano-dollar: fewer lines, less rounding.
    assert 0 <= apart - together <= len(calls)


@given(
    any_call()
    | st.builds(Traces, count=st.integers(0, 100))
    | st.builds(Amount, amount_nanos=st.integers(0, 100), description=st.sampled_from(["", "x"]))
)
def test_usage_comes_back_from_the_journal_as_it_was(usage: Usage) -> None:
    assert decode(encode(usage)) == usage


@given(st.integers(-(10**22) + 1, 10**22 - 1))
def test_amounts_are_read_as_they_are_written(nanos: int) -> None:
    assert usd(format_usd(nanos)) == nanos
    assert Decimal(format_usd(nanos)) == Decimal(nanos) / 10**9


@pytest.mark.parametrize("text", ["", "1.", ".5", "1e3", "1.0000000001", " 1", "NaN", "\u0661"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="US dollars"):
        usd(text)
