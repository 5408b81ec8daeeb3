"""An event follows its fact at once, shown by steps: how long they take is the engine's matter.

Between a deduction and the bus are one write, one record of the stream, and one call; that the
stream reaches the worker without a wait is tests/unit/test_stages.py's question.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.client import BaseClient

from devstack.emulator import Emulator
from tests.support.watched import Watched, watched_application

Call = tuple[str, str]


@pytest.fixture
def watched(emulator: Emulator) -> Iterator[Watched]:
    with watched_application(emulator) as running:
        running.api.fund("acme", "5.00")
        yield running


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every event that is put on the bus."""
    return _noted(monkeypatch, ("events", "PutEvents"))


def _noted(monkeypatch: pytest.MonkeyPatch, wanted: Call) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    make = BaseClient._make_api_call

    def note(client: Any, operation: str, params: dict[str, Any]) -> Any:
        if (client.meta.service_model.service_name, operation) == wanted:
            made.append(params)
        return make(client, operation, params)

    monkeypatch.setattr(BaseClient, "_make_api_call", note)
    return made


def notices(watched: Watched) -> list[tuple[str, str]]:
    """The keys of all notices that were saved."""
    from chalicelib.adapters.dynamodb.models import MODELS

    rows: Any = MODELS["notices"].scan(consistent_read=True)
    return [(row.organization_id, row.name) for row in rows]


def test_exhausted_is_on_the_bus_after_one_write_one_record_and_one_call(
    watched: Watched, published: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    queued = _noted(monkeypatch, ("sqs", "SendMessage"))
    before = notices(watched)
    answer = watched.api.call(
        "POST", "acme/deductions", body={"amount": "5.00"}, scope="gateway", key="last"
    )
    assert answer.status == 201
    # The write that took the credits has saved the notice: nobody has to look for it.
    (saved,) = set(notices(watched)) - set(before)
    assert saved[1].startswith("credits.exhausted")
    assert (published, queued) == ([], [])
    watched.stream_notices(saved)
    # The worker that is handed the record puts the event on the bus itself, by no queue.
    ((entry,),) = (call["Entries"] for call in published)
    assert entry["DetailType"] == "credits.exhausted"
    assert json.loads(entry["Detail"])["organization_id"] == "acme"
    assert queued == []
    (told,) = watched.said("A notice was seen to")
    assert told["notice"] == saved[1]


def test_a_record_that_comes_again_publishes_nothing_again(
    watched: Watched, published: list[dict[str, Any]]
) -> None:
    before = notices(watched)
    watched.api.call("POST", "acme/deductions", body={"amount": "5.00"}, scope="gateway", key="1")
    (saved,) = set(notices(watched)) - set(before)
    watched.stream_notices(saved)
    watched.stream_notices(saved)
    assert len(published) == 1
