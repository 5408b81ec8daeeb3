"""Reports: what is gathered into which, and that no crash loses or doubles anything."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.domain.usage_parsing import parse_report
from gateway.journal import Journal, JournalError, MemoryJournal, Record
from gateway.metrics import Metric
from gateway.outbox import ClosedReport
from gateway.report import Subject
from gateway.reporting import MAX_LINES, Reporting
from gateway.usage import Amount, ModelCall, Traces
from tests.gateway.fakes import Counts, FakeTime

NO_HOLD = Subject(organization_id="acme", project_id="search")
HELD = Subject(organization_id="acme", project_id="search", hold_id="hold_1")


class Disk:
    """Journals that outlive their processes, which may die before any append."""

    def __init__(self) -> None:
        self.journals: list[MemoryJournal] = []
        self.appends_left: int | None = None
        self.full = False

    def open(self) -> Journal:
        return _Written(self, self._new())

    def left_behind(self) -> Iterator[Journal]:
        for journal in list(self.journals):
            yield _Written(self, journal)

    def _new(self) -> MemoryJournal:
        self.journals.append(MemoryJournal())
        return self.journals[-1]


class ProcessDiedError(BaseException):
    """Nothing of the process runs any more."""


@dataclass
class _Written:
    disk: Disk
    journal: MemoryJournal

    def append(self, key: str, *records: Record, durable: bool = False) -> None:
        if self.disk.full:
            raise JournalError("the disk is full")
        if self.disk.appends_left is not None:
            if not self.disk.appends_left:
                raise ProcessDiedError
            self.disk.appends_left -= 1
        self.journal.append(key, *records)

    def forget(self, key: str) -> None:
        self.journal.forget(key)

    def records(self) -> Mapping[str, Sequence[Record]]:
        return self.journal.records()

    def close(self) -> None:
        if self.journal in self.disk.journals and not self.journal.records():
            self.disk.journals.remove(self.journal)


@dataclass
class Desk:
    """A process that reports: what it handed over, on a disk that outlives it."""

    disk: Disk = field(default_factory=Disk)
    time: FakeTime = field(default_factory=FakeTime)
    counts: Counts = field(default_factory=Counts)
    sent: list[ClosedReport] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reporting = Reporting(
            self.disk, send=self.sent.append, clock=self.time.clock, count=self.counts
        )

    @property
    def reports(self) -> list[dict[str, Any]]:
        return [json.loads(report.body) for report in self.sent]

    def next_process(self) -> Desk:
        after = Desk(disk=self.disk, time=self.time)
        after.reporting.recover()
        return after


@pytest.fixture
def desk() -> Desk:
    return Desk()


def call(tokens: int = 10, model: str = "gpt-4o") -> ModelCall:
    return ModelCall(provider="openai", model=model, units={"input_tokens": tokens})


def test_usage_of_one_subject_is_one_report_that_the_service_can_read(desk: Desk) -> None:
    desk.reporting.record(NO_HOLD, call(10))
    desk.time.pass_by(5)
    desk.reporting.record(NO_HOLD, call(20))
    desk.reporting.close_due(gathered_seconds=5, held_seconds=600)
    (report,) = desk.reports
    assert report == {
        "version": 1,
        "report_id": desk.sent[0].report_id,
        "organization_id": "acme",
        "project_id": "search",
        "occurred_at": "2026-11-23T10:00:00Z",
        "hold_id": None,
        "final": False,
        "lines": [
            {
                "kind": "model",
                "provider": "openai",
                "model": "gpt-4o",
                "calls": 2,
                "input_tokens": 30,
            }
        ],
    }
    assert parse_report(report, now=desk.time.clock.now()).report_id == report["report_id"]


def test_nothing_is_reported_before_its_time(desk: Desk) -> None:
    desk.reporting.record(NO_HOLD, call())
    desk.reporting.record(HELD, call())
    desk.time.pass_by(29)
    desk.reporting.close_due(gathered_seconds=30, held_seconds=600)
    assert desk.sent == []
    desk.time.pass_by(1)
    desk.reporting.close_due(gathered_seconds=30, held_seconds=600)
    assert [report["hold_id"] for report in desk.reports] == [None]


def test_the_last_report_of_a_hold_is_its_final_one(desk: Desk) -> None:
    other = Subject(organization_id="acme", project_id="chat", hold_id="hold_1")
    desk.reporting.record(HELD, call())
    desk.reporting.record(other, call())
    desk.reporting.record(HELD, call())
    assert desk.reporting.close_hold("acme", "hold_1")
    assert [(r["project_id"], r["final"]) for r in desk.reports] == [
        ("search", False),
        ("chat", True),
    ]


def test_an_unused_hold_has_no_report(desk: Desk) -> None:
    desk.reporting.record(HELD, Traces(count=0))
    assert not desk.reporting.close_hold("acme", "hold_1")
    assert not desk.reporting.close_hold("acme", "hold_2")
    assert desk.sent == []
    desk.reporting.close_journals()
    assert desk.disk.journals == []


def test_usage_that_comes_after_its_hold_was_closed_is_reported_too(desk: Desk) -> None:
    desk.reporting.record(HELD, call())
    desk.reporting.close_hold("acme", "hold_1")
    desk.reporting.record(HELD, call(99))
    desk.time.pass_by(600)
    desk.reporting.close_due(gathered_seconds=30, held_seconds=600)
    assert [(r["hold_id"], r["lines"][0]["input_tokens"]) for r in desk.reports] == [
        ("hold_1", 10),
        ("hold_1", 99),
    ]


@pytest.mark.parametrize(
    ("seconds", "reports"), [(1799, 1), (1800, 2)], ids=["within half an hour", "across one"]
)
def test_no_report_spans_a_change_of_prices(desk: Desk, seconds: int, reports: int) -> None:
    desk.reporting.record(HELD, call())
    desk.time.pass_by(seconds)
    desk.reporting.record(HELD, call())
    desk.reporting.close_hold("acme", "hold_1")
    assert len(desk.sent) == reports
    assert [report["final"] for report in desk.reports][-1] is True
    assert len({report["occurred_at"] for report in desk.reports}) == reports


def test_a_full_report_is_followed_by_another(desk: Desk) -> None:
    for number in range(MAX_LINES + 5):
        desk.reporting.record(HELD, call(model=f"model-{number}"))
        desk.reporting.record(HELD, call(model=f"model-{number}"))
    desk.reporting.close_hold("acme", "hold_1")
    assert [len(report["lines"]) for report in desk.reports] == [MAX_LINES, 5]
    assert [report["final"] for report in desk.reports] == [False, True]
    assert sum(line["calls"] for r in desk.reports for line in r["lines"]) == 2 * (MAX_LINES + 5)


def test_what_was_recorded_is_reported_by_the_next_process(desk: Desk) -> None:
    desk.reporting.record(NO_HOLD, call(10))
    desk.reporting.record(HELD, call(20))
    desk.reporting.record(HELD, Amount(amount_nanos=5, description="web search"))
    desk.reporting.record(HELD, Traces(count=2))
    after = desk.next_process()
    assert [(r["hold_id"], r["final"], len(r["lines"])) for r in after.reports] == [
        (None, False, 1),
        ("hold_1", True, 3),
    ]
    assert after.counts.times[Metric.REPORTS_RECOVERED] == 2


def test_a_report_that_was_closed_comes_back_to_the_letter(desk: Desk) -> None:
    desk.reporting.record(HELD, call())
    desk.reporting.close_hold("acme", "hold_1")
    after = desk.next_process()
    again = after.next_process()
    assert [r.body for r in after.sent] == [r.body for r in desk.sent]
    assert [r.body for r in again.sent] == [r.body for r in desk.sent]


def test_a_report_that_was_sent_does_not_come_back(desk: Desk) -> None:
    desk.reporting.record(HELD, call())
    desk.reporting.close_hold("acme", "hold_1")
    for report in desk.sent:
        report.journal.forget(report.report_id)
    assert desk.next_process().sent == []


@pytest.mark.parametrize("appends", range(13))
def test_a_crash_at_any_moment_loses_nothing_recorded_and_doubles_nothing(appends: int) -> None:
    """What `record` returned for is reported once, by equal reports under one id."""
    disk = Disk()
    serial = itertools.count(1)
    recorded: list[int] = []
    sent: list[ClosedReport] = []
    for appends_left in (appends, appends, None):
        disk.appends_left = appends_left
        with suppress(ProcessDiedError):
            _run_process(disk, serial, recorded, sent)
    bodies: dict[str, set[str]] = {}
    for report in sent:
        bodies.setdefault(report.report_id, set()).add(report.body)
    assert all(len(different) == 1 for different in bodies.values())
    reported = [
        line["description"] for (body,) in bodies.values() for line in json.loads(body)["lines"]
    ]
    assert len(set(reported)) == len(reported)
    # What was being recorded when the process died may have been kept or not.
    assert set(map(str, recorded)) <= set(reported)


def _run_process(
    disk: Disk, serial: Iterator[int], recorded: list[int], sent: list[ClosedReport]
) -> None:
    desk = Desk(disk=disk, sent=sent)
    desk.reporting.recover()
    for _ in range(3):
        number = next(serial)
        hold = Subject(organization_id="acme", hold_id=f"hold_{number}")
        for _ in range(2):
            desk.reporting.record(hold, Amount(amount_nanos=1, description=str(number)))
            recorded.append(number)
        desk.reporting.close_hold("acme", f"hold_{number}")


def test_with_a_full_disk_usage_is_still_reported(desk: Desk) -> None:
    desk.disk.full = True
    desk.reporting.record(HELD, call(10))
    desk.disk.full = False
    desk.reporting.record(HELD, call(20))
    desk.disk.full = True
    desk.reporting.close_hold("acme", "hold_1")
    assert desk.reports[0]["lines"][0]["input_tokens"] == 30
    assert desk.counts.times[Metric.JOURNAL_FAILURES] == 2


def test_after_a_full_disk_the_journal_knows_what_came_later(desk: Desk) -> None:
    desk.disk.full = True
    desk.reporting.record(HELD, call(10))
    desk.disk.full = False
    desk.reporting.record(HELD, call(20))
    (report,) = desk.next_process().reports
    assert report["lines"][0]["input_tokens"] == 20
