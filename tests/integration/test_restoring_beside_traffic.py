"""An account is rebuilt while threads spend from it: nothing is lost, and nothing is paid twice."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chalicelib.domain.charge import Charge
from chalicelib.domain.errors import CreditsError, InsufficientCreditsError
from chalicelib.domain.money import parse_usd
from chalicelib.ports import Window
from chalicelib.wiring import Services, graph, services
from devstack.emulator import Account
from tests.contract.databases import in_environment
from tests.support.worker import fund

THREADS = 4
ROUNDS = 5
#: So often it is spent from before each damage, and so after each repair but the last.
SPENT_BETWEEN = 40
#: How long that may take on a busy machine; it takes a second.
PATIENCE_SECONDS = 60.0
ORG = "busy"


@pytest.fixture
def running(aws: Account) -> Iterator[Services]:
    with in_environment(aws.environment):
        graph.cache_clear()
        yield services()
    graph.cache_clear()


class Spenders:
    """Threads that deduct without a rest; a refusal comes of the damage, and takes nothing."""

    def __init__(self, running: Services) -> None:
        self.taken: list[int] = []
        self.refused: list[CreditsError] = []
        self._running = running
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._spend) for _ in range(THREADS)]

    def __enter__(self) -> Spenders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        """Wait until they were let so many times more."""
        wanted = len(self.taken) + more
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.taken) < wanted:
            refused = len(self.refused)
            assert time.monotonic() < deadline, f"nothing is let any more; {refused} refused"
            time.sleep(0.01)

    def _spend(self) -> None:
        while not self._over.is_set():
            charge = Charge(organization_id=ORG, amount_nanos=parse_usd("0.01"), digest="spent")
            try:
                self._running.metering.deduct(charge, key=uuid.uuid4().hex, now=datetime.now(UTC))
            except CreditsError as error:
                self.refused.append(error)
            else:
                self.taken.append(charge.amount_nanos)


def damage(running: Services) -> None:
    """Take the account away, as an accident does, whatever is going on."""
    stored = running._accounts.stored(ORG)
    assert stored is not None
    from chalicelib.adapters.dynamodb.models import AccountModel

    AccountModel(ORG).delete()


@pytest.mark.slow
def test_an_account_is_rebuilt_again_and_again_while_it_is_spent_from(running: Services) -> None:
    fund(running.ledger, ORG, "1000.00")
    with Spenders(running) as spenders:
        for _ in range(ROUNDS):
            spenders.wait_for(SPENT_BETWEEN)
            damage(running)
            assert running.restoring.repair(ORG, now=datetime.now(UTC)).stored is not None
        spenders.wait_for(SPENT_BETWEEN)
    assert running.auditing.check(ORG).in_line
    taken = spenders.taken
    account = running.ledger.account(ORG)
    assert account.available_nanos == parse_usd("1000.00") - sum(taken)
    entries, after = 0, None
    while True:
        page = running.ledger.entries(ORG, Window(limit=100, after=after))
        entries += len(page.items)
        after = page.after
        if after is None:
            break
    assert entries == 1 + len(taken)
    assert spenders.refused, "nobody asked while it was damaged"
    assert {type(error) for error in spenders.refused} == {InsufficientCreditsError}
