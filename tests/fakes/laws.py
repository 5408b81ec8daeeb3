"""The laws of the design, as assertions about a world."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import cast

from chalicelib.domain.ledger import Entry, EntryKind, purchase_key
from chalicelib.domain.money import cents_to_nanos
from chalicelib.domain.numbering import IssuedInvoice
from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.purchase import Purchase, PurchaseStatus, PurchaseType
from chalicelib.domain.topup import Decision, TopUp, month_of
from tests.fakes.world import World

_CREDITS = {EntryKind.PURCHASE, EntryKind.AUTO_TOP_UP}


def assert_laws(world: World) -> None:
    """What must hold at every moment, whatever has happened and whoever is dead."""
    assert_named(world)
    assert_conservation(world)
    assert_holds(world)
    assert_no_credit_without_payment(world)
    assert_one_slot(world)
    assert_numbers(world)
    assert_documents(world)


def assert_settled(world: World) -> None:
    """What must hold once redelivery and the sweep have finished: nothing is left undone."""
    assert_laws(world)
    assert not world.queue.dead, f"given up: {world.queue.dead}"
    paid = {p.purchase_id for p in world.payments.payments() if p.status is PaymentStatus.SUCCEEDED}
    credited = {purchase.id for purchase in _purchases(world) if _credits(world, purchase)}
    assert paid == credited, "a payment without its credit"
    for issued in _invoices(world):
        assert issued.rendered, f"{issued.invoice.number} was never stored"
    assert not [p for p in _purchases(world) if p.status is PurchaseStatus.PENDING]
    assert_nobody_is_forgotten(world)


def assert_nobody_is_forgotten(world: World) -> None:
    """Whoever is below their threshold is being charged, or somebody will look again, or a person
    must act and was told why.
    """
    for top_up in _top_ups(world):
        account = world.account(top_up.organization_id)
        decision = top_up.decide(account, now=world.now)
        assert decision is not Decision.CHARGE, "due, and nobody charges"
        if decision in {Decision.WAIT, Decision.LIMIT_REACHED}:
            assert top_up.check_at is not None, "nobody comes back"
        if decision is Decision.PAUSED:
            assert top_up.last_failure is not None, "paused for no reason"


def assert_named(world: World) -> None:
    """An id says what it is of."""
    assert all(entry.id.startswith("ent_") for entry in world.store.entries.values())
    assert all(hold.id.startswith("hold_") for hold in world.holds.all())
    assert all(purchase.id.startswith("pur_") for purchase in _purchases(world))


def assert_conservation(world: World) -> None:
    """Law 1, and that what is stored twice agrees."""
    entries = list(world.store.entries.values())
    for organization_id, row in world.store.accounts.items():
        own = [entry for entry in entries if entry.organization_id == organization_id]
        account = row.account
        assert sum(e.amount_nanos for e in own) == account.available_nanos + account.held_nanos
        assert sum(e.held_nanos for e in own) == account.held_nanos
        assert account.held_nanos >= 0
        assert row.headroom_nanos == account.available_nanos - account.floor_nanos
    moved = {entry.organization_id for entry in entries if entry.amount_nanos or entry.held_nanos}
    assert moved <= world.store.accounts.keys(), "an entry without its account"


def assert_holds(world: World) -> None:
    """Law 1's other half: what is held is what the open holds have left."""
    for organization_id, row in world.store.accounts.items():
        own = [hold for hold in world.holds.all() if hold.organization_id == organization_id]
        assert sum(hold.remaining_nanos for hold in own) == row.account.held_nanos
        for hold in own:
            assert 0 <= hold.remaining_nanos <= hold.amount_nanos
            assert hold.is_open or hold.remaining_nanos == 0, "an ended hold holds"


def assert_no_credit_without_payment(world: World) -> None:
    """Law 3, but for what is still under way."""
    payments = Counter(
        payment.purchase_id
        for payment in world.payments.payments()
        if payment.status is PaymentStatus.SUCCEEDED
    )
    assert all(times == 1 for times in payments.values()), "paid twice"
    by_purchase = {payment.purchase_id: payment for payment in world.payments.payments()}
    for purchase in _purchases(world):
        credited = _credits(world, purchase)
        assert len(credited) == (1 if purchase.status is PurchaseStatus.SUCCEEDED else 0)
        for entry in credited:
            payment = by_purchase[purchase.id]
            assert payment.status is PaymentStatus.SUCCEEDED, "a credit without its payment"
            charged_nanos = cents_to_nanos(payment.amount_cents)
            assert entry.amount_nanos == purchase.amount_nanos
            assert charged_nanos == purchase.charge_nanos
    keys = {purchase_key(purchase.id) for purchase in _purchases(world)}
    credit_keys = {e.key for e in world.store.entries.values() if e.kind in _CREDITS}
    assert credit_keys <= keys, "a credit without its purchase"


def assert_one_slot(world: World) -> None:
    """Law 4, but for the limit, which may have been another when something was charged."""
    automatic = [p for p in _purchases(world) if p.type is PurchaseType.AUTO_TOP_UP]
    for top_up in _top_ups(world):
        own = [p for p in automatic if p.organization_id == top_up.organization_id]
        still_open = [p.id for p in own if not p.final]
        taken = [top_up.open_purchase_id] if top_up.open_purchase_id else []
        assert still_open == taken, "the slot doesn't hold what is open"
        claimed = sum(
            p.amount_nanos
            for p in own
            if month_of(p.created_at) == top_up.month
            and (p.status is PurchaseStatus.SUCCEEDED or not p.final)
        )
        assert top_up.month_spent_nanos == claimed, "the month's sum is not what was claimed"


def assert_limit(world: World, organization_id: str, limit_nanos: int) -> None:
    """Law 4's guarantee, where the limit was never higher."""
    by_month: Counter[str] = Counter()
    for purchase in _purchases(world):
        automatic = purchase.type is PurchaseType.AUTO_TOP_UP
        kept = purchase.status not in {PurchaseStatus.FAILED, PurchaseStatus.CANCELED}
        if purchase.organization_id == organization_id and automatic and kept:
            by_month[month_of(purchase.created_at)] += purchase.amount_nanos
    assert all(spent <= limit_nanos for spent in by_month.values()), by_month


def assert_numbers(world: World) -> None:
    """Law 7: from 1 without a gap, one each, to paid purchases only."""
    numbers = Counter(issued.invoice.number for issued in _invoices(world))
    assert all(times == 1 for times in numbers.values()), "a number was given twice"
    by_year: dict[str, list[int]] = {}
    for number in sorted(numbers):
        year, _, serial = number.partition("-")
        by_year.setdefault(year, []).append(int(serial))
    for year, serials in by_year.items():
        assert serials == list(range(1, len(serials) + 1)), f"a gap in {year}"
        assert world.invoices.sequence(int(year)).last == len(serials)
    carried = Counter(p.invoice_number for p in _purchases(world) if p.invoice_number)
    assert set(carried) <= set(numbers)
    assert all(times == 1 for times in carried.values())


def assert_documents(world: World) -> None:
    """What is stored is what was rendered for its number, for ever."""
    renderer = world.ports.renderer
    for issued in _invoices(world):
        invoice = issued.invoice
        name = f"invoices/{invoice.organization_id}/{invoice.number}.pdf"
        stored = world.documents.files.get(name)
        assert stored or not issued.rendered, f"{name} is said to be stored"
        assert stored is None or stored.content == renderer.render_pdf(invoice)


def _purchases(world: World) -> list[Purchase]:
    return world.purchases.all()


def _invoices(world: World) -> list[IssuedInvoice]:
    return world.invoices.all()


def _top_ups(world: World) -> Iterable[TopUp]:
    return cast("Iterable[TopUp]", world.store.values("TopUp"))


def _credits(world: World, purchase: Purchase) -> list[Entry]:
    entry = world.ledger.entry(purchase.organization_id, purchase_key(purchase.id))
    return [] if entry is None else [entry]
