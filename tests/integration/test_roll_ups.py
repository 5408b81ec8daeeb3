"""The roll-up worker on an emulated stream: exact, whatever is repeated, mixed up or lost."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.cli.main import main
from chalicelib.domain.ledger import Entry
from chalicelib.domain.usage_day import UsageDay, day_of
from chalicelib.domain.usage_parsing import parse_report
from chalicelib.domain.usage_sums import SPENDING
from chalicelib.ports import Window
from devstack.emulator import Account
from devstack.faults import Faults
from tests.support.roller import Roller, running_roller
from tests.support.worker import amount, fund, report

CALLS = {
    "kind": "model",
    "provider": "openai",
    "model": "gpt-4o",
    "calls": 12,
    "input_tokens": 18_000,
    "output_tokens": 4_200,
    "cache_read_tokens": 7_000,
}


@pytest.fixture
def roller(aws: Account) -> Iterator[Roller]:
    with running_roller(aws) as running:
        yield running


@pytest.fixture
def faulty_roller(faulty_aws: Account) -> Iterator[Roller]:
    with running_roller(faulty_aws) as running:
        yield running


def use(roller: Roller, organization_id: str = "acme", *, batches: int = 1) -> None:
    """Apply batches of three reports: of two projects and none, with models, traces, amounts."""
    now = datetime.now(UTC)
    small = {**CALLS, "model": "gpt-4o-mini"}
    for _ in range(batches):
        sent = [
            report(organization_id, uuid.uuid4().hex, CALLS, amount("0.0125"), project_id="search"),
            report(organization_id, uuid.uuid4().hex, small, project_id="chat"),
            report(organization_id, uuid.uuid4().hex, {"kind": "traces", "count": 9}, small),
        ]
        sent[2]["project_id"] = None
        reports = [roller.services.pricing.price(parse_report(each, now=now)) for each in sent]
        roller.services.metering.apply(organization_id, reports, now=now)


def ledger_of(roller: Roller, organization_id: str) -> list[Entry]:
    found: list[Entry] = []
    after: str | None = None
    while True:
        page = roller.services.ledger.entries(organization_id, Window(limit=100, after=after))
        found += page.items
        if page.after is None:
            return found
        after = page.after


def days_of(roller: Roller, organization_id: str) -> list[UsageDay]:
    today = day_of(datetime.now(UTC))
    days = roller.services.usage_reporting.usage_days.days(
        organization_id, first=today - timedelta(days=2), last=today + timedelta(days=1)
    )
    return list(days)


def assert_exact(roller: Roller, *organizations: str) -> None:
    """By project, by model and by day it is what the ledger says, and the balances fit."""
    for organization_id in organizations:
        entries, days = ledger_of(roller, organization_id), days_of(roller, organization_id)
        taken = -sum(entry.amount_nanos for entry in entries if entry.kind in SPENDING)
        assert taken > 0
        assert sum(day.spent.amount_nanos for day in days) == taken
        assert sum(day.spent.entries for day in days) == sum(e.kind in SPENDING for e in entries)
        for groups in ([day.projects for day in days], [day.models for day in days]):
            sums = [sums for group in groups for sums in group.values()]
            assert sum(each.amount_nanos for each in sums) == taken
            assert sum(each.calls for each in sums) == sum(day.spent.calls for day in days)
        account = roller.services.ledger.account(organization_id)
        latest = max(days, key=lambda day: day.last_number)
        assert latest.available_after_nanos == account.available_nanos
        assert sum(day.available_change_nanos for day in days) == account.available_nanos


def test_what_is_used_is_rolled_up_by_project_and_model(roller: Roller) -> None:
    fund(roller.services.ledger, "acme", "10.00")
    use(roller, batches=4)
    roller.poller().poll()
    assert_exact(roller, "acme")
    (day,) = days_of(roller, "acme")
    assert set(day.projects) == {"search", "chat", "(none)"}
    assert set(day.models) == {"openai gpt-4o", "openai gpt-4o-mini", "(amounts)", "(traces)"}
    assert day.models["openai gpt-4o"].calls == 48
    assert day.models["openai gpt-4o"].units == {
        "input_tokens": 4 * 11_000,
        "cache_read_tokens": 4 * 7_000,
        "output_tokens": 4 * 4_200,
    }


def test_small_batches_of_several_organizations_are_rolled_up_as_they_come(roller: Roller) -> None:
    poller = roller.poller(batch_size=2)
    for _ in range(3):
        for organization_id in ("acme", "other"):
            use(roller, organization_id, batches=2)
        poller.poll()
        assert_exact(roller, "acme", "other")


def test_a_new_reader_from_the_beginning_changes_nothing(roller: Roller) -> None:
    use(roller, batches=5)
    roller.poller(batch_size=3).poll()
    before = days_of(roller, "acme")
    roller.poller(batch_size=2).poll()
    roller.poller().poll()
    assert days_of(roller, "acme") == before
    assert_exact(roller, "acme")


def test_readers_side_by_side_roll_each_write_up_once(roller: Roller) -> None:
    use(roller, batches=20)
    use(roller, "other", batches=20)
    # Each is a process of its own: what they share is the stream and the tables.
    threads = [
        threading.Thread(target=roller.poller(batch_size=size).poll) for size in (1, 3, 7, 500)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_exact(roller, "acme", "other")


def test_records_that_are_mixed_up_and_doubled_are_rolled_up_once(roller: Roller) -> None:
    use(roller, batches=12)
    use(roller, "other", batches=12)
    records = roller.records()
    chance = random.Random(42)
    delivered = chance.sample(records, k=len(records)) + chance.choices(records, k=len(records))
    while delivered:
        size = chance.randint(1, 5)
        assert roller.deliver(*delivered[:size]) == []
        del delivered[:size]
    assert_exact(roller, "acme", "other")


class Failing:
    """The history, failing for an organization as often as is said."""

    def __init__(self, history: object, organization_id: str, times: int) -> None:
        self._history = history
        self._organization_id = organization_id
        self._times = times

    def writes(self, organization_id: str, first_keys: list[str]) -> object:
        if organization_id == self._organization_id and self._times:
            self._times -= 1
            raise RuntimeError("the process meets its end")
        return self._history.writes(organization_id, first_keys)  # type: ignore[attr-defined]


def test_a_batch_is_delivered_again_from_the_first_change_that_failed(roller: Roller) -> None:
    use(roller, "other", batches=2)
    use(roller, "acme", batches=2)
    use(roller, "other", batches=2)
    rolling_up = roller.services.rolling_up
    object.__setattr__(rolling_up, "history", Failing(rolling_up.history, "acme", 1))
    records = roller.records()
    (failed,) = roller.deliver(*records)
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    assert numbers.index(failed) == 2
    assert_exact(roller, "other")
    assert days_of(roller, "acme") == []
    assert roller.deliver(*records[2:]) == []
    assert_exact(roller, "acme", "other")


@pytest.mark.parametrize("operation", ["PutItem", "TransactWriteItems"])
def test_a_lost_answer_does_not_roll_up_twice(
    faulty_roller: Roller, faults: Faults, operation: str
) -> None:
    use(faulty_roller, batches=3)
    records = faulty_roller.records()
    faulty_roller.deliver(records[0])
    if operation == "TransactWriteItems":
        crowd(faulty_roller)
        records = faulty_roller.records()
    faults.lose_response(service="dynamodb", operation=operation)
    failed = faulty_roller.deliver(*records)
    assert faults.fired(), "no answer was lost"
    faults.clear()
    if failed:
        faulty_roller.deliver(*records)
    assert_exact(faulty_roller, "acme")


def crowd(roller: Roller) -> None:
    """Use more projects than a day's row has room for."""
    now = datetime.now(UTC)
    sent = [
        report("acme", uuid.uuid4().hex, amount("0.01"), project_id=f"project-{number}")
        for number in range(80)
    ]
    reports = [roller.services.pricing.price(parse_report(each, now=now)) for each in sent]
    roller.services.metering.apply("acme", reports, now=now)


def test_a_day_of_very_many_projects_is_exact_for_each(roller: Roller) -> None:
    crowd(roller)
    poller = roller.poller()
    poller.poll()
    crowd(roller)
    use(roller, batches=2)
    poller.poll()
    assert_exact(roller, "acme")
    (day,) = days_of(roller, "acme")
    crowded = [day.projects[f"project-{number}"] for number in range(80)]
    assert {(sums.amount_nanos, sums.entries) for sums in crowded} == {(20_000_000, 2)}


def test_a_forgotten_day_is_made_anew_by_one_command(
    roller: Roller, capsys: pytest.CaptureFixture[str]
) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1, hours=2)
    reports = [
        roller.services.pricing.price(
            parse_report(report("acme", name, CALLS), now=datetime.now(UTC))
        )
        for name in "abc"
    ]
    for each in reports:
        roller.services.metering.apply("acme", [each], now=yesterday)
    use(roller)
    records = roller.records()
    roller.deliver(records[0], records[-1])
    day = day_of(yesterday).isoformat()
    assert main(["rebuild-usage", "acme", day, "--yes"]) == 0
    assert f"{day}: 0.23475 USD were spent, in 3 entries." in capsys.readouterr().out
    assert_exact(roller, "acme")
    assert roller.deliver(*records) == []
    assert_exact(roller, "acme")
    today = day_of(datetime.now(UTC)).isoformat()
    assert main(["rebuild-usage", "acme", today, "--yes"]) == 1
