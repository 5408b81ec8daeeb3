"""What is seldom measured is measured: writes that met another, and notices that failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.traces import TraceCount
from chalicelib.ports import TraceCounts
from devstack.emulator import Emulator
from devstack.faults import Faults
from tests.support.measured import totals
from tests.support.watched import Watched, watched_application

RARE = ("Conflicts", "Rivalries", "NoticesFailed")


@pytest.fixture
def watched(faulty_emulator: Emulator, faults: Faults) -> Iterator[Watched]:
    with watched_application(faulty_emulator) as running:
        running.api.fund("acme", "50.00")
        faults.clear()
        yield running


def rare(watched: Watched) -> dict[str, float]:
    """The rare metrics that the log has, with their sums."""
    found = totals(watched.log.getvalue())
    return {name: found[name] for name in RARE if name in found}


def deduct(watched: Watched, body: object, key: str = "one") -> int:
    answer = watched.api.call("POST", "acme/deductions", body=body, scope="gateway", key=key)
    return answer.status


def test_nothing_rare_is_measured_while_nothing_rare_happens(watched: Watched) -> None:
    assert deduct(watched, {"amount": "1.00"}) == 201
    assert rare(watched) == {}


def test_each_conflict_of_the_databases_is_counted(watched: Watched, faults: Faults) -> None:
    faults.conflict(items=2, times=3)
    assert deduct(watched, {"amount": "1.00"}) == 201
    assert len(faults.fired()) == 3
    assert rare(watched) == {"Conflicts": 3}


def test_a_write_that_a_rival_overtook_is_counted(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    metering = watched.api.services.metering
    usage = {"usage": [{"kind": "traces", "count": 12}]}

    class Overtaken:
        """After the month's count was read, a rival changes it, once."""

        def __init__(self, counts: TraceCounts) -> None:
            self._counts = counts
            self._overtaken = False

        def get(self, organization_id: str, month: str) -> TraceCount:
            read = self._counts.get(organization_id, month)
            if not self._overtaken:
                self._overtaken = True
                assert deduct(watched, usage, key="rival") == 201
            return read

    overtaken = replace(metering, trace_counts=Overtaken(metering.trace_counts))
    monkeypatch.setitem(watched.api.services.__dict__, "metering", overtaken)
    assert deduct(watched, usage) == 201
    assert rare(watched) == {"Rivalries": 1}


def test_a_notice_that_fails_is_counted_and_keeps_the_stream_going(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def pass_on(self, organization_id: str, name: str, **_: Any) -> None:
            raise ConnectionError(f"{organization_id} {name}")

    monkeypatch.setitem(watched.api.services.__dict__, "noticing", Broken())
    watched.stream_notices(("acme", "first"), ("acme", "second"))
    watched.stream_notices(("acme", "first"), kind="MODIFY")
    assert rare(watched) == {"NoticesFailed": 2}
    assert [line["notice"] for line in watched.said("A notice failed")] == ["first", "second"]
