"""An account is rebuilt while threads spend from it: nothing is lost, and nothing is paid twice."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chalicelib.domain.charge import Charge
from chalicelib.domain.errors import BusyError, CreditsError
from chalicelib.domain.money import parse_usd
from chalicelib.ports import Window
from chalicelib.wiring import Services, services
from devstack.emulator import Account
from tests.contract.databases import in_environment
from tests.support.worker import fund

THREADS = 4
DEDUCTIONS = 40
#: Who is refused asks again after a while: else all tries could fall into the first damage.
REFUSED_SECONDS = 0.2
#: Between a repair and the next damage, so that it is spent from.
REPAIRED_SECONDS = 0.4
ORG = "busy"


@pytest.fixture
def running(aws: Account) -> Iterator[Services]:
    with in_environment(aws.environment):
        services.cache_clear()
        yield services()
    services.cache_clear()


def spend(running: Services, taken: list[int], refused: list[CreditsError]) -> None:
    """Deduct again and again; a refusal may come of the damage, and takes nothing."""
    for _ in range(DEDUCTIONS):
        charge = Charge(organization_id=ORG, amount_nanos=parse_usd("0.01"), digest="spent")
        try:
            running.metering.deduct(charge, key=uuid.uuid4().hex, now=datetime.now(UTC))
        except CreditsError as error:
            refused.append(error)
            time.sleep(REFUSED_SECONDS)
        else:
            taken.append(charge.amount_nanos)


def damage(running: Services) -> None:
    """Take the account away, as an accident does, whatever is going on."""
    stored = running._accounts.stored(ORG)
    assert stored is not None
    from chalicelib.adapters.dynamodb.models import AccountModel

    AccountModel(ORG).delete()


@pytest.mark.slow
def test_an_account_is_rebuilt_again_and_again_while_it_is_spent_from(running: Services) -> None:
    fund(running.ledger, ORG, "100.00")
    taken: list[int] = []
    refused: list[CreditsError] = []
    threads = [
        threading.Thread(target=spend, args=(running, taken, refused)) for _ in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        damage(running)
        try:
            running.restoring.repair(ORG, now=datetime.now(UTC))
        except BusyError:
            continue
        time.sleep(REPAIRED_SECONDS)
    for thread in threads:
        thread.join()
    running.restoring.repair(ORG, now=datetime.now(UTC))
    assert running.auditing.check(ORG).in_line
    account = running.ledger.account(ORG)
    assert account.available_nanos == parse_usd("100.00") - sum(taken)
    entries, after = 0, None
    while True:
        page = running.ledger.entries(ORG, Window(limit=100, after=after))
        entries += len(page.items)
        after = page.after
        if after is None:
            break
    assert entries == 1 + len(taken)
    assert len(taken) + len(refused) == THREADS * DEDUCTIONS
    assert len(taken) > THREADS, "it was spent from"
