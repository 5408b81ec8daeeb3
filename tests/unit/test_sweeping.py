"""What a run of the sweep takes on, and what it says of that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.account import Account
from chalicelib.domain.archive import Archive
from chalicelib.domain.notices import MAX_ATTEMPTS, exhausted
from chalicelib.domain.purchase import PurchaseStatus
from chalicelib.domain.write import Write
from chalicelib.usecases.sweeping import Swept
from tests.documents.samples import domestic
from tests.fakes.laws import assert_laws
from tests.fakes.outside import Work
from tests.fakes.payments import Behaviour
from tests.fakes.values import ORG, purchase
from tests.fakes.world import World
from tests.support.metering import Gateway

BOTH = ("acme", "bolt")


def saved(world: World, *saves: object) -> None:
    for each in saves:
        owner = getattr(each, "organization_id", ORG)
        world.ledger.commit(Write(organization_id=owner, at=world.now, saves=(each,)))  # type: ignore[arg-type]


def test_a_run_with_nothing_due_does_nothing() -> None:
    assert World().sweep() == Swept()


def test_every_purchase_that_is_due_is_counted_once() -> None:
    world = World()
    saved(world, purchase("pur_1"), purchase("pur_2"))
    world.advance(days=1)
    assert world.sweep() == Swept(purchases=2)
    assert {p.status for p in world.purchases.all()} == {PurchaseStatus.CANCELED}
    assert world.sweep() == Swept()


def test_a_purchase_that_its_card_refuses_fails_for_that_reason() -> None:
    world = World()
    card = world.customer(behaviour=Behaviour.DECLINES)
    world.payments.remove_card(card.payment_method_id)
    customer_id = world.customers.get(ORG).customer_id or ""
    saved(world, replace(purchase(), customer_id=customer_id, card=card))
    world.advance(minutes=6)
    assert world.sweep().failures == []
    (failed,) = world.purchases.all()
    assert failed.failure is not None


@pytest.mark.parametrize("organizations", [BOTH[:1], BOTH])
def test_every_account_that_may_be_due_is_hinted_at_once(organizations: tuple[str, ...]) -> None:
    world = World()
    for organization_id in organizations:
        gateway = Gateway(world=world, organization_id=organization_id)
        gateway.fund("5.00")
        world.customer(organization_id)
        world.order_top_ups(organization_id, threshold="10.00")
    world.queue.messages.clear()
    assert world.sweep().hints == len(organizations)
    hinted = [m.body["organization_id"] for m in world.queue.messages if m.work is Work.TOP_UP]
    assert hinted == list(organizations)


def test_every_invoice_without_its_files_is_asked_for_again_and_then_waited_for() -> None:
    world = World()
    for organization_id in BOTH:
        world.buy(organization_id, card=world.customer(organization_id))
    world.queue.messages.clear()
    world.advance(minutes=2)
    assert world.sweep().invoices == 2
    assert len([m for m in world.queue.messages if m.work is Work.INVOICE]) == 2
    assert world.sweep().invoices == 0, "not again before the job had its time"
    world.advance(minutes=2)
    assert world.sweep().invoices == 2


def test_every_archive_that_was_not_made_is_asked_for_again_and_then_waited_for() -> None:
    world = World()
    archives = [
        Archive.of(organization_id, "2026-11", [domestic()], now=world.now)
        for organization_id in BOTH
    ]
    saved(world, *archives)
    world.advance(hours=1)
    assert world.sweep() == Swept(archives=2)
    sent = [message.body for message in world.queue.messages]
    assert [body["organization_id"] for body in sent] == list(BOTH)
    assert world.sweep() == Swept(), "not again before the job had its time"


def test_every_hold_whose_time_is_over_is_counted() -> None:
    world = World()
    for organization_id in BOTH:
        gateway = Gateway(world=world, organization_id=organization_id)
        gateway.fund("5.00")
        gateway.place("1.00", seconds=10)
        gateway.place("1.00", seconds=10)
    world.advance(seconds=10)
    assert world.sweep() == Swept(holds=4)
    assert_laws(world)


def test_every_notice_is_passed_on_and_those_are_counted_that_are_given_up() -> None:
    world = World()
    notices = [
        exhausted(Account(organization_id=organization_id), fact="report#1", at=world.now)
        for organization_id in (*BOTH, "coda")
    ]
    saved(world, *(replace(notice, attempts=MAX_ATTEMPTS) for notice in notices))
    world.advance(days=1)
    world.events.failures = 1
    assert world.sweep() == Swept(notices=3, notices_given_up=1)
    assert len(world.events.published) == 2
    world.advance(days=1)
    assert world.sweep() == Swept()


def test_what_failed_is_told_and_keeps_nothing_else_waiting() -> None:
    world = World()
    saved(world, purchase("pur_1"), purchase("pur_2"))
    world.advance(days=1)
    world.payments.fail_next("payment_of")
    swept = world.sweep()
    assert [name for name, _ in swept.failures] == ["pur_1"]
    assert swept.purchases == 2
    assert sorted(p.status for p in world.purchases.all()) == [
        PurchaseStatus.CANCELED,
        PurchaseStatus.PENDING,
    ]
    assert world.sweep() == Swept(), "put off"
