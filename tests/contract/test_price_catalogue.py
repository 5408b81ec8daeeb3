"""The catalogue's prices, against the package that they come from and against published prices."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, localcontext
from importlib.metadata import version

import pytest
from genai_prices import Usage, data_snapshot
from genai_prices.data import providers
from genai_prices.data_units import unit_data
from genai_prices.types import ModelInfo, ModelPrice, TimeOfDateConstraint
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.price_catalogue import _PROVIDER_ALIASES, GenaiPricesCatalogue
from chalicelib.domain import units
from chalicelib.domain.price_table import (
    UncountableUsageError,
    UncoveredUsageError,
    charges,
    running_totals_usd,
)
from chalicelib.domain.units import CALLS, UNITS, WHOLES, Unit
from chalicelib.domain.usage import ModelUsage

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
CATALOGUE = GenaiPricesCatalogue()
MODELS = [(provider, model) for provider in providers for model in provider.models]
DURATIONS = {"audio_seconds", "input_audio_seconds", "output_audio_seconds"}


def usage_of(
    provider: str,
    model: str,
    *,
    calls: int = 1,
    context: dict[str, str] | None = None,
    **counts: int,
) -> ModelUsage:
    return ModelUsage(
        provider=provider,
        model=model,
        calls=calls,
        units=counts,
        price_context=tuple(sorted((context or {}).items())),
    )


def cost(usage: ModelUsage, at: datetime = NOW) -> Decimal:
    price = CATALOGUE.price(usage, at)
    assert price is not None
    return running_totals_usd(charges(price.table, usage))[-1]


def library_cost(usage: ModelUsage, at: datetime) -> Decimal:
    with localcontext(prec=60):
        return (
            data_snapshot.get_snapshot()
            .calc(
                Usage(**usage.units),
                usage.model,
                usage.provider,
                None,
                at,
                dict(usage.price_context) or None,
            )
            .total_price
        )


def test_our_units_are_those_of_the_package_except_durations() -> None:
    # Made here anew: `make mutation` can't change what was made while modules were imported.
    made = runpy.run_path(units.__file__, run_name=units.__name__)["UNITS"]
    assert list(made) == list(UNITS)
    ours = {unit.name: (unit.per, dict(unit.dimensions)) for unit in made.values()}
    theirs = {
        name: (
            definition["per"],
            {
                {"token_type": "use"}.get(key, key): value
                for key, value in definition["dimensions"].items()
            },
        )
        for name, definition in unit_data.items()
        if name not in DURATIONS | {"requests"}
    }
    assert ours == theirs
    assert dict(CALLS.dimensions) == unit_data["requests"]["dimensions"]
    assert unit_data.keys() > DURATIONS


def test_every_provider_alias_leads_to_a_provider() -> None:
    ids = {provider.id for provider in providers}
    assert set(_PROVIDER_ALIASES.values()) <= ids
    assert not _PROVIDER_ALIASES.keys() & ids


@pytest.mark.parametrize(
    ("usage", "at", "usd"),
    [
        # The contract's example: 18,000 at 2.50 and 4,200 at 10.00 per million.
        (
            usage_of("openai", "gpt-4o", calls=12, input_tokens=18_000, output_tokens=4_200),
            NOW,
            "0.087",
        ),
        # 6,000 uncached at 2.50, 4,000 cached at 1.25, 1,000 out at 10.00.
        (
            usage_of(
                "openai",
                "gpt-4o-2024-08-06",
                input_tokens=10_000,
                cache_read_tokens=4_000,
                output_tokens=1_000,
            ),
            NOW,
            "0.03",
        ),
        (
            usage_of(
                "openai",
                "gpt-4o",
                input_tokens=1_000_000,
                output_tokens=1_000_000,
                context={"processing": "batch"},
            ),
            NOW,
            "6.25",
        ),
        # 500 plain at 3.00, 300 read at 0.30, 200 written at 3.75, 100 out at 15.00.
        (
            usage_of(
                "anthropic",
                "claude-sonnet-4-20250514",
                input_tokens=1_000,
                cache_read_tokens=300,
                cache_write_tokens=200,
                output_tokens=100,
            ),
            NOW,
            "0.00384",
        ),
        # Of the 200 written, 150 for an hour, at 6.00.
        (
            usage_of(
                "anthropic",
                "claude-sonnet-4-20250514",
                input_tokens=1_000,
                cache_write_tokens=200,
                cache_write_1h_tokens=150,
            ),
            NOW,
            "0.0034875",
        ),
        (
            usage_of("google", "gemini-2.5-pro", input_tokens=200_000, output_tokens=1_000),
            NOW,
            "0.26",
        ),
        # One token more, and all of it costs 2.50 and 15.00 instead of 1.25 and 10.00.
        (
            usage_of("google", "gemini-2.5-pro", input_tokens=200_001, output_tokens=1_000),
            NOW,
            "0.5150025",
        ),
        # Twelve calls of 200,000 are not one of 2,400,000.
        (usage_of("google", "gemini-2.5-pro", calls=12, input_tokens=2_400_000), NOW, "3"),
        (usage_of("google", "gemini-2.5-pro", calls=12, input_tokens=2_400_012), NOW, "6.00003"),
        # o3 became cheaper on 10 June 2025, in UTC.
        (
            usage_of("openai", "o3", input_tokens=1_000_000),
            datetime(2025, 6, 9, 23, 59, 59, tzinfo=UTC),
            "10",
        ),
        (usage_of("openai", "o3", input_tokens=1_000_000), datetime(2025, 6, 10, tzinfo=UTC), "2"),
        # DeepSeek is half as dear from 16:30 to 00:30.
        (
            usage_of("deepseek", "deepseek-chat", input_tokens=1_000_000),
            datetime(2026, 11, 23, 16, 29, 59, tzinfo=UTC),
            "0.27",
        ),
        (
            usage_of("deepseek", "deepseek-chat", input_tokens=1_000_000),
            datetime(2026, 11, 23, 16, 30, tzinfo=UTC),
            "0.135",
        ),
        # Perplexity counts requests as well, at 12.00 per thousand.
        (usage_of("perplexity", "sonar", calls=5, input_tokens=1_000_000), NOW, "1.06"),
        # 50 text at 5.00, 10 audio at 40.00, 20 cached text and 20 cached audio at 2.50.
        (
            usage_of(
                "openai",
                "gpt-4o-realtime-preview",
                input_tokens=100,
                input_audio_tokens=30,
                cache_read_tokens=40,
                cache_audio_read_tokens=20,
            ),
            NOW,
            "0.00075",
        ),
        (usage_of("azure", "gpt-4o", input_tokens=1_000_000), NOW, "2.5"),
        (usage_of("OpenAI", "GPT-4o", input_tokens=1_000_000), NOW, "2.5"),
        (usage_of("vertex_ai", "gemini-2.5-pro", input_tokens=100_000), NOW, "0.125"),
        (usage_of("openai", "gpt-4o", input_tokens=0, output_tokens=0), NOW, "0"),
    ],
)
def test_usage_costs_what_the_provider_publishes(usage: ModelUsage, at: datetime, usd: str) -> None:
    price = CATALOGUE.price(usage, at)
    assert price is not None
    assert sum(running_totals_usd(charges(price.table, usage))[-1:], Decimal(0)) == Decimal(usd)
    assert price.version == f"genai-prices {version('genai-prices')}"


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-99"),
        ("openai", "gpt-4o-imagined"),
        ("anthropic", "claude-opus-99"),
        ("nobody", "gpt-4o"),
        # The package would price these two as openai's and anthropic's, by a part of the name.
        ("my-openai-clone", "gpt-4o"),
        ("not-anthropic", "claude-sonnet-4-0"),
        # It would look for any provider here, and find openai's.
        ("litellm", "gpt-4o"),
        # Listed without prices, for which it answers zero.
        ("google", "gemma-3"),
        ("azure", "mai-ds-r1:free"),
        # By the hour, which reports don't count.
        ("openai", "whisper-1"),
        # By tokens and by the hour.
        ("mistral", "voxtral-small-24b-2507"),
    ],
)
def test_what_has_no_known_price_gets_none(provider: str, model: str) -> None:
    assert CATALOGUE.price(usage_of(provider, model, input_tokens=1), NOW) is None


@pytest.mark.parametrize(
    ("provider", "model", "context"),
    [
        ("openai", "gpt-4o", {"processing": "bach"}),
        ("openai", "gpt-4o", {"procesing": "batch"}),
        ("openai", "gpt-4o", {"service_tier": "flex"}),
        ("openai", "gpt-4o", {"processing": "batch", "speed": "fast"}),
        # Azure serves OpenAI's models; what its batches cost is not known.
        ("azure", "gpt-4o", {"processing": "batch"}),
    ],
)
def test_a_context_without_prices_is_not_priced_as_usual(
    provider: str, model: str, context: dict[str, str]
) -> None:
    usage = usage_of(provider, model, context=context, input_tokens=1)
    assert CATALOGUE.price(usage, NOW) is None


def test_a_context_has_no_prices_before_the_catalogue_knows_them() -> None:
    usage = usage_of("openai", "gpt-4o", context={"processing": "batch"}, input_tokens=1)
    assert CATALOGUE.price(usage, datetime(2026, 10, 13, 23, 59, tzinfo=UTC)) is None
    assert CATALOGUE.price(usage, datetime(2026, 10, 14, tzinfo=UTC)) is not None


@pytest.mark.parametrize("context", [{"service_tier": "default"}, {"speed": "standard"}])
def test_a_context_that_says_as_usual_changes_nothing(context: dict[str, str]) -> None:
    for provider, model in (("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5")):
        usual = usage_of(provider, model, input_tokens=7)
        said = usage_of(provider, model, input_tokens=7, context=context)
        assert cost(said) == cost(usual)


def model_prices(model: ModelInfo) -> list[ModelPrice]:
    if isinstance(model.prices, ModelPrice):
        return [model.prices]
    return [conditional.prices for conditional in model.prices]


#: Models with audio, or another price that few have, and those with prices for some contexts.
SPECIAL_MODELS = [
    (provider, model)
    for provider, model in MODELS
    if model.price_variants
    or any("audio" in key or "5m" in key for key in vars(model_prices(model)[0]))
]


def moments(model: ModelInfo) -> Iterator[datetime]:
    """A moment just before and just after each of the model's prices changes, and now."""
    yield NOW
    conditions = [] if isinstance(model.prices, ModelPrice) else model.prices
    for each in (*conditions, *(model.price_variants or ())):
        if each.constraint is None:
            continue
        if isinstance(each.constraint, TimeOfDateConstraint):
            edges = [
                datetime.combine(NOW, edge.replace(tzinfo=UTC))
                for edge in (each.constraint.start_time, each.constraint.end_time)
            ]
        else:
            edges = [datetime.combine(each.constraint.start_date, time(tzinfo=UTC))]
        for edge in edges:
            yield edge - timedelta(microseconds=1)
            yield edge


def test_every_listed_model_can_be_priced_unless_it_has_no_prices_or_counts_time() -> None:
    priced = 0
    for provider, model in MODELS:
        keys = {
            key
            for prices in model_prices(model)
            for key, value in vars(prices).items()
            if value is not None
        }
        expected = bool(keys) and not keys & {
            "audio_hours",
            "input_audio_hours",
            "output_audio_hours",
        }
        found = provider.find_model(model.id)
        if found is not model:
            continue
        for at in moments(model):
            price = CATALOGUE.price(usage_of(provider.id, model.id), at)
            assert (price is not None) == expected, (provider.id, model.id, at)
            assert price is None or (price.provider, price.model) == (provider.id, model.id)
        priced += expected
    assert priced > 2_000


@st.composite
def priced_usages(draw: st.DrawFn) -> tuple[ModelUsage, datetime]:
    """One call of any model that has prices, at a moment that matters, in any of its contexts.

    Tokens are drawn by their most special kind, and counted in every kind that they are part of;
    now and then a count is missing.
    """
    provider, model = draw(st.sampled_from(MODELS) | st.sampled_from(SPECIAL_MODELS))
    at = draw(st.sampled_from(list(moments(model))))
    contexts = [{}, *(variant.when for variant in model.price_variants or ())]
    context = draw(st.sampled_from(contexts))
    price = CATALOGUE.price(usage_of(provider.id, model.id, context=context), at)
    covered = [
        name
        for name, unit in UNITS.items()
        if price and any(each.unit.includes(unit) for each in price.table.prices)
    ]
    uncovered = draw(st.integers(0, 9)) == 0
    some = covered if covered and not uncovered else sorted(UNITS)
    names = draw(st.lists(st.sampled_from(some), max_size=6, unique=True))
    counts: dict[str, int] = {}
    for name in names:
        count = draw(st.one_of(st.integers(0, 10**6), st.sampled_from([0, 1, 200_000, 200_001])))
        for counted in (name, *WHOLES[name]):
            counts[counted] = counts.get(counted, 0) + count
    if counts and draw(st.integers(0, 9)) == 0:
        del counts[draw(st.sampled_from(sorted(counts)))]
    return usage_of(provider.id, model.id, context=context, **counts), at


@settings(max_examples=1_000)
@given(priced_usages())
def test_one_call_costs_exactly_what_the_package_says(drawn: tuple[ModelUsage, datetime]) -> None:
    usage, at = drawn
    price = CATALOGUE.price(usage, at)
    if price is None:
        return
    try:
        parts = charges(price.table, usage)
    except UncountableUsageError:
        with pytest.raises(ValueError, match=r"Missing usage|Invalid usage"):
            library_cost(usage, at)
    except UncoveredUsageError as error:
        # The package gives away what it has no price for.
        name = str(error).split()[0]
        assert name == "nothing" or not any(
            each.unit.includes(UNITS[name]) for each in price.table.prices
        )
    else:
        assert sum((part.usd for part in parts), Decimal(0)) == library_cost(usage, at)


def test_prices_replaced_by_another_library_in_the_process_are_not_used() -> None:
    data_snapshot.set_custom_snapshot(data_snapshot.DataSnapshot([], from_auto_update=True))
    try:
        fresh = GenaiPricesCatalogue()
        assert fresh.price(usage_of("openai", "gpt-4o", input_tokens=1), NOW) is not None
    finally:
        data_snapshot.set_custom_snapshot(None)


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_the_package_is_not_imported_before_the_first_price() -> None:
    code = """
import sys
from chalicelib.adapters.price_catalogue import GenaiPricesCatalogue
catalogue = GenaiPricesCatalogue()
print([name for name in ("genai_prices", "pydantic", "httpx2") if name in sys.modules])
"""
    assert run_python(code).strip() == "[]"


def test_pricing_never_touches_the_network() -> None:
    code = """
import sys
seen = []
sys.addaudithook(lambda event, _: seen.append(event) if event.startswith("socket.") else None)
from datetime import UTC, datetime
from chalicelib.adapters.price_catalogue import GenaiPricesCatalogue
from chalicelib.domain.usage import ModelUsage
catalogue = GenaiPricesCatalogue()
for provider, model in (("openai", "gpt-4o"), ("openai", "gpt-99"), ("nobody", "x")):
    usage = ModelUsage(provider=provider, model=model, units={"input_tokens": 1})
    price = catalogue.price(usage, datetime(2026, 11, 23, tzinfo=UTC))
    print(price is not None, end=" ")
import threading
print(seen, threading.active_count())
"""
    assert run_python(code).strip() == "True False False [] 1"


def test_units_have_one_price_each_way_of_counting() -> None:
    price = CATALOGUE.price(usage_of("google", "gemini-2.5-pro"), NOW)
    assert price is not None
    tiers: dict[Unit, list[tuple[int, Decimal]]] = {
        each.unit: [(tier.above_input_tokens, tier.usd) for tier in each.tiers]
        for each in price.table.prices
    }
    assert tiers[UNITS["input_tokens"]] == [(200_000, Decimal("2.5"))]
    assert tiers[UNITS["output_tokens"]] == [(200_000, Decimal(15))]
    assert tiers[UNITS["web_searches"]] == []
