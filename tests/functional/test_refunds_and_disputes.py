"""Credits follow the money that goes back to cards."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

import pytest

from chalicelib.domain.billing import BillingDetails
from chalicelib.domain.errors import BusyError
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.notices import NoticeKind
from chalicelib.domain.reversal import FollowedReversal, Reversal, ReversalKind
from chalicelib.domain.tax import Tax
from chalicelib.domain.topup import Decision, TopUpStatus
from chalicelib.domain.write import Outcome, Stale, Write
from tests.fakes.laws import assert_laws
from tests.fakes.payments import Behaviour, Moment
from tests.fakes.ports import wire
from tests.fakes.refunds import FakeRefunds
from tests.fakes.repositories import FakeLedger
from tests.fakes.reversal_laws import assert_in_line
from tests.fakes.steps import Steps
from tests.fakes.values import ORG, usd
from tests.fakes.world import World
from tests.support.metering import Gateway


def _bought(amount: str = "50.00") -> tuple[World, str]:
    world = World()
    world.buy(ORG, amount, card=world.customer())
    world.deliver()
    return world, world.payments.payments()[0].id


def _available(world: World) -> int:
    return world.account().available_nanos


def test_a_refund_takes_its_credits_once_however_often_it_is_told() -> None:
    world, payment = _bought()
    world.refunds.refund_by_hand(payment, 2000)
    world.payments.events *= 3
    world.deliver()
    assert _available(world) == usd("30.00")
    (purchase,) = world.purchases.all()
    assert purchase.refunded_nanos == usd("20.00")
    assert_in_line(world)


def test_refunds_in_parts_take_it_all_and_no_more() -> None:
    world, payment = _bought()
    for cents in (1, 1999, 3000):
        world.refunds.refund_by_hand(payment, cents)
        world.deliver()
    assert _available(world) == 0
    assert_in_line(world)


def test_a_refund_that_is_heard_of_before_its_payment_is_credited_first() -> None:
    world = World()
    card = world.customer()
    world.payments.fail_next("charge", Moment.AFTER)
    with pytest.raises(BusyError, match="didn't answer"):
        world.buy(ORG, "50.00", card=card)
    (payment,) = world.payments.payments()
    world.payments.forget_events()
    world.refunds.refund_by_hand(payment.id, 2000)
    world.deliver()
    assert _available(world) == usd("30.00")
    assert_in_line(world)


def test_a_refund_has_a_credit_note_with_the_next_number_and_its_files() -> None:
    world, payment = _bought()
    world.refunds.refund_by_hand(payment, 2000)
    world.deliver()
    invoice, credit_note = (issued.invoice for issued in world.invoices.all())
    assert credit_note.number == "2026-000002"
    assert credit_note.corrects_number == invoice.number
    assert credit_note.total_nanos == usd("20.00")
    assert f"invoices/{ORG}/2026-000002.pdf" in world.documents.files
    (told,) = [n for n in world.events.published if n.kind is NoticeKind.REFUND_CREATED]
    assert told.data["credit_note_number"] == "2026-000002"


def test_a_refund_that_fails_gives_the_credits_back_and_bills_them_again() -> None:
    world, payment = _bought()
    refund = world.refunds.refund_by_hand(payment, 2000)
    world.deliver()
    world.refunds.fail(refund.id)
    world.deliver()
    assert _available(world) == usd("50.00")
    assert [i.invoice.is_credit_note for i in world.invoices.all()] == [False, True, False]
    kinds = [e.kind for e in world.store.entries.values()]
    assert kinds == [EntryKind.PURCHASE, EntryKind.REFUND, EntryKind.REFUND_REVERSAL]
    assert_in_line(world)


def test_a_refund_that_failed_before_it_was_heard_of_changes_nothing() -> None:
    world, payment = _bought()
    world.refunds.fail(world.refunds.refund_by_hand(payment, 2000).id)
    world.deliver()
    assert _available(world) == usd("50.00")
    assert len(world.store.entries) == 1
    assert_in_line(world)


def test_a_dispute_takes_the_disputed_amount_and_a_won_one_gives_it_back() -> None:
    world, payment = _bought()
    dispute = world.refunds.open_dispute(payment, 5000)
    world.deliver()
    assert _available(world) == 0
    world.refunds.decide(dispute.id, won=True)
    world.deliver()
    assert _available(world) == usd("50.00")
    keys = [key for _, key in world.store.entries if key.startswith("dispute#")]
    assert keys == ["dispute#du_1", "dispute#du_1#2"]
    assert_in_line(world)


def test_a_lost_dispute_takes_nothing_further() -> None:
    world, payment = _bought()
    dispute = world.refunds.open_dispute(payment, 3000)
    world.deliver()
    world.refunds.decide(dispute.id, won=False)
    world.deliver()
    assert _available(world) == usd("20.00")
    assert_in_line(world)


def test_an_inquiry_takes_nothing_until_it_becomes_a_dispute() -> None:
    world, payment = _bought()
    inquiry = world.refunds.open_dispute(payment, 5000, inquiry=True)
    world.deliver()
    assert _available(world) == usd("50.00")
    world.refunds.escalate(inquiry.id)
    world.deliver()
    assert _available(world) == 0
    assert_in_line(world)


def test_a_refund_before_a_dispute_of_it_all_is_netted_and_stays_when_that_is_won() -> None:
    world, payment = _bought()
    world.refunds.refund_by_hand(payment, 2000)
    world.deliver()
    dispute = world.refunds.open_dispute(payment, 5000)
    world.deliver()
    assert _available(world) == 0, "20 refunded and 50 disputed are 50, the purchase's credits"
    world.refunds.decide(dispute.id, won=True)
    world.deliver()
    assert _available(world) == usd("30.00")
    assert_in_line(world)


def test_what_is_spent_is_taken_below_zero_and_the_entry_says_so() -> None:
    world, payment = _bought()
    world.deduct(ORG, "45.00", key="spent")
    world.refunds.open_dispute(payment, 5000)
    world.deliver()
    assert _available(world) == usd("-45.00")
    entry = world.ledger.entry(ORG, "dispute#du_1")
    assert entry is not None
    assert entry.overdrawn
    assert entry.details["reason"] == "fraudulent"
    told = {notice.kind for notice in world.events.published}
    assert {NoticeKind.DISPUTE_OPENED, NoticeKind.EXHAUSTED} <= told
    assert_in_line(world)


def test_what_is_covered_is_not_called_overdrawn() -> None:
    world, payment = _bought()
    world.refunds.open_dispute(payment, 5000)
    world.deliver()
    entry = world.ledger.entry(ORG, "dispute#du_1")
    assert entry is not None
    assert not entry.overdrawn


def test_a_dispute_pauses_auto_top_up_until_a_person_acts() -> None:
    world, payment = _bought()
    world.order_top_ups(ORG, threshold="10.00", amount="25.00")
    world.refunds.open_dispute(payment, 5000)
    world.deliver()
    top_up = world.top_ups.get(ORG)
    assert top_up.status is TopUpStatus.PAUSED
    assert world.app.topping_up.consider(ORG, now=world.now) is Decision.PAUSED
    assert len(world.payments.payments()) == 1
    (told,) = [n for n in world.events.published if n.kind is NoticeKind.TOP_UP_PAUSED]
    assert told.data["failure"] == {
        "code": "payment_disputed",
        "decline_code": None,
        "message": "A payment of yours was disputed, so no card is charged automatically any more.",
    }
    world.order_top_ups(ORG, threshold="10.00", amount="25.00")
    world.deliver()
    assert len(world.payments.payments()) == 2
    assert_in_line(world)


def test_a_dispute_while_a_top_up_is_open_pauses_what_comes_after_it() -> None:
    world, payment = _bought("20.00")
    card = world.customer()
    world.app.buyers.set_default_card(ORG, card.payment_method_id, now=world.now)
    world.payments.change_card(card, Behaviour.TAKES_TIME)
    world.order_top_ups(ORG, threshold="10.00", amount="25.00")
    world.deduct(ORG, "15.00", key="spent")
    world.deliver()
    world.refunds.open_dispute(payment, 2000)
    world.deliver()
    (open_payment,) = [p for p in world.payments.payments() if p.id != payment]
    world.payments.finish(open_payment.id)
    world.deliver()
    assert world.top_ups.get(ORG).status is TopUpStatus.PAUSED
    assert _available(world) == usd("10.00")
    assert_in_line(world)


def test_an_old_answer_never_undoes_what_a_newer_one_has_done() -> None:
    """One process asks, another follows the won dispute, then the first comes to write."""
    world, payment = _bought()
    dispute = world.refunds.open_dispute(payment, 5000)

    as_first_read, as_first_told = world.purchases.all()[0], world.refunds.of_payment(payment)
    world.deliver()
    world.refunds.decide(dispute.id, won=True)
    world.deliver()

    class SlowRefunds(FakeRefunds):
        told: ClassVar = [as_first_told]

        def of_payment(self, payment_id: str) -> Sequence[Reversal]:
            return self.told.pop() if self.told else world.refunds.of_payment(payment_id)

    slow = replace(world.app.reversing, refunds=SlowRefunds(world.payments))
    slow.follow(as_first_read, now=world.now)
    assert _available(world) == usd("50.00")
    assert_in_line(world)


@pytest.mark.parametrize("seed", range(200))
def test_a_recorded_sequence_ends_the_same_in_any_order_with_duplicates(seed: int) -> None:
    chance = random.Random(seed)
    world, payment = _bought("100.00")
    world.deduct(ORG, "70.00", key="spent")
    failing = world.refunds.refund_by_hand(payment, 1000)
    world.refunds.refund_by_hand(payment, 2500)
    won = world.refunds.open_dispute(payment, 4000)
    world.refunds.decide(won.id, won=True)
    world.refunds.fail(failing.id)
    lost = world.refunds.open_dispute(payment, 7500)
    world.refunds.decide(lost.id, won=False)
    recorded = [event for event in world.payments.events for _ in range(chance.randint(1, 3))]
    chance.shuffle(recorded)
    world.payments.forget_events()
    for event in recorded:
        world.app.receiving.receive(event, now=world.now)
        assert_laws(world)
    world.deliver()
    assert _available(world) == usd("-70.00")
    assert set(world.store.entries) == {
        (ORG, f"purchase#{world.purchases.all()[0].id}"),
        (ORG, "deduction#spent"),
        (ORG, "refund#re_2"),
        (ORG, "dispute#du_4"),
    }
    assert_in_line(world)


@pytest.mark.parametrize("seed", range(50))
def test_whatever_is_heard_of_when_the_end_is_the_same(seed: int) -> None:
    """The provider moves on while events wait, so steps are met in different states."""
    chance = random.Random(seed)
    world, payment = _bought("100.00")
    dispute = world.refunds.open_dispute(payment, 6000)

    def maybe_deliver() -> None:
        if chance.random() < 0.5:
            chance.shuffle(world.payments.events)
            world.deliver()
            assert_laws(world)

    maybe_deliver()
    world.refunds.decide(dispute.id, won=True)
    maybe_deliver()
    failing = world.refunds.refund_by_hand(payment, 3000)
    maybe_deliver()
    world.refunds.fail(failing.id)
    maybe_deliver()
    world.refunds.refund_by_hand(payment, 3333)
    maybe_deliver()
    world.refunds.open_dispute(payment, 10000)
    world.deliver()
    assert _available(world) == 0
    assert_in_line(world)


def test_the_ledger_says_what_went_back_why_and_by_which_document() -> None:
    world, payment = _bought()
    world.refunds.refund_by_hand(payment, 2000)
    world.deliver()
    dispute = world.refunds.open_dispute(payment, 1000)
    world.deliver()
    (purchase,) = world.purchases.all()
    (refund, disputed) = (
        each for each in world.store.entries.values() if each.kind in {"refund", "dispute"}
    )
    (followed, _) = purchase.reversals.followed
    assert followed.document_number is not None
    assert refund.details == {
        "purchase_id": purchase.id,
        "refund_id": followed.id,
        "amount": "20.00",
        "reason": world.refunds.all()[0].reason,
        "document_number": followed.document_number,
    }
    assert disputed.details == {
        "purchase_id": purchase.id,
        "dispute_id": dispute.id,
        "amount": "10.00",
        "reason": dispute.reason,
    }


def test_a_dispute_stops_no_top_ups_that_nobody_has_ordered() -> None:
    world, payment = _bought()
    world.refunds.open_dispute(payment, 5000)
    world.deliver()
    assert world.top_ups.get(ORG).status is TopUpStatus.IDLE
    assert not world.top_ups.get(ORG).paused
    assert NoticeKind.TOP_UP_PAUSED not in [n.kind for n in world.events.published]


def test_a_second_dispute_says_no_second_time_that_top_ups_are_paused() -> None:
    world, payment = _bought()
    world.order_top_ups(ORG, threshold="10.00", amount="25.00")
    for _ in range(2):
        world.refunds.open_dispute(payment, 1000)
        world.deliver()
    paused = [n for n in world.events.published if n.kind is NoticeKind.TOP_UP_PAUSED]
    (purchase,) = world.purchases.all()
    assert [n.data["purchase_id"] for n in paused] == [purchase.id]


def test_what_a_refund_takes_marks_the_account_and_what_it_gives_back_does_not() -> None:
    world, payment = _bought()
    world.order_top_ups(ORG, threshold="45.00", amount="25.00")
    top_up = world.top_ups.get(ORG)
    row = world.store.accounts[ORG]
    row.account = replace(row.account, low_since=None)
    refund = world.refunds.refund_by_hand(payment, 2000)
    reversing = world.app.reversing
    follow = reversing.follow(world.purchases.all()[0], now=world.now)
    assert top_up.enabled
    assert world.account().low_since == world.now
    world.run(hours=1)
    assert world.account().low_since is None
    world.refunds.fail(refund.id)
    assert reversing.follow(follow, now=world.now).refunded_nanos == 0
    assert world.account().low_since is None
    world.deliver()
    assert_in_line(world)


@pytest.mark.parametrize(
    ("turns", "in_force", "key"),
    [
        (1, True, "refund#re_1"),
        (2, False, "refund#re_1#2"),
        (3, True, "refund#re_1#3"),
        (4, False, "refund#re_1#4"),
    ],
)
def test_every_turn_of_a_reversal_has_an_entry_of_its_own(
    turns: int, key: str, *, in_force: bool
) -> None:
    followed = FollowedReversal(id="re_1", kind=ReversalKind.REFUND, amount_cents=1, turns=turns)
    assert (followed.in_force, followed.key) == (in_force, key)


@dataclass(frozen=True, slots=True)
class _Fifth:
    """The Taxes port: a fifth on top."""

    def quote(self, amount_nanos: int, buyer: BillingDetails) -> Tax:
        """See the port."""
        return Tax(amount_nanos=amount_nanos // 5, rate_percent="20", calculation_id="taxcalc_1")


def test_the_credit_notes_of_a_taxed_purchase_share_its_tax_and_say_why() -> None:
    world = World()
    app = wire(replace(world.ports, taxes=_Fifth()))
    world.buy(ORG, "50.00", card=world.customer(), app=app)
    world.deliver()
    (payment,) = world.payments.payments()
    for _ in range(3):
        refund = world.refunds.refund_by_hand(payment.id, 33)
        world.refunds._change(refund.id, reason=f"reason of {refund.id}")
        world.deliver()
    notes = [
        issued.invoice
        for issued in world.invoices.issued(
            ORG, since=world.now - timedelta(days=1), until=world.now + timedelta(days=1)
        )
        if issued.invoice.is_credit_note
    ]
    # A sixth of 33, 66 and 99 cents, each rounded half up: the notes are the steps between them.
    assert [note.tax_nanos for note in notes] == [usd("0.06"), usd("0.05"), usd("0.06")]
    assert [note.reason for note in notes] == [f"reason of {n.transaction_id}" for n in notes]


def test_what_is_followed_a_second_time_writes_nothing() -> None:
    world, payment = _bought()
    world.refunds.refund_by_hand(payment, 1000)
    world.deliver()
    steps = Steps()
    (purchase,) = world.purchases.all()
    world.process(steps).reversing.follow(purchase, now=world.now)
    assert "ledger.commit" not in steps.calls


def _entry(world: World, kind: EntryKind) -> Entry:
    (found,) = (entry for entry in world.store.entries.values() if entry.kind is kind)
    return found


def test_what_takes_nothing_or_gives_back_is_not_called_overdrawn_in_a_debt() -> None:
    world, payment = _bought()
    refund = world.refunds.refund_by_hand(payment, 5000)
    world.deliver()
    Gateway(world=world).fund("-60.00")
    row = world.store.accounts[ORG]
    row.account = replace(row.account, low_since=None)
    world.refunds.open_dispute(payment, 5000)
    world.deliver()
    netted = _entry(world, EntryKind.DISPUTE)
    assert (netted.amount_nanos, netted.overdrawn) == (0, False)
    assert world.account().low_since is None, "nothing was taken that could make a top-up due"
    for dispute in world.refunds.all():
        if dispute.kind is ReversalKind.DISPUTE:
            world.refunds.decide(dispute.id, won=True)
    world.refunds.fail(refund.id)
    world.deliver()
    returned = _entry(world, EntryKind.REFUND_REVERSAL)
    assert (returned.amount_nanos, returned.overdrawn) == (usd("50.00"), False)
    assert world.account().available_nanos == usd("-10.00")
    assert_in_line(world)


def test_a_dispute_without_a_reason_is_a_general_one() -> None:
    world, payment = _bought()
    dispute = world.refunds.open_dispute(payment, 5000)
    world.refunds._change(dispute.id, reason=None)
    world.deliver()
    (told,) = [n for n in world.events.published if n.kind is NoticeKind.DISPUTE_OPENED]
    assert told.data["reason"] == "general"


def test_who_was_overtaken_asks_the_provider_again() -> None:
    world, payment = _bought()
    world.refunds.refund_by_hand(payment, 1000)
    overtaken = _Overtaken(world.store)
    reversing = replace(world.app.reversing, ledger=overtaken)
    (purchase,) = world.purchases.all()
    after = reversing.follow(purchase, now=world.now)
    assert overtaken.times == 0
    assert after.refunded_nanos == usd("10.00")
    assert world.purchases.all() == [after]


class _Overtaken(FakeLedger):
    """The Ledger port of one whom somebody is faster than, once."""

    times = 1

    def commit(self, write: Write) -> Outcome:
        """See the port."""
        if self.times:
            self.times -= 1
            return Stale()
        return super().commit(write)
