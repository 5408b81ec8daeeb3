"""The command reconcile and its use case against the local Stripe, whose events were lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.cli.main import main
from chalicelib.cli.work import as_text
from chalicelib.config import Settings
from chalicelib.domain.reconciliation import Difference
from chalicelib.wiring import Services, graph, now
from devstack.invocation import Function
from devstack.schedules import scheduled_event
from devstack.stack import Stack
from tests.support.buyer import Buyer
from tests.support.contract import ContractSession

WEEK = timedelta(days=7)
LOST = ("charge.*", "refund.*", "payment_intent.*")


@pytest.fixture
def buyer(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Buyer]:
    """A buyer, in the environment in which an operator runs commands."""
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    graph.cache_clear()
    session = ContractSession(stack.url)
    buyer = Buyer(stack, session)
    yield buyer
    session.close()
    graph.cache_clear()


def test_what_was_never_heard_of_is_repaired_and_a_second_run_finds_nothing(
    stack: Stack, buyer: Buyer
) -> None:
    card = buyer.save_card()
    purchases = [buyer.buy(card).json()["id"] for _ in range(3)]
    waiting = buyer.buy(buyer.save_card("pm_card_threeDSecure2Required")).json()
    buyer.control("/disturbances", action="drop", types=list(LOST), count=None)
    try:
        buyer.stripe("POST", "/v1/refunds", charge=buyer.charge_of(purchases[0]), amount=1234)
        buyer.control(f"/charges/{buyer.charge_of(purchases[1])}/dispute", amount=5000)
        paid = buyer.intent_of(waiting["id"])["id"]
        buyer.control(f"/payment_intents/{paid}/authenticate", outcome="accept")
    finally:
        buyer.clear_disturbances()
    reconciling = Services(Settings(stack.environment)).reconciling
    later = now() + timedelta(hours=1)
    report = reconciling.reconcile(window=WEEK, now=later)
    own = [f for f in report.findings if f.organization_id == buyer.organization]
    assert {finding.difference for finding in own} == {
        Difference.NOT_CREDITED,
        Difference.NOT_FOLLOWED,
    }
    assert len(own) == 3
    assert all(finding.repaired for finding in own)
    assert buyer.available() == "137.66"
    again = reconciling.reconcile(window=WEEK, now=later)
    assert [f for f in again.findings if f.organization_id == buyer.organization] == []
    assert again.in_line


def test_the_command_prints_the_report(buyer: Buyer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reconcile", "--days", "30", "--yes"]) == 0
    told = capsys.readouterr().out
    assert "Everything is in line." in told
    assert "Charged" in told


def test_a_report_with_an_open_difference_says_so() -> None:
    report = {
        "since": "2026-11-16T11:00:00Z",
        "complete": True,
        "in_line": False,
        "payments": 1,
        "reversals": 0,
        "charged": "50.00",
        "credited": "0.00",
        "tax": "0.00",
        "sent_back": "0.00",
        "taken_back": "0.00",
        "findings": [
            {
                "difference": "paid_twice",
                "repaired": False,
                "payment_id": "pi_1",
                "organization_id": "acme",
                "purchase_id": "pur_1",
                "detail": "",
            }
        ],
    }
    told = as_text(report)
    assert "OPEN: paid_twice pi_1 acme pur_1" in told
    assert told.endswith("1 differences are left.")


def test_the_schedule_reconciles_and_gives_the_report(buyer: Buyer) -> None:
    from app import app

    function = Function(
        name="reconcile", handler=app.handler_map["reconcile"], timeout_seconds=900, memory_mb=512
    )
    event = scheduled_event(rule="reconcile", account_id="100000000001", at=now())
    body = function(event)
    assert body["complete"] is True
    assert body["findings"] == []
    assert function({**event, "detail": {"days": 30}})["since"] < body["since"]
