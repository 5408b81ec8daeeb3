"""Invoice numbers under rivals and crashes, on a real engine: 1 to n, no gap, no repeat.

COUNT=10000 makes the full run; the suite makes a shorter one.
"""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.config import Settings
from chalicelib.domain.billing import Address, BillingDetails
from chalicelib.domain.ledger import purchase_key
from chalicelib.domain.payment import Card, Payment, PaymentStatus
from chalicelib.domain.purchase import Purchase, PurchaseType
from chalicelib.domain.tax import NO_TAX
from chalicelib.domain.write import Outcome, Write
from chalicelib.ports import Ledger
from chalicelib.wiring import Services
from devstack.emulator import Account

COUNT = int(os.environ.get("COUNT", "400"))
THREADS = 32
ORGANIZATIONS = 20
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
CARD = Card(
    payment_method_id="pm_1",
    brand="visa",
    last4="4242",
    exp_month=8,
    exp_year=2030,
    fingerprint="f",
)
BUYER = BillingDetails(
    name="Acme", address=Address(line1="1 St", city="Rome", postal_code="1", country="IT")
)


class Death(BaseException):
    """The process is gone: nothing catches this on the way."""


class MortalLedger:
    """Dies at a tenth of the commits: half of them just before, half just after."""

    def __init__(self, ledger: Ledger, chance: random.Random) -> None:
        self._ledger = ledger
        self._chance = chance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def commit(self, write: Write) -> Outcome:
        fate = self._chance.random()
        if fate < 0.05:
            raise Death
        outcome = self._ledger.commit(write)
        if fate < 0.10:
            raise Death
        return outcome


def purchase(number: int) -> Purchase:
    return Purchase.new(
        id=f"pur_{number:06d}",
        organization_id=f"org-{number % ORGANIZATIONS}",
        type=PurchaseType.PURCHASE,
        amount_nanos=5_000_000_000,
        created_at=NOW,
        created_by="somebody",
        customer_id="cus_1",
        card=CARD,
        billing_details=BUYER,
        tax=NO_TAX,
    )


def test_numbers_have_no_gap_and_no_repeat_whatever_dies(
    aws: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    services = Services(Settings(aws.environment))
    concluding = services.purchasing.concluding
    begun = [purchase(number) for number in range(COUNT)]
    for one in begun:
        write = Write(organization_id=one.organization_id, at=NOW, saves=(one,))
        services.ledger.commit(write)
    deaths = []

    def settle(one: Purchase) -> None:
        mortal = MortalLedger(services.ledger, random.Random(one.id))
        payment = Payment(
            id=f"pi_{one.id}", status=PaymentStatus.SUCCEEDED, amount_cents=one.charge_cents
        )
        while True:
            try:
                replace(concluding, ledger=mortal).conclude(one, payment, now=NOW)
            except Death:
                deaths.append(one.id)
            else:
                return

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(settle, begun))

    settled = [services.purchases.get(one.organization_id, one.id) for one in begun]
    numbers = sorted(one.invoice_number for one in settled if one and one.invoice_number)
    assert numbers == [f"2026-{number:06d}" for number in range(1, COUNT + 1)]
    assert len(deaths) > COUNT / 20, "the test must have killed some"
    for one in begun:
        entry = services.ledger.entry(one.organization_id, purchase_key(one.id))
        assert entry is not None
        assert entry.amount_nanos == one.amount_nanos
    total = sum(
        services.ledger.account(f"org-{number}").available_nanos for number in range(ORGANIZATIONS)
    )
    assert total == COUNT * 5_000_000_000
