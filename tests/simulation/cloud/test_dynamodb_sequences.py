"""Random sequences of calls, answered alike by the engine in memory and by others, step by step."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulation.cloud.engines import Engine, memory, outcome
from tests.simulation.cloud.operations import Call, calls, for_table

_BOUNDED = settings(max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


class _Pair:
    """The engine in memory and another one, each with a table of the same shape."""

    def __init__(self, other: Engine) -> None:
        self._tables = [(engine, engine.new_table()) for engine in (memory(), other)]

    def clear(self) -> None:
        for engine, table in self._tables:
            for item in engine.dynamodb.scan(TableName=table)["Items"]:
                key = {"pk": item["pk"], "sk": item["sk"]}
                engine.dynamodb.delete_item(TableName=table, Key=key)

    def answers(self, call: Call) -> list[dict[str, Any]]:
        answers = []
        for engine, table in self._tables:
            operation, params = for_table(call, table)
            answers.append(outcome(engine, operation, params))
        return answers


def _agree(pair: _Pair, sequence: list[Call]) -> None:
    pair.clear()
    for call in [*sequence, ("scan", {})]:
        in_memory, other = pair.answers(call)
        assert in_memory == other, call


@pytest.fixture(scope="module")
def with_ministack(ministack_engine: Engine) -> _Pair:
    return _Pair(ministack_engine)


@pytest.fixture(scope="module")
def with_dynamodb_local(dynamodb_local_engine: Engine) -> _Pair:
    return _Pair(dynamodb_local_engine)


@_BOUNDED
@given(sequence=st.lists(calls(wild=False), min_size=1, max_size=12))
def test_sensible_calls_are_answered_as_by_ministack(
    with_ministack: _Pair, sequence: list[Call]
) -> None:
    _agree(with_ministack, sequence)


@_BOUNDED
@given(sequence=st.lists(calls(wild=True), min_size=1, max_size=12))
def test_all_calls_are_answered_as_by_dynamodb_local(
    with_dynamodb_local: _Pair, sequence: list[Call]
) -> None:
    _agree(with_dynamodb_local, sequence)
