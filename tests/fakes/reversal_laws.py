"""What must hold of refunds and disputes, as assertions about a world."""

from __future__ import annotations

from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.money import cents_to_nanos
from chalicelib.domain.payment import PaymentStatus
from chalicelib.domain.purchase import Purchase
from chalicelib.domain.reversal import ReversalKind
from tests.fakes.laws import assert_settled
from tests.fakes.world import World

_TAKEN = {
    EntryKind.REFUND,
    EntryKind.REFUND_REVERSAL,
    EntryKind.DISPUTE,
    EntryKind.DISPUTE_REVERSAL,
}


def assert_in_line(world: World) -> None:
    """Charged is credited and sent back, to the cent, once nothing is left undone."""
    assert_settled(world)
    for purchase in world.purchases.all():
        payment_id = purchase.payment_id
        if (
            payment_id is None
            or world.payments.of(payment_id).status is not PaymentStatus.SUCCEEDED
        ):
            continue
        truth = world.refunds.of_payment(payment_id)
        assert purchase.reversals.next_change(truth) is None, "a reversal that wasn't followed"
        sent_back = dict.fromkeys(ReversalKind, 0)
        for reversal in truth:
            sent_back[reversal.kind] += reversal.amount_cents if reversal.in_force else 0
        taken_cents = min(purchase.charge_cents, sum(sent_back.values()))
        taken_nanos = -sum(entry.amount_nanos for entry in entries_of(world, purchase))
        assert taken_nanos == purchase.taken_back_nanos
        if not purchase.tax.amount_nanos:
            assert taken_nanos == cents_to_nanos(taken_cents)
        assert_documents_of(world, purchase, refunded_cents=sent_back[ReversalKind.REFUND])


def assert_documents_of(world: World, purchase: Purchase, *, refunded_cents: int) -> None:
    """Invoices less credit notes are what was charged less what was refunded."""
    own = [i.invoice for i in world.invoices.all() if i.invoice.purchase_id == purchase.id]
    billed = sum(-i.total_nanos if i.is_credit_note else i.total_nanos for i in own)
    assert billed == cents_to_nanos(purchase.charge_cents - refunded_cents)


def entries_of(world: World, purchase: Purchase) -> list[Entry]:
    """The entries by which the purchase lost credits, or got them back."""
    return [
        entry
        for entry in world.store.entries.values()
        if entry.kind in _TAKEN and entry.details["purchase_id"] == purchase.id
    ]
