"""Fifty hints at once for one account, from several processes: one charge."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from chalicelib.domain.topup import Decision
from devstack.settings import CHECKOUT
from devstack.stack import Stack
from tests.support.buyer import PATIENCE_SECONDS, Buyer, comes
from tests.support.contract import ContractSession

PROCESSES, THREADS = 2, 25
#: Each waits until all are ready, so that they truly come at once.
HINTS = """
import sys, threading
from chalicelib.wiring import now, services
organization, threads = sys.argv[1], int(sys.argv[2])
services().ledger.account(organization)
together = threading.Barrier(threads + 1)
decisions = []
def hint():
    together.wait()
    decisions.append(services().topping_up.consider(organization, now=now()).value)
workers = [threading.Thread(target=hint) for _ in range(threads)]
for worker in workers: worker.start()
print("ready", flush=True)
sys.stdin.readline()
together.wait()
for worker in workers: worker.join()
print(*decisions)
"""


@pytest.fixture
def buyer(stack: Stack) -> Iterator[Buyer]:
    session = ContractSession(stack.url)
    yield Buyer(stack, session)
    session.close()


def test_fifty_hints_at_once_from_several_processes_make_one_charge(
    stack: Stack, buyer: Buyer
) -> None:
    buyer.buy(buyer.save_card(), "10.00")
    # Slow enough that all hints meet while the first is being acted on.
    buyer.control("/faults", path="/v1/payment_intents", method="POST", effect="hold")
    buyer.top_up(threshold="10.00", amount="25.00")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HINTS, buyer.organization, str(THREADS)],
            cwd=CHECKOUT,
            env={**stack.environment, "PATH": "", "PYTHONPATH": str(CHECKOUT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    buyer.spend("1.00")
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    comes(lambda: buyer.held_calls() >= 1, "the charge")
    buyer.control("/faults/release")
    decisions: list[str] = []
    for process in processes:
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, err
        # The one that charges writes its metrics to the same stream, before.
        decisions += out.splitlines()[-1].split()
    assert len(decisions) == PROCESSES * THREADS
    assert set(decisions) <= set(Decision)
    assert decisions.count(Decision.CHARGE) <= 1, "or the stack's own worker was the first"
    comes(lambda: buyer.available() == "34.00", "the credit")
    intents = buyer.stripe("GET", "/v1/payment_intents?limit=100")["data"]
    own = [i for i in intents if i["metadata"].get("organization_id") == buyer.organization]
    assert len(own) == 2, "the purchase by hand and one top-up"
    assert [entry["type"] for entry in buyer.entries()].count("auto_top_up") == 1
