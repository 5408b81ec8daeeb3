"""What is committed is counted, once; the flows run over fakes, the lines are the real ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.adapters.metrics import Meter
from chalicelib.adapters.observed_writes import ObservedWrites
from chalicelib.domain.write import Committed, Outcome, Write
from chalicelib.usecases.holding import HoldRequest
from tests.fakes.payments import Behaviour
from tests.fakes.ports import wire
from tests.fakes.repositories import FakeLedger
from tests.fakes.values import ORG, report, usd
from tests.fakes.world import World
from tests.support.measured import NAMESPACE, totals

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "gateway-credits")


class WatchedLedger(FakeLedger):
    """It tells of what was committed, as the real one does."""

    def commit(self, write: Write) -> Outcome:
        outcome = super().commit(write)
        if isinstance(outcome, Committed):
            ObservedWrites(Meter(namespace=NAMESPACE))(write)
        return outcome


class Watched(World):
    """A world whose ledger is watched as in production."""

    def __init__(self) -> None:
        super().__init__()
        self.app = wire(replace(self.ports, ledger=WatchedLedger(self.store)))


def bought(
    amount: str = "50.00", behaviour: Behaviour = Behaviour.PAYS, *, decline_code: str = ""
) -> Watched:
    world = Watched()
    world.buy(card=world.customer(behaviour=behaviour, decline_code=decline_code), amount=amount)
    return world


def topped_up(
    behaviour: Behaviour, capsys: Captured, *, decline_code: str = "insufficient_funds"
) -> Watched:
    """An account that is topped up by such a card; what was measured before is forgotten."""
    world = Watched()
    card = world.customer()
    world.buy(card=card, amount="20.00")
    world.payments.change_card(card, behaviour, decline_code=decline_code)
    world.deliver()
    capsys.readouterr()
    world.order_top_ups()
    world.use(report("drain", "15.00"))
    world.deliver()
    return world


def test_usage_is_counted_once_however_often_it_is_reported(capsys: Captured) -> None:
    world = bought()
    capsys.readouterr()
    for _ in range(3):
        world.use(report("a", "1.25"), report("b", "0.50"))
    world.deduct(key="one", amount="2.00")
    world.deduct(key="one", amount="2.00")
    assert totals(capsys.readouterr().out) == {"Deductions": 3, "DeductedAmount": 3.75}


def test_a_purchase_is_counted_by_how_it_ends(capsys: Captured) -> None:
    bought("50.00")
    assert totals(capsys.readouterr().out) == {"BoughtAmount": 50, "Purchases/succeeded": 1}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("insufficient_funds", "soft"),
        ("lost_card", "hard"),
        ("authentication_required", "authentication"),
        ("something_of_the_future", "soft"),
    ],
)
def test_a_decline_is_counted_by_its_kind(code: str, kind: str, capsys: Captured) -> None:
    bought(behaviour=Behaviour.DECLINES, decline_code=code)
    assert totals(capsys.readouterr().out) == {"Purchases/declined": 1, f"Declines/{kind}": 1}


def test_a_purchase_that_nobody_finishes_is_counted_as_canceled(capsys: Captured) -> None:
    world = bought(behaviour=Behaviour.ASKS_CUSTOMER)
    world.run(hours=2)
    assert totals(capsys.readouterr().out) == {"Purchases/canceled": 1}


def test_an_automatic_charge_is_counted_as_one(capsys: Captured) -> None:
    world = topped_up(Behaviour.PAYS, capsys)
    world.run(minutes=10)
    counted = totals(capsys.readouterr().out)
    assert counted["TopUps/charged"] == 1
    assert counted["BoughtAmount"] == 25
    assert world.account().available_nanos == usd("30.00")


def test_a_top_up_that_is_declined_and_one_that_pauses_are_told_apart(capsys: Captured) -> None:
    topped_up(Behaviour.DECLINES, capsys)
    soft = totals(capsys.readouterr().out)
    assert (soft["TopUps/declined"], soft["Declines/soft"]) == (1, 1)
    assert "TopUps/paused" not in soft
    topped_up(Behaviour.DECLINES, capsys, decline_code="stolen_card")
    hard = totals(capsys.readouterr().out)
    assert (hard["TopUps/declined"], hard["TopUps/paused"], hard["Declines/hard"]) == (1, 1, 1)


def test_a_top_up_that_the_bank_asks_the_customer_for_is_counted(capsys: Captured) -> None:
    topped_up(Behaviour.ASKS_CUSTOMER, capsys)
    assert totals(capsys.readouterr().out)["TopUps/action_required"] == 1


def test_a_hold_that_expires_is_counted(capsys: Captured) -> None:
    world = bought()
    request = HoldRequest(organization_id=ORG, amount_nanos=usd("5.00"), seconds=600, digest="h")
    world.app.holding.place(request, key="h", now=world.now)
    capsys.readouterr()
    world.run(hours=25)
    assert totals(capsys.readouterr().out)["HoldsExpired"] == 1


def test_a_refund_is_no_second_purchase(capsys: Captured) -> None:
    world = bought()
    world.deliver()
    capsys.readouterr()
    (purchase,) = world.purchases.all()
    world.refunds.refund_by_hand(purchase.payment_id or "", 500)
    world.deliver()
    assert world.account().available_nanos == usd("45.00")
    assert not totals(capsys.readouterr().out)
