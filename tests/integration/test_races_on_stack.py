"""Two processes of 16 threads each against one account, over HTTP and over the queue at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from chalicelib.domain.ledger import EntryKind
from chalicelib.ports import Window
from devstack.settings import CHECKOUT
from devstack.stack import Stack
from tests.contract.databases import dynamodb
from tests.fakes.values import usd
from tests.integration.spender import REPORTS, THREADS
from tests.support.worker import fund

#: Less than the deductions ask for together (64.00), so that some are refused.
BALANCE = "40.00"
PATIENCE_SECONDS = 120.0


@pytest.mark.slow
def test_two_processes_of_sixteen_threads_spend_exactly_what_is_there(
    start_stack: Callable[..., Stack],
) -> None:
    stack = start_stack(workers=2)
    with dynamodb(stack.environment) as database:
        fund(database.ledger, "race", BALANCE)
        arguments = [
            stack.url,
            stack.token(organization_id="x", scope="gateway"),
            stack.description()["usage_queue_url"],
        ]
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.integration.spender", name, *arguments],
                env={**os.environ, **stack.environment, "PYTHONPATH": str(CHECKOUT)},
                cwd=CHECKOUT,
                stdout=subprocess.PIPE,
            )
            for name in ("one", "two")
        ]
        answers = [process.communicate(timeout=PATIENCE_SECONDS)[0] for process in processes]
        assert [process.returncode for process in processes] == [0, 0]
        allowed = [key for answer in answers for key in json.loads(answer)]
        reports = [f"report-{t}-{n}" for t in range(THREADS) for n in range(REPORTS)]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if all(database.ledger.entry("race", f"report#{name}") for name in reports):
                break
            time.sleep(0.2)
        spent_nanos = len(allowed) * usd("0.50")
        assert 0 < spent_nanos <= usd(BALANCE), "a deduction took it below zero"
        reported_nanos = len(reports) * usd("0.01")
        account = database.ledger.account("race")
        assert account.available_nanos == usd(BALANCE) - spent_nanos - reported_nanos
        entries, after = [], None
        while True:
            page = database.ledger.entries("race", Window(limit=100, after=after))
            entries += list(page.items)
            after = page.after
            if after is None:
                break
        assert sum(entry.amount_nanos for entry in entries) == account.available_nanos
        deducted = sorted(e.key for e in entries if e.kind is EntryKind.DEDUCTION)
        assert deducted == sorted(f"deduction#{key}" for key in allowed)
        applied = sorted(e.key for e in entries if e.kind is EntryKind.USAGE)
        assert applied == sorted(f"report#{name}" for name in reports)
