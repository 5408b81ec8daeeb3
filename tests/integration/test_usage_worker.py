"""The usage worker on an emulated queue: nothing bad keeps anything good waiting."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest

from chalicelib.domain.errors import BusyError
from chalicelib.domain.money import parse_usd
from chalicelib.domain.usage import UsageReport
from chalicelib.usecases.holding import HoldRequest
from chalicelib.usecases.metering import PricedReport, ReportResult
from chalicelib.wiring import now
from devstack.emulator import Account
from tests.support.measured import measured_in, totals
from tests.support.worker import Worker, amount, fund, report, running_worker


@pytest.fixture
def worker(aws: Account) -> Iterator[Worker]:
    with running_worker(aws) as running:
        fund(running.services.ledger, "acme", "10.00")
        yield running


class Stubborn:
    """The metering, failing for the reports that are named, as often as is said."""

    def __init__(self, metering: Any, failures: dict[str, list[Exception]]) -> None:
        self._metering = metering
        self._failures = failures

    def apply(
        self, organization_id: str, reports: Sequence[PricedReport], *, now: datetime
    ) -> Sequence[ReportResult]:
        for one in reports:
            if self._failures.get(one.report_id):
                raise self._failures[one.report_id].pop(0)
        results: Sequence[ReportResult] = self._metering.apply(organization_id, reports, now=now)
        return results


def let_fail(worker: Worker, **failures: list[Exception]) -> None:
    worker.services.__dict__["metering"] = Stubborn(worker.services.metering, failures)


def test_a_batch_of_several_organizations_is_applied_to_each(worker: Worker) -> None:
    fund(worker.services.ledger, "other", "5.00")
    worker.send(report("acme", "a", amount("1.00")), report("acme", "b", amount("0.50")))
    worker.send(report("other", "a", amount("2.00")), group="other")
    worker.run(messages=3)
    assert worker.available("acme") == parse_usd("8.50")
    assert worker.available("other") == parse_usd("3.00")


def test_repeated_reports_change_nothing(worker: Worker) -> None:
    sent = report("acme", "a", amount("1.00"))
    worker.send(sent, sent)
    worker.run(messages=2)
    worker.send(sent, report("acme", "b", amount("0.50")), sent)
    worker.run(messages=3)
    assert worker.available() == parse_usd("8.50")
    assert worker.dead_letters() == {}


def test_what_can_never_be_applied_is_set_aside_with_its_reason_and_the_rest_is_applied(
    worker: Worker,
) -> None:
    unknown = {"kind": "model", "provider": "openai", "model": "none-such", "input_tokens": 1}
    bad = {
        "{": "not valid JSON",
        json.dumps(report("acme", "no-lines")): "lines",
        json.dumps(report("acme", "x", amount("1.00"), surprise=1)): "surprise",
        json.dumps(report("acme", "unpriced", amount("1.00"), unknown)): "lines[1]",
        json.dumps(report("acme", "a", amount("9.00"))): "used before",
    }
    worker.send(report("acme", "a", amount("1.00")))
    for body in bad:
        worker.send(body, report("acme", f"after {len(body)}".replace(" ", "-"), amount("0.10")))
    worker.run(messages=11)
    assert worker.available() == parse_usd("8.50")
    dead = worker.dead_letters()
    assert dead.keys() == bad.keys()
    for body, word in bad.items():
        assert word in dead[body]


def test_a_report_that_fails_for_a_while_comes_again_without_holding_the_others_up(
    worker: Worker,
) -> None:
    let_fail(worker, poor=[RuntimeError("a bug"), RuntimeError("a bug")])
    worker.send(
        report("acme", "a", amount("1.00")),
        report("acme", "poor", amount("0.01")),
        report("acme", "b", amount("1.00")),
    )
    assert worker.poller.poll() == 2
    assert worker.available() == parse_usd("8.00")
    worker.run()  # long before the queue's own six minutes
    assert worker.available() == parse_usd("7.99")
    assert worker.dead_letters() == {}


def test_a_report_that_keeps_failing_is_set_aside_with_its_error(worker: Worker) -> None:
    let_fail(worker, poor=[RuntimeError("a bug")] * 9)
    sent = report("acme", "poor", amount("0.01"))
    worker.send(sent)
    worker.run()
    assert worker.dead_letters() == {json.dumps(sent): "It failed 3 times: RuntimeError: a bug"}
    assert worker.available() == parse_usd("10.00")


def test_a_busy_account_makes_its_whole_batch_come_again(worker: Worker) -> None:
    let_fail(worker, a=[BusyError("The account is very busy.")])
    worker.send(report("acme", "a", amount("1.00")), report("acme", "b", amount("1.00")))
    assert worker.poller.poll() == 0
    assert worker.available() == parse_usd("10.00")
    worker.run()
    assert worker.available() == parse_usd("8.00")


def test_reports_settle_a_hold_in_the_same_write(worker: Worker) -> None:
    request = HoldRequest(
        organization_id="acme", amount_nanos=parse_usd("4.00"), seconds=600, digest="d"
    )
    hold, _ = worker.services.holding.place(request, key="k", now=now())
    worker.send(
        report("acme", "a", amount("1.00"), hold_id=hold.id),
        report("acme", "b", amount("0.25")),
        report("acme", "c", amount("1.00"), hold_id=hold.id, final=True),
        report("acme", "d", amount("0.50"), hold_id="hold_unknown"),
    )
    worker.run(messages=4)
    account = worker.services.ledger.account("acme")
    assert (account.available_nanos, account.held_nanos) == (parse_usd("7.25"), 0)


def test_what_a_batch_came_to_is_measured(
    worker: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    fund(worker.services.ledger, "acme", "10.00")
    capsys.readouterr()
    worker.send(
        report("acme", "a", amount("1.25")),
        report("acme", "b", amount("0.50")),
        report("acme", "a", amount("1.25")),
        report("acme", "a", amount("9.99")),
        {"no": "report"},
        "{",
    )
    worker.run(messages=6)
    printed = capsys.readouterr().out
    counted = totals(printed)
    delays = [v for m in measured_in(printed) if m.name == "UsageDelay" for v in m.values]
    assert len(delays) == 2
    assert all(-1000 < delay < 600_000 for delay in delays), "from the report's time to now"
    del counted["UsageDelay"]
    assert counted == {
        "Deductions": 2,
        "DeductedAmount": 1.75,
        "ReportsApplied": 2,
        "ReportsRepeated": 1,
        "ReportsConflict": 1,
        "ReportsRejected/conflict": 1,
        "ReportsRejected/invalid_request": 1,
        "ReportsRejected/not_json": 1,
        "MessagesFailed": 0,
    }


def test_a_report_is_not_set_aside_because_the_prices_cant_be_read(worker: Worker) -> None:
    pricing = worker.services.pricing
    refusals = [BusyError("The prices can't be read now.")]

    class Unread:
        def price(self, report: UsageReport) -> PricedReport:
            if refusals:
                raise refusals.pop()
            return pricing.price(report)

    worker.services.__dict__["pricing"] = Unread()
    worker.send(report("acme", "a", amount("1.00")))
    worker.run()
    assert not refusals
    assert not worker.dead_letters()
    assert worker.available() == parse_usd("9.00")
