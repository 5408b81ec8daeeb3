"""Fifty hints at once, from several processes, make one charge."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from chalicelib.usecases.topping_up import TopUpSettings
from devstack.emulator import Emulator
from devstack.settings import CHECKOUT
from tests.fakes.values import usd
from tests.functional.api import running_api

PROCESSES = 5
#: It never comes to that many calls.
NEVER = "1000000"


@pytest.mark.slow
def test_fifty_hints_from_five_processes_make_one_charge(emulator: Emulator) -> None:
    settings = TopUpSettings(
        enabled=True,
        threshold_nanos=usd("10.00"),
        amount_nanos=usd("25.00"),
        monthly_limit_nanos=None,
    )
    with running_api(emulator) as api:
        api.card("acme")
        api.services.topping_up.configure("acme", settings, by="ada", now=datetime.now(UTC))
        storms = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.integration.process", "storm", NEVER, ""],
                env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
                cwd=CHECKOUT,
            )
            for _ in range(PROCESSES)
        ]
        assert [storm.wait(timeout=120) for storm in storms] == [0] * PROCESSES
        intents = api.stripe.state.all("payment_intent")
        assert [intent["amount"] for intent in intents] == [2500]
        assert api.services.ledger.account("acme").available_nanos == usd("25.00")
        assert api.services.top_ups.get("acme").open_purchase_id is None
