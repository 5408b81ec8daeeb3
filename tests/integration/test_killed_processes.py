"""A real process is killed after each of its HTTP calls, on an emulated AWS and a local Stripe.

What it began is then finished by the sweep and by redelivery: one payment, one credit, one number.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.domain.errors import RequestInProgressError
from chalicelib.domain.ledger import EntryKind
from chalicelib.domain.purchase import PurchaseStatus, PurchaseType
from chalicelib.ports import Window
from chalicelib.usecases.topping_up import TopUpSettings
from devstack.emulator import Emulator
from tests.fakes.values import usd
from tests.functional.api import Api, running_api
from tests.integration.process import DIED, buy

CHECKOUT = Path(__file__).resolve().parents[2]
#: More HTTP calls than either flow makes.
MANY = 60


def killed(what: str, *, after: int, argument: str = "") -> bool:
    """Run the process; says whether it died before it was done."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.integration.process", what, str(after), argument],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        cwd=CHECKOUT,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode in {0, DIED}, ended.stderr.decode()
    return ended.returncode == DIED


def recover(api: Api) -> None:
    """What the schedule and the queues do in the quarter of an hour afterwards."""
    services = api.services
    for minutes in (2, 4, 10):
        now = datetime.now(UTC) + timedelta(minutes=minutes)
        swept = services.sweeping.sweep(now=now)
        assert swept.failures == []
        services.topping_up.consider("acme", now=now)
    (sequence,) = {services._invoices.sequence(datetime.now(UTC).year)}
    for number in range(1, sequence.last + 1):
        services.invoicing.store("acme", f"{sequence.year}-{number:06d}", now=datetime.now(UTC))


def assert_exact(api: Api, *, balance: str, payments: int) -> None:
    """Stripe, the ledger, the account and the invoices tell the same story."""
    services = api.services
    intents = api.stripe.state.all("payment_intent")
    assert [intent["status"] for intent in intents] == ["succeeded"] * payments
    entries = services.ledger.entries("acme", Window(limit=100)).items
    account = services.ledger.account("acme")
    assert account.available_nanos == usd(balance)
    assert sum(entry.amount_nanos for entry in entries) == account.available_nanos
    credited = [e for e in entries if e.kind in {EntryKind.PURCHASE, EntryKind.AUTO_TOP_UP}]
    paid = services.purchases.succeeded("acme", Window(limit=100)).items
    assert {e.details["purchase_id"] for e in credited} == {p.id for p in paid}
    assert len(credited) == len(paid) == payments
    assert {intent["metadata"]["purchase_id"] for intent in intents} == {p.id for p in paid}
    numbers = sorted(p.invoice_number or "" for p in paid)
    year = datetime.now(UTC).year
    assert numbers == [f"{year}-{number:06d}" for number in range(1, payments + 1)]
    for purchase in paid:
        issued = services._invoices.get("acme", purchase.invoice_number or "")
        assert issued is not None
        assert issued.rendered


@pytest.mark.slow
def test_a_purchase_survives_a_death_after_any_of_its_calls(emulator: Emulator) -> None:
    for after in range(1, MANY):
        with running_api(emulator) as api:
            card = api.card("acme")
            died = killed("buy", after=after, argument=card)
            recover(api)
            if not api.services.purchases.succeeded("acme", Window(limit=1)).items:
                buy(card)  # it died before anything was kept: the customer tries again
                recover(api)
            # The answer of a process just dead is waited for; nothing is bought anew.
            with suppress(RequestInProgressError):
                buy(card)
            assert_exact(api, balance="50.00", payments=1)
            assert api.services.purchases.due(datetime.now(UTC) + timedelta(days=1), 10) == []
        if not died:
            assert after > 5, "the purchase makes more calls than that"
            return
    raise AssertionError("the purchase doesn't end")


@pytest.mark.slow
def test_a_top_up_survives_a_death_after_any_of_its_calls(emulator: Emulator) -> None:
    settings = TopUpSettings(
        enabled=True,
        threshold_nanos=usd("10.00"),
        amount_nanos=usd("25.00"),
        monthly_limit_nanos=usd("40.00"),
    )
    for after in range(1, MANY):
        with running_api(emulator) as api:
            api.card("acme")
            services = api.services
            services.topping_up.configure("acme", settings, by="ada", now=datetime.now(UTC))
            died = killed("top_up", after=after)
            recover(api)
            assert_exact(api, balance="25.00", payments=1)
            (top_up,) = services.purchases.succeeded("acme", Window(limit=9)).items
            assert top_up.type is PurchaseType.AUTO_TOP_UP
            assert top_up.status is PurchaseStatus.SUCCEEDED
            order = services.top_ups.get("acme")
            assert (order.open_purchase_id, order.month_spent_nanos) == (None, usd("25.00"))
        if not died:
            assert after > 5, "the top-up makes more calls than that"
            return
    raise AssertionError("the top-up doesn't end")
