"""The breakdown of a ledger entry: small, complete, the same every time, and readable again."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.breakdown import (
    MAX_BYTES,
    breakdown_in,
    compact_breakdown,
    expand_breakdown,
)
from chalicelib.domain.money import parse_usd
from chalicelib.domain.pricing import (
    PricedAmount,
    PricedLine,
    PricedModel,
    PricedPart,
    PricedTraces,
)
from chalicelib.domain.units import UNITS
from chalicelib.domain.usage import ModelUsage

LIST = "genai-prices 0.2.3"


def model_line(
    model: str = "gpt-4o",
    *,
    provider: str = "openai",
    calls: int = 12,
    version: str = LIST,
    context: tuple[tuple[str, str], ...] = (),
    **parts: tuple[int, int],
) -> PricedModel:
    """A priced line with these parts, each with its count and its amount."""
    return PricedModel(
        usage=ModelUsage(
            provider=provider, model=model, calls=calls, units={}, price_context=context
        ),
        amount_nanos=sum(nanos for _, nanos in parts.values()),
        price_version=version,
        parts=tuple(
            PricedPart(unit=unit, count=count, amount_nanos=nanos)
            for unit, (count, nanos) in parts.items()
        ),
    )


def test_the_contracts_example_is_spelled_out_again() -> None:
    lines: list[PricedLine] = [
        model_line(input_tokens=(18_000, 45_000_000), output_tokens=(4_200, 42_000_000)),
        PricedTraces(count=12, billable=2, amount_nanos=500_000, price_version="configuration"),
        PricedAmount(amount_nanos=12_500_000, description="web search"),
    ]
    packed = compact_breakdown(lines)
    assert packed == {
        "v": ["configuration", LIST],
        "m": [
            [
                "openai",
                "gpt-4o",
                1,
                12,
                87_000_000,
                {"input": [18_000, 45_000_000], "output": [4_200, 42_000_000]},
            ]
        ],
        "a": [["web search", 12_500_000]],
        "t": [12, 2, 500_000, 0],
    }
    assert expand_breakdown(json.loads(json.dumps(packed))) == {
        "price_versions": ["configuration", LIST],
        "models": [
            {
                "provider": "openai",
                "model": "gpt-4o",
                "price_context": {},
                "price_version": LIST,
                "calls": 12,
                "amount": "0.087",
                "parts": [
                    {"unit": "input_tokens", "count": 18_000, "amount": "0.045"},
                    {"unit": "output_tokens", "count": 4_200, "amount": "0.042"},
                ],
            }
        ],
        "amounts": [{"description": "web search", "amount": "0.0125"}],
        "traces": {
            "count": 12,
            "billable": 2,
            "amount": "0.0005",
            "price_version": "configuration",
        },
        "others": None,
    }


def test_nothing_breaks_down_into_nothing() -> None:
    assert compact_breakdown([]) == {}
    assert expand_breakdown({})["models"] == []


def test_lines_of_one_model_at_one_price_are_added_up() -> None:
    line = model_line(calls=2, input_tokens=(10, 100))
    expanded = expand_breakdown(compact_breakdown([line] * 50))
    assert expanded["models"] == [
        {
            "provider": "openai",
            "model": "gpt-4o",
            "price_context": {},
            "price_version": LIST,
            "calls": 100,
            "amount": "0.000005",
            "parts": [{"unit": "input_tokens", "count": 500, "amount": "0.000005"}],
        }
    ]


def test_batches_and_usual_calls_of_one_model_are_kept_apart() -> None:
    usual = model_line(input_tokens=(10, 100))
    batch = model_line(context=(("processing", "batch"),), input_tokens=(10, 50))
    models: Any = expand_breakdown(compact_breakdown([usual, batch]))["models"]
    assert [model["price_context"] for model in models] == [{}, {"processing": "batch"}]


def test_units_other_than_tokens_keep_their_names() -> None:
    line = model_line(web_searches=(3, 7), input_pixels=(2, 5), input_tool_tokens=(1, 1))
    models: Any = expand_breakdown(compact_breakdown([line]))["models"]
    units = {part["unit"] for part in models[0]["parts"]}
    assert units == {"web_searches", "input_pixels", "input_tool_tokens"}


def test_a_report_of_a_hundred_lines_of_a_few_models_is_kept_whole() -> None:
    models = ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4-20250514", "gemini-2.5-pro"]
    lines = [
        model_line(
            models[number % 4],
            provider="some-provider",
            input_tokens=(123_456, 12_345_678),
            output_tokens=(123_456, 12_345_678),
            cache_read_tokens=(123_456, 12_345_678),
        )
        for number in range(100)
    ]
    packed = compact_breakdown(lines)
    assert "o" not in packed
    assert size(packed) <= MAX_BYTES


def test_of_too_many_models_the_dearest_are_kept_and_the_rest_is_added_up() -> None:
    lines = [
        model_line(f"model-{number:03}", input_tokens=(number, number)) for number in range(100)
    ]
    expanded: Any = expand_breakdown(compact_breakdown([*lines, lines[0], lines[0]]))
    kept = [model["model"] for model in expanded["models"]]
    assert len(kept) >= 8
    assert kept == [f"model-{number:03}" for number in range(99, 99 - len(kept), -1)]
    assert expanded["others"]["lines"] == 102 - len(kept)
    assert total(expanded) == sum(range(100))
    assert expanded["price_versions"] == [LIST]


def test_the_price_version_of_what_was_added_up_is_named_as_long_as_there_is_room() -> None:
    dear = [model_line(f"m{number}", input_tokens=(9, 10**9)) for number in range(60)]
    cheap = model_line("cheap", version="own v7", input_tokens=(1, 1))
    assert expand_breakdown(compact_breakdown([*dear, cheap]))["price_versions"] == [LIST, "own v7"]
    many = [
        model_line(f"m{number}", version=f"own v{number}", input_tokens=(1, 1))
        for number in range(1_000)
    ]
    assert size(compact_breakdown(many)) <= MAX_BYTES


def test_a_budget_that_nothing_fits_into_is_refused() -> None:
    with pytest.raises(ValueError, match="fits"):
        compact_breakdown([model_line(input_tokens=(1, 1))], max_bytes=5)


def size(packed: object) -> int:
    return len(json.dumps(packed, separators=(",", ":"), ensure_ascii=False).encode())


def total(expanded: Any) -> int:
    """All amounts of a breakdown, in nano-dollars."""
    sums = [*expanded["models"], *expanded["amounts"]]
    sums += [each for each in (expanded["traces"], expanded["others"]) if each]
    return sum(parse_usd(each["amount"]) for each in sums)


amounts = st.integers(0, 10**18)
texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200)
priced_lines: st.SearchStrategy[PricedLine] = (
    st.builds(
        lambda model, provider, calls, parts, version: model_line(
            model, provider=provider, calls=calls, version=version, **parts
        ),
        st.text("abc-/.0123456789", min_size=1, max_size=200),
        st.text("abc-", min_size=1, max_size=64),
        st.integers(1, 10**12),
        st.dictionaries(st.sampled_from(sorted(UNITS)), st.tuples(amounts, amounts), max_size=5),
        st.sampled_from([LIST, "own v7", f"{LIST}, mark-up v12345"]),
    )
    | st.builds(PricedAmount, amount_nanos=amounts, description=texts)
    | st.builds(
        PricedTraces,
        count=amounts,
        billable=amounts,
        amount_nanos=amounts,
        price_version=st.just("own v3"),
    )
)


@given(lines=st.lists(priced_lines, max_size=30), random=st.randoms(use_true_random=False))
def test_a_breakdown_is_small_adds_up_to_the_amount_and_ignores_the_order(
    lines: list[PricedLine], random: Any
) -> None:
    packed = compact_breakdown(lines)
    assert size(packed) <= MAX_BYTES
    expanded = expand_breakdown(json.loads(json.dumps(packed)))
    assert total(expanded) == sum(line.amount_nanos for line in lines)
    shuffled = list(lines)
    random.shuffle(shuffled)
    assert json.dumps(compact_breakdown(shuffled)) == json.dumps(packed)
    models: Any = expanded["models"]
    for model in models:
        parts = sum((Decimal(part["amount"]) for part in model["parts"]), Decimal(0))
        assert parts == Decimal(model["amount"])


def test_a_breakdown_is_found_among_other_details_and_may_be_none() -> None:
    packed = compact_breakdown([PricedAmount(amount_nanos=5, description="x")])
    assert breakdown_in({**packed, "hold": {"id": "hold_1"}}) == expand_breakdown(packed)
    assert breakdown_in({"reason": "goodwill"}) is None
    assert breakdown_in({}) is None


def test_the_budget_is_of_the_bytes_that_are_stored() -> None:
    lines = [PricedAmount(amount_nanos=n, description="ä" * 20) for n in (5, 4)]
    lines += [PricedAmount(amount_nanos=3, description="ö" * 20)]
    whole = compact_breakdown(lines, max_bytes=10_000)
    exactly = size(whole)
    assert compact_breakdown(lines, max_bytes=exactly) == whole
    assert size(compact_breakdown(lines, max_bytes=exactly - 1)) < exactly
