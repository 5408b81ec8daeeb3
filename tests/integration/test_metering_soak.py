"""Gateways and workers by the dozen, messages twice, processes killed: exact to the nano-dollar.

COUNT=100000 makes the full run of that many calls in 20 organizations (`make soak`); the suite
makes a shorter one.
"""

from __future__ import annotations

import json
import logging
import os
import random
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.money import parse_usd
from chalicelib.domain.notices import NoticeKind
from chalicelib.domain.traces import charge_traces
from chalicelib.wiring import Services, graph, services
from devstack.emulator import Account, Emulator
from devstack.settings import CHECKOUT, inherited_variables
from devstack.tether import LIFELINE
from tests.contract.databases import in_environment
from tests.support.soak import CALLS_PER_ROUND, Expected, Load, waiting
from tests.support.stack import NOBODY
from tests.support.worker import amount, fund, report

logger = logging.getLogger(__name__)

COUNT = int(os.environ.get("COUNT", "1000"))
ORGANIZATIONS = 20 if COUNT >= 100_000 else 5
GATEWAYS = 8
WORKERS = 2
#: What a killed worker had in its hands comes again after this.
VISIBILITY_SECONDS = 4
KILL_EVERY_SECONDS = 2.5 if COUNT < 10_000 else 8.0
#: A process takes a while to start, in which it does nothing: more kills would only take longer.
MOST_KILLS = 6 + COUNT // 2_500
PATIENCE_SECONDS = 60 + COUNT / 5
GIFT = "100000.00"
#: It runs out of credits and gets more, again and again, while the others are at work.
POOR = "poor"
GIVEN = {**NOBODY, "TRACES_PER_MONTH": "50", "TRACES_PRICE_PER_THOUSAND": "0.000000250"}


@dataclass(slots=True, kw_only=True)
class Crowd:
    """The processes of a soak, which are started again whenever they are killed."""

    load: Load
    home: Path
    environment: dict[str, str]
    lifeline: int
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    gateways: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    workers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)
    started_at: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")

    def start(self) -> None:
        """Start them all."""
        for number in range(GATEWAYS):
            self.gateways[number] = self._start("gateway", number)
        for number in range(WORKERS):
            self.workers[number] = self._start("worker", number)

    def kill_one(self) -> None:
        """Kill a worker, or a gateway that has begun to send, and start it again."""
        begun = [number for number in self.gateways if self._note(number).exists()]
        if begun and self.chance.random() < 0.5:
            self._kill("gateway", self.chance.choice(begun), self.gateways)
        else:
            self._kill("worker", self.chance.choice(sorted(self.workers)), self.workers)

    def kill_the_first_at_work(self) -> None:
        """Kill a gateway as soon as one has sent something, and a worker that took something."""
        for number in list(self.gateways):
            if not self.kills["gateway"] and self._note(number).exists():
                self._kill("gateway", number, self.gateways)
        for number in list(self.workers):
            if not self.kills["worker"] and self._log_file("worker", number).stat().st_size:
                self._kill("worker", number, self.workers)

    def _kill(self, role: str, number: int, processes: dict[int, subprocess.Popen[bytes]]) -> None:
        process = processes[number]
        if process.poll() is None:
            process.kill()
            process.wait()
            self.kills[role] += 1
            processes[number] = self._start(role, number)

    def _note(self, number: int) -> Path:
        return self.home / f"gateway-{number}.note"

    def look(self) -> None:
        """Take leave of the gateways that are done; a process that fails by itself is a bug."""
        for number, process in list(self.gateways.items()):
            if process.poll() is not None:
                assert process.returncode == 0, self._log("gateway", number)
                del self.gateways[number]
        for number, process in self.workers.items():
            assert process.poll() is None, self._log("worker", number)

    def stop(self) -> None:
        """Kill whoever is left."""
        for process in (*self.gateways.values(), *self.workers.values()):
            process.kill()
            process.wait()

    def _start(self, role: str, number: int) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            *("-m", "devstack.tether", "tests.support.soak", role),
            *("--number", str(number)),
            *("--steps", str(self.load.steps)),
            *("--gateways", str(self.load.gateways)),
            *("--organizations", str(self.load.organizations)),
            *("--notes", str(self._note(number))),
            *("--occurred-at", self.started_at),
        ]
        with self._log_file(role, number).open("ab") as log:
            return subprocess.Popen(
                command,
                env={**self.environment, LIFELINE: str(self.lifeline)},
                cwd=CHECKOUT,
                stdout=log,
                stderr=log,
                pass_fds=[self.lifeline],
            )

    def _log(self, role: str, number: int) -> str:
        return self._log_file(role, number).read_text()[-4000:]

    def _log_file(self, role: str, number: int) -> Path:
        return self.home / f"{role}-{number}.log"


@contextmanager
def crowd(aws: Account, load: Load, home: Path) -> Iterator[Crowd]:
    """A crowd on an emulated account."""
    environment = {**inherited_variables(folder=home, root=CHECKOUT), **aws.environment}
    lifeline, mine = os.pipe()  # should this process be killed, too, the crowd ends with it
    running = Crowd(load=load, home=home, environment=environment, lifeline=lifeline)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        os.close(mine)
        os.close(lifeline)


@pytest.fixture
def aws(emulator: Emulator) -> Account:
    return emulator.account(given=GIVEN, visibility_timeout_seconds=VISIBILITY_SECONDS)


def test_every_call_is_paid_once_whatever_is_sent_twice_and_whoever_dies(
    aws: Account, tmp_path: Path
) -> None:
    load = Load(steps=COUNT * 10 // CALLS_PER_ROUND, gateways=GATEWAYS, organizations=ORGANIZATIONS)
    expected = load.expected()
    begun = time.monotonic()
    with in_environment(aws.environment):
        graph.cache_clear()
        organizations = [f"org-{number}" for number in range(ORGANIZATIONS)]
        for organization_id in organizations:
            fund(services().ledger, organization_id, GIFT)
        kills = play(aws, load, tmp_path)
        assert_exact(services(), aws, expected, organizations)
        assert_told_in_turns(services(), aws)
        graph.cache_clear()
    seconds = time.monotonic() - begun
    logger.info(
        f"{expected.calls} calls in {load.steps} steps, {ORGANIZATIONS} organizations, "
        f"{kills['worker']} workers and {kills['gateway']} gateways killed, {seconds:.0f} s"
    )
    assert min(kills["worker"], kills["gateway"]) > 0, "the test must have killed some"


def play(aws: Account, load: Load, home: Path) -> Counter[str]:
    """Let the crowd work, killing one at a time, until all is sent and taken."""
    sqs, url = aws.cloud.client("sqs"), aws.physical_ids["UsageQueue"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    with crowd(aws, load, home) as running:
        next_kill = time.monotonic() + KILL_EVERY_SECONDS
        while running.gateways or waiting(sqs, url):
            if running.gateways:
                live_from_hand_to_mouth(sqs, url)
            assert time.monotonic() < deadline, f"{waiting(sqs, url)} messages are left"
            running.kill_the_first_at_work()
            if running.kills.total() < MOST_KILLS and time.monotonic() >= next_kill:
                running.kill_one()
                next_kill = time.monotonic() + KILL_EVERY_SECONDS
            running.look()
            time.sleep(0.1)
        return running.kills


def live_from_hand_to_mouth(sqs: Any, url: str) -> None:
    """Report as much usage of the poor one as it gets in credits; who comes first is chance."""
    sqs.send_message(
        QueueUrl=url,
        MessageGroupId=POOR,
        MessageDeduplicationId=(report_id := uuid.uuid4().hex),
        MessageBody=json.dumps(report(POOR, report_id, amount("1.00"))),
    )
    fund(services().ledger, POOR, "1.00")


def assert_exact(
    services: Services, aws: Account, expected: Expected, organizations: list[str]
) -> None:
    """To the nano-dollar: the accounts, the ledger, the counts of traces; nothing set aside."""
    ledger = list(scan(aws, "LedgerTable"))
    terms = services.settings.trace_terms
    for organization_id in organizations:
        own = [row for row in ledger if row["organization_id"]["S"] == organization_id]
        traces = expected.traces[organization_id]
        for_traces = charge_traces(used_before=0, count=traces, terms=terms).amount_nanos
        spent = expected.nanos[organization_id] + for_traces
        account = services.ledger.account(organization_id)
        assert account.available_nanos == parse_usd(GIFT) - spent
        assert account.held_nanos == 0
        assert sum(int(row["amount"]["N"]) for row in own) == account.available_nanos
        assert sum(int(row.get("held", {"N": "0"})["N"]) for row in own) == 0
        assert len(own) == expected.entries[organization_id] + 1
        assert sum(used(aws, organization_id)) == traces
    assert waiting(aws.cloud.client("sqs"), aws.physical_ids["UsageDeadLetterQueue"]) == 0


def assert_told_in_turns(services: Services, aws: Account) -> None:
    """The poor one began with nothing, so each end of its credits follows upon their return."""
    names = [row["name"]["S"].partition("#")[0] for row in rows_of(aws, "NoticesTable", POOR)]
    told = Counter(names)
    serves = services.ledger.account(POOR).available_nanos > 0
    exhausted, restored = NoticeKind.EXHAUSTED.value, NoticeKind.RESTORED.value
    assert told[restored] - told[exhausted] == serves
    assert told[restored] > 0


def rows_of(aws: Account, table: str, organization_id: str) -> list[dict[str, Any]]:
    """An organization's rows of a table."""
    return [r for r in scan(aws, table) if r["organization_id"]["S"] == organization_id]


def used(aws: Account, organization_id: str) -> Iterator[int]:
    """The counts of an organization's months."""
    for row in rows_of(aws, "TraceCountsTable", organization_id):
        yield int(row["used"]["N"])


def scan(aws: Account, table: str) -> Iterator[dict[str, Any]]:
    """Every row of a table."""
    pages = aws.cloud.client("dynamodb").get_paginator("scan")
    for page in pages.paginate(TableName=aws.physical_ids[table], ConsistentRead=True):
        yield from page["Items"]
