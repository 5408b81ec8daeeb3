"""Reading usage reports: what is taken, what is refused, and what two spellings have in common."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import InvalidRequestError, ValidationFailedError
from chalicelib.domain.instant import format_instant, parse_instant
from chalicelib.domain.units import UNITS, WHOLES
from chalicelib.domain.usage import AmountUsage, ModelUsage, TraceUsage, UsageReport, report_digest
from chalicelib.domain.usage_parsing import MAX_COUNT, MAX_LINES, parse_lines, parse_report

NOW = datetime(2026, 11, 23, 10, 5, tzinfo=UTC)

#: The contract's example, to the letter.
EXAMPLE = json.loads("""
{"version": 1, "report_id": "0192f3c1-a", "organization_id": "acme", "project_id": "search",
 "occurred_at": "2026-11-23T10:00:00Z", "hold_id": null, "final": false,
 "lines": [
  {"kind": "model", "provider": "openai", "model": "gpt-4o", "calls": 12,
   "input_tokens": 18000, "output_tokens": 4200, "cache_read_tokens": 0},
  {"kind": "traces", "count": 12},
  {"kind": "amount", "amount": "0.0125", "description": "web search"}]}
""")

#: A line of this kind is what most mutations below are made to.
MODEL_LINE: dict[str, Any] = EXAMPLE["lines"][0]


def example(**changes: object) -> dict[str, Any]:
    return {**copy.deepcopy(EXAMPLE), **changes}


def model_line(**changes: object) -> dict[str, Any]:
    return {**MODEL_LINE, **changes}


def refused_fields(report: object) -> list[str]:
    with pytest.raises((InvalidRequestError, ValidationFailedError)) as refusal:
        parse_report(report, now=NOW)
    return [error.field for error in refusal.value.errors]


def test_the_example_of_the_contract_is_understood() -> None:
    assert parse_report(EXAMPLE, now=NOW) == UsageReport(
        version=1,
        report_id="0192f3c1-a",
        organization_id="acme",
        project_id="search",
        occurred_at=datetime(2026, 11, 23, 10, tzinfo=UTC),
        hold_id=None,
        final=False,
        lines=(
            ModelUsage(
                provider="openai",
                model="gpt-4o",
                calls=12,
                units={"input_tokens": 18_000, "output_tokens": 4_200, "cache_read_tokens": 0},
            ),
            TraceUsage(count=12),
            AmountUsage(amount_nanos=12_500_000, description="web search"),
        ),
    )


def test_project_hold_final_calls_and_description_may_be_left_out() -> None:
    report = example(lines=[{"kind": "model", "provider": "p", "model": "m"}])
    for name in ("project_id", "hold_id", "final"):
        del report[name]
    parsed = parse_report(report, now=NOW)
    assert (parsed.project_id, parsed.hold_id, parsed.final) == (None, None, False)
    assert parsed.lines == (ModelUsage(provider="p", model="m", calls=1, units={}),)
    assert parse_lines([{"kind": "amount", "amount": "1.00"}], path="usage") == (
        AmountUsage(amount_nanos=1_000_000_000),
    )


@pytest.mark.parametrize(
    "name", ["version", "report_id", "organization_id", "occurred_at", "lines"]
)
def test_a_report_without_a_required_field_is_refused_for_that_field(name: str) -> None:
    report = example()
    del report[name]
    assert refused_fields(report) == [name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 2),
        ("version", 0),
        ("version", "1"),
        ("version", True),
        ("version", 1.0),
        ("version", None),
        ("report_id", ""),
        ("report_id", "x" * 129),
        ("report_id", "a b"),
        ("report_id", "a\n"),
        ("report_id", "é"),
        ("report_id", 7),
        ("report_id", None),
        ("organization_id", ""),
        ("organization_id", "x" * 65),
        ("organization_id", "a/b"),
        ("organization_id", "acme\n"),
        ("organization_id", "аcme"),  # noqa: RUF001 - the first letter is Cyrillic
        ("organization_id", None),
        ("project_id", ""),
        ("project_id", "a#b"),
        ("project_id", 1),
        ("hold_id", "abc"),
        ("hold_id", "hold_"),
        ("hold_id", "hold_a b"),
        ("final", 1),
        ("final", "true"),
        ("final", None),
        ("occurred_at", "2026-11-23T10:00:00+00:00"),
        ("occurred_at", "2026-11-23T10:00:00"),
        ("occurred_at", "2026-11-23 10:00:00Z"),
        ("occurred_at", "2026-11-23"),
        ("occurred_at", "2026-02-30T10:00:00Z"),
        ("occurred_at", "2026-11-23T25:00:00Z"),
        ("occurred_at", "２026-11-23T10:00:00Z"),  # noqa: RUF001 - the first digit is full-width
        ("occurred_at", "1970-01-01T00:00:00Z"),
        ("occurred_at", "2026-11-23T10:10:01Z"),
        ("occurred_at", 1_795_000_000),
        ("lines", []),
        ("lines", {}),
        ("lines", None),
        ("lines", [{"kind": "traces", "count": 1}] * (MAX_LINES + 1)),
        ("surprise", 1),
        ("Version", 1),
    ],
)
def test_a_report_with_a_bad_field_is_refused_for_that_field(name: str, value: object) -> None:
    assert refused_fields(example(**{name: value})) == [name]


@pytest.mark.parametrize("payload", [None, [], "report", 7, True])
def test_what_is_no_object_is_no_report(payload: object) -> None:
    assert "body" in refused_fields(payload)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (None, "lines[1]"),
        ([], "lines[1]"),
        ({}, "lines[1].kind"),
        ({"kind": "gift"}, "lines[1].kind"),
        ({"kind": ["model"]}, "lines[1].kind"),
        (model_line(provider=""), "lines[1].provider"),
        (model_line(provider="open ai"), "lines[1].provider"),
        (model_line(model=None), "lines[1].model"),
        (model_line(model="m" * 201), "lines[1].model"),
        (model_line(calls=0), "lines[1].calls"),
        (model_line(calls=-1), "lines[1].calls"),
        (model_line(calls=True), "lines[1].calls"),
        (model_line(calls=1.0), "lines[1].calls"),
        (model_line(output_tokens=-1), "lines[1].output_tokens"),
        (model_line(output_tokens="4200"), "lines[1].output_tokens"),
        (model_line(output_tokens=None), "lines[1].output_tokens"),
        (model_line(output_tokens=False), "lines[1].output_tokens"),
        (model_line(output_tokens=4200.0), "lines[1].output_tokens"),
        (model_line(output_tokens=MAX_COUNT + 1), "lines[1].output_tokens"),
        (model_line(output_tokens=10**400), "lines[1].output_tokens"),
        (model_line(input_token=5), "lines[1].input_token"),
        (model_line(audio_seconds=5), "lines[1].audio_seconds"),
        (model_line(amount="1.00"), "lines[1].amount"),
        (model_line(price_context=[]), "lines[1].price_context"),
        (model_line(price_context={"processing": 1}), "lines[1].price_context"),
        (model_line(price_context={"Bad name": "x"}), "lines[1].price_context"),
        (model_line(price_context={"processing": ""}), "lines[1].price_context"),
        (model_line(price_context={f"k{n}": "x" for n in range(9)}), "lines[1].price_context"),
        ({"kind": "traces"}, "lines[1].count"),
        ({"kind": "traces", "count": -1}, "lines[1].count"),
        ({"kind": "traces", "count": True}, "lines[1].count"),
        ({"kind": "traces", "count": 1, "calls": 1}, "lines[1].calls"),
        ({"kind": "amount"}, "lines[1].amount"),
        ({"kind": "amount", "amount": 1}, "lines[1].amount"),
        ({"kind": "amount", "amount": 0.5}, "lines[1].amount"),
        ({"kind": "amount", "amount": "-1.00"}, "lines[1].amount"),
        ({"kind": "amount", "amount": "1e3"}, "lines[1].amount"),
        ({"kind": "amount", "amount": "0.0000000001"}, "lines[1].amount"),
        ({"kind": "amount", "amount": "NaN"}, "lines[1].amount"),
        ({"kind": "amount", "amount": "1.00", "description": "x" * 201}, "lines[1].description"),
        ({"kind": "amount", "amount": "1.00", "description": "a\x00"}, "lines[1].description"),
        ({"kind": "amount", "amount": "1.00", "description": "\ud800"}, "lines[1].description"),
        ({"kind": "amount", "amount": "1.00", "description": None}, "lines[1].description"),
    ],
)
def test_a_report_with_a_bad_line_is_refused_for_the_field_of_that_line(
    line: object, field: str
) -> None:
    assert refused_fields(example(lines=[MODEL_LINE, line])) == [field]


@pytest.mark.parametrize(
    ("units", "field"),
    [
        # More was read from the cache than was put in at all.
        ({"input_tokens": 10, "cache_read_tokens": 11}, "input_tokens"),
        ({"input_tokens": 10, "cache_read_tokens": 6, "cache_write_tokens": 5}, "input_tokens"),
        ({"output_tokens": 10, "output_reasoning_tokens": 11}, "output_tokens"),
        ({"cache_read_tokens": 1}, "input_tokens"),
        ({"input_tokens": 9, "cache_write_1h_tokens": 1}, "cache_write_tokens"),
        (
            {
                "input_tokens": 9,
                "cache_read_tokens": 2,
                "input_audio_tokens": 9,
                "cache_audio_read_tokens": 3,
            },
            "cache_read_tokens",
        ),
        # Nine and two of ten overlap, and only the gateway knows by how much.
        ({"input_tokens": 10, "input_audio_tokens": 9, "cache_read_tokens": 2}, "input_tokens"),
    ],
)
def test_counts_that_contradict_each_other_are_refused(units: dict[str, int], field: str) -> None:
    line = {"kind": "model", "provider": "p", "model": "m", **units}
    with pytest.raises((InvalidRequestError, ValidationFailedError)) as refusal:
        parse_lines([line], path="usage")
    assert {error.field for error in refusal.value.errors} == {f"usage[0].{field}"}


@given(st.dictionaries(st.sampled_from(sorted(UNITS)), st.integers(0, 10**9), max_size=8))
def test_tokens_counted_in_everything_that_they_are_part_of_are_taken(
    drawn: dict[str, int],
) -> None:
    units: dict[str, int] = {}
    for name, count in drawn.items():
        for counted in (name, *WHOLES[name]):
            units[counted] = units.get(counted, 0) + count
    line = {"kind": "model", "provider": "p", "model": "m", **units}
    (parsed,) = parse_lines([line], path="usage")
    assert isinstance(parsed, ModelUsage)
    assert parsed.units == units


def test_every_fault_is_told_at_once_but_not_without_end() -> None:
    report = example(version=2, final="no", lines=[model_line(calls=0), {"kind": "traces"}])
    assert refused_fields(report) == ["version", "final", "lines[0].calls", "lines[1].count"]
    assert len(refused_fields(example(lines=[{}] * MAX_LINES))) == 20


def test_a_strangers_field_name_is_not_repeated_at_length() -> None:
    (field,) = refused_fields(example(**{"\x1b" + "x" * 10_000: 1}))
    assert len(field) <= 64
    assert field.isascii()
    assert field.isprintable()


def test_a_gateways_clock_may_be_a_little_ahead() -> None:
    parse_report(example(occurred_at="2026-11-23T10:10:00Z"), now=NOW)


def test_a_report_may_come_years_late() -> None:
    later = NOW + timedelta(days=3_650)
    assert parse_report(EXAMPLE, now=later) == parse_report(EXAMPLE, now=NOW)


JSON_VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(payload=JSON_VALUES)
def test_any_other_json_is_refused_and_nothing_worse(payload: object) -> None:
    assert refused_fields(payload)


@given(value=JSON_VALUES, data=st.data())
def test_a_report_with_any_part_replaced_is_read_or_refused_and_nothing_worse(
    value: object, data: st.DataObject
) -> None:
    report = example()
    target: dict[str, Any] = data.draw(st.sampled_from([report, *report["lines"]]))
    target[data.draw(st.sampled_from(sorted(target)))] = value
    with suppress(InvalidRequestError, ValidationFailedError):
        assert len(report_digest(parse_report(report, now=NOW))) == 64


def test_one_content_has_one_digest_however_it_is_spelled() -> None:
    digest = report_digest(parse_report(EXAMPLE, now=NOW))
    shuffled = list(EXAMPLE.items())
    random.Random(7).shuffle(shuffled)
    line = dict(reversed(MODEL_LINE.items()))
    respelled = {**dict(shuffled), "occurred_at": "2026-11-23T10:00:00.000Z"}
    respelled["lines"] = [line, EXAMPLE["lines"][1], EXAMPLE["lines"][2] | {"amount": "0.012500"}]
    assert respelled != EXAMPLE
    assert report_digest(parse_report(respelled, now=NOW + timedelta(days=30))) == digest
    assert len(digest) == 64


@pytest.mark.parametrize(
    "change",
    [
        lambda report: report.update(organization_id="acme2"),
        lambda report: report.update(project_id=None),
        lambda report: report.update(hold_id="hold_1"),
        lambda report: report.update(final=True),
        lambda report: report.update(report_id="other"),
        lambda report: report.update(occurred_at="2026-11-23T10:00:00.000001Z"),
        lambda report: report["lines"].pop(),
        lambda report: report["lines"].append({"kind": "traces", "count": 0}),
        lambda report: report["lines"][0].update(model="gpt-4o-mini"),
        lambda report: report["lines"][0].update(calls=13),
        lambda report: report["lines"][0].update(output_tokens=4201),
        lambda report: report["lines"][0].update(price_context={"processing": "batch"}),
        lambda report: report["lines"][1].update(count=13),
        lambda report: report["lines"][2].update(amount="0.012500001"),
        lambda report: report["lines"][2].update(description="web searches"),
    ],
)
def test_other_content_has_another_digest(change: Callable[[dict[str, Any]], object]) -> None:
    report = example()
    change(report)
    assert report_digest(parse_report(report, now=NOW)) != report_digest(
        parse_report(EXAMPLE, now=NOW)
    )


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-23T10:00:00Z", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23T10:00:00.5Z", datetime(2026, 11, 23, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-23T10:00:00.123456789Z", datetime(2026, 11, 23, 10, 0, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_an_instant_may_have_up_to_nine_decimals(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant


@given(st.datetimes(min_value=datetime(1, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_instant_survives_being_written_and_read(instant: datetime) -> None:
    assert parse_instant(format_instant(instant)) == instant


def test_a_naive_time_is_not_written_as_if_it_were_utc() -> None:
    with pytest.raises(ValueError, match="naive"):
        format_instant(datetime(2026, 11, 23))  # noqa: DTZ001


def test_a_reports_digest_is_of_the_shortest_json_in_the_order_of_names() -> None:
    # Digests are kept for ever, and a report may be repeated years later.
    report = UsageReport(
        report_id="r1", organization_id="acme", occurred_at=NOW, lines=(TraceUsage(count=3),)
    )
    text = (
        '{"final":false,"hold_id":null,"lines":[{"count":3,"kind":"traces"}],'
        '"occurred_at":"2026-11-23T10:05:00Z","organization_id":"acme","project_id":null,'
        '"report_id":"r1","version":1}'
    )
    assert report_digest(report) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("changes", "malformed"),
    [
        ({"lines": {}}, True),
        ({"lines": []}, False),
        ({"lines": ["x"]}, True),
        ({"final": "yes"}, True),
        ({"version": "1"}, True),
        ({"version": 2}, False),
        ({"report_id": 5}, True),
        ({"report_id": ""}, False),
        ({"occurred_at": 5}, True),
        ({"occurred_at": "today"}, False),
        ({"lines": [{"kind": "amount", "amount": 5, "description": "x"}]}, True),
        ({"lines": [{"kind": "amount", "amount": "five", "description": "x"}]}, False),
        ({"lines": [{"kind": "traces", "count": "3"}]}, True),
        ({"lines": [{"kind": "traces", "count": -1}]}, False),
        ({"lines": [{**MODEL_LINE, "price_context": {"name": ""}}]}, False),
        ({"surprise": 1}, True),
    ],
)
def test_json_of_another_shape_is_malformed_and_another_value_is_not(
    changes: dict[str, object], *, malformed: bool
) -> None:
    with pytest.raises(InvalidRequestError if malformed else ValidationFailedError):
        parse_report(example(**changes), now=NOW)


def test_one_malformed_field_makes_the_whole_malformed_wherever_it_is() -> None:
    for changes in ({"final": 1, "version": 2}, {"version": 2, "final": 1}):
        with pytest.raises(InvalidRequestError) as refused:
            parse_report(example(**changes), now=NOW)
        assert len(refused.value.errors) == 2


@pytest.mark.parametrize("name", ["lines", "occurred_at"])
def test_a_field_that_is_missing_is_told_once_and_for_nothing_else(name: str) -> None:
    report = example()
    del report[name]
    with pytest.raises(ValidationFailedError) as refused:
        parse_report(report, now=NOW)
    assert [(e.field, e.detail) for e in refused.value.errors] == [(name, "is required")]


def test_counts_that_contradict_each_other_are_well_formed_and_wrong() -> None:
    line = model_line(input_tokens=4, cache_read_tokens=5)
    with pytest.raises(ValidationFailedError):
        parse_report(example(lines=[line]), now=NOW)


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        (
            {"lines": [{"kind": "amount", "amount": "five"}]},
            'must be US dollars with one to nine decimals, such as "50.00"',
        ),
        ({"occurred_at": "today"}, 'must be a time in UTC, such as "2026-11-23T10:00:00Z"'),
        ({"occurred_at": "2026-02-30T10:00:00Z"}, "must be a day and a time that exist"),
    ],
)
def test_a_fault_says_what_would_be_right(changes: dict[str, object], detail: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        parse_report(example(**changes), now=NOW)
    assert [error.detail for error in refused.value.errors] == [detail]


def test_usage_that_counts_no_input_has_none() -> None:
    assert ModelUsage(provider="lab", model="m", units={"output_tokens": 5}).input_tokens == 0


def test_a_price_may_depend_on_eight_things_and_a_report_be_as_old_as_2020() -> None:
    context = {f"name{number}": "x" for number in range(8)}
    oldest = example(lines=[model_line(price_context=context)], occurred_at="2020-01-01T00:00:00Z")
    (line,) = parse_report(oldest, now=NOW).lines
    assert isinstance(line, ModelUsage)
    assert dict(line.price_context) == context
