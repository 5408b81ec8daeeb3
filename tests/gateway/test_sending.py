"""Sending: in order for each organization, until each report was taken."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field

import pytest

from gateway.backoff import LONGEST_SECONDS, delay_seconds
from gateway.journal import JournalError, MemoryJournal
from gateway.metrics import Metric
from gateway.outbox import BATCH_BYTES, ClosedReport, Outbox
from gateway.sending import Sender
from tests.gateway.fakes import Counts, FakeQueue, FakeTime

URL = "https://sqs.test/usage.fifo"


@dataclass
class Office:
    queue: FakeQueue = field(default_factory=FakeQueue)
    time: FakeTime = field(default_factory=FakeTime)
    counts: Counts = field(default_factory=Counts)
    journal: MemoryJournal = field(default_factory=MemoryJournal)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.time.clock)
        self.sender = Sender(self.outbox, self.queue, queue_url=URL, count=self.counts)
        self.sender._stopping.set()  # it would pause after failures otherwise

    def put(self, organization_id: str, *report_ids: str, body: str = "{}") -> None:
        for report_id in report_ids:
            self.journal.append(report_id, {"close": body})
            self.outbox.put(
                ClosedReport(
                    report_id=report_id,
                    organization_id=organization_id,
                    body=body,
                    journal=self.journal,
                )
            )

    def send_all(self) -> None:
        for _ in range(1000):
            if not self.sender.send_batch():
                if not len(self.outbox):
                    return
                self.time.pass_by(1)
        raise AssertionError("it was never sent")

    def taken(self, organization_id: str) -> list[str]:
        return [
            entry["MessageDeduplicationId"]
            for entry in self.queue.taken
            if entry["MessageGroupId"] == organization_id
        ]


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_report_is_a_message_of_its_organization_named_by_its_id(office: Office) -> None:
    office.put("acme", "r1", body='{"a":1}')
    office.send_all()
    assert office.queue.taken == [
        {
            "Id": "0",
            "MessageGroupId": "acme",
            "MessageDeduplicationId": "r1",
            "MessageBody": '{"a":1}',
        }
    ]
    assert office.counts.times[Metric.REPORTS_SENT] == 1
    assert office.journal.records() == {}


def test_reports_of_ten_organizations_are_one_request(office: Office) -> None:
    for number in range(12):
        office.put(f"org-{number}", f"r{number}")
    office.send_all()
    assert [len(request) for request in office.queue.requests] == [10, 2]


def test_no_request_is_larger_than_the_queue_takes(office: Office) -> None:
    for number in range(3):
        office.put(f"org-{number}", f"r{number}", body="x" * (BATCH_BYTES // 2))
    office.send_all()
    assert [len(request) for request in office.queue.requests] == [2, 1]


def test_a_busy_organization_lets_others_through(office: Office) -> None:
    office.put("busy", *(f"b{number}" for number in range(50)))
    for number in range(20):
        office.put(f"org-{number}", f"r{number}")
    office.sender.send_batch()
    office.sender.send_batch()
    office.sender.send_batch()
    assert len(office.queue.taken) - len(office.taken("busy")) == 20


def test_one_failed_report_holds_up_its_organization_and_no_other(office: Office) -> None:
    office.put("acme", "a1", "a2")
    office.put("zeta", "z1", "z2")
    office.queue.failures = [{"a1": "theirs"}]
    office.sender.send_batch()
    assert office.queue.requests[0] == ["a1", "z1"]
    office.sender.send_batch()
    assert office.taken("zeta") == ["z1", "z2"]
    assert office.taken("acme") == []
    office.send_all()
    assert office.taken("acme") == ["a1", "a2"]
    assert office.counts.times[Metric.SENDS_RETRIED] == 1


def test_a_report_that_the_queue_will_never_take_stays_in_the_journal(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.put("acme", "a1", "a2")
    office.queue.failures = [{"a1": "ours"}]
    office.send_all()
    assert office.taken("acme") == ["a2"]
    assert list(office.journal.records()) == ["a1"]
    assert office.counts.times[Metric.REPORTS_PARKED] == 1
    assert "refused report a1 of acme" in caplog.text


def test_nothing_is_lost_while_the_queue_is_down(office: Office) -> None:
    office.put("acme", "a1", "a2")
    office.queue.failures = ["down"] * 5
    office.send_all()
    assert office.taken("acme") == ["a1", "a2"]
    assert office.counts.times[Metric.SENDS_RETRIED] == 5


def test_a_journal_that_can_not_forget_does_not_stop_the_sending(office: Office) -> None:
    class Stubborn(MemoryJournal):
        def forget(self, key: str) -> None:
            raise JournalError(key)

    office.journal = Stubborn()
    office.put("acme", "a1", "a2")
    office.send_all()
    assert office.taken("acme") == ["a1", "a2"]
    assert office.counts.times[Metric.JOURNAL_FAILURES] == 2


def test_whatever_fails_each_organizations_reports_arrive_in_order(office: Office) -> None:
    chance = random.Random(7)
    sent: dict[str, list[str]] = {}
    for number in range(200):
        organization_id = f"org-{chance.randrange(5)}"
        sent.setdefault(organization_id, []).append(f"r{number}")
        office.put(organization_id, f"r{number}")
    for _ in range(60):
        if chance.random() < 0.3:
            office.queue.failures.append("down")
        else:
            unlucky = {f"r{n}": "theirs" for n in range(200) if chance.random() < 0.4}
            office.queue.failures.append(unlucky)
    office.send_all()
    assert {organization_id: office.taken(organization_id) for organization_id in sent} == sent


def test_a_sender_is_told_of_work_and_stops_when_it_is_told() -> None:
    office = Office()
    office.sender = Sender(office.outbox, office.queue, queue_url=URL, count=office.counts)
    thread = threading.Thread(target=office.sender.run)
    thread.start()
    office.put("acme", "a1")
    assert office.outbox.wait_until_empty(timeout_seconds=30)
    office.sender.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert office.taken("acme") == ["a1"]


def test_pauses_grow_up_to_a_bound_and_differ() -> None:
    longest = [max(delay_seconds(attempt) for _ in range(300)) for attempt in range(12)]
    assert longest[0] <= 0.1
    assert longest[3] > longest[0]
    assert longest[-1] <= LONGEST_SECONDS
    assert len({delay_seconds(5) for _ in range(10)}) == 10
