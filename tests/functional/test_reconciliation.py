"""Comparing with the provider's books: what events would have done, and what none can."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import pytest

from chalicelib.domain.errors import BusyError, CreditsError
from chalicelib.domain.payment import PaymentStatus, PaymentsUnavailableError
from chalicelib.domain.purchase import Purchase, PurchaseStatus
from chalicelib.domain.reconciliation import Difference, Reconciliation
from chalicelib.domain.write import Write
from chalicelib.ports import Page
from tests.fakes.books import FakeBooks
from tests.fakes.laws import assert_laws
from tests.fakes.payments import Behaviour, Moment
from tests.fakes.ports import UseCases
from tests.fakes.repositories import FakePurchases
from tests.fakes.reversal_laws import assert_in_line
from tests.fakes.steps import LostAnswerError, Mishap, ProcessDiedError, Steps
from tests.fakes.store import Store
from tests.fakes.values import ORG, usd
from tests.fakes.world import World

WEEK = timedelta(days=7)


def _reconcile(world: World, app: UseCases | None = None) -> Reconciliation:
    return (app or world.app).reconciling.reconcile(window=WEEK, now=world.now)


def _bought(world: World | None = None, *, key: str = "key-1", amount: str = "50.00") -> World:
    world = world or World()
    world.buy(ORG, amount, card=world.customer(), key=key)
    world.deliver()
    return world


def _found(report: Reconciliation) -> list[tuple[Difference, bool]]:
    return [(finding.difference, finding.repaired) for finding in report.findings]


def _whose(report: Reconciliation) -> list[tuple[str | None, str | None]]:
    return [(finding.organization_id, finding.purchase_id) for finding in report.findings]


def _lost(world: World) -> None:
    """Every event is lost, and time goes by."""
    world.payments.forget_events()
    world.advance(hours=1)


def test_books_that_agree_leave_nothing_to_find_and_their_sums_match() -> None:
    world = World()
    for number in range(5):
        _bought(world, key=f"key-{number}", amount="20.00")
    world.refunds.refund_by_hand(world.payments.payments()[0].id, 500)
    world.deliver()
    world.advance(hours=1)
    report = _reconcile(world)
    assert _found(report) == []
    assert report.body() == {
        "since": "2026-11-16T11:00:00Z",
        "complete": True,
        "in_line": True,
        "payments": 5,
        "reversals": 1,
        "charged": "100.00",
        "credited": "100.00",
        "tax": "0.00",
        "sent_back": "5.00",
        "taken_back": "5.00",
        "findings": [],
    }


def test_a_payment_whose_every_event_was_lost_is_credited() -> None:
    world = World()
    card = world.customer()
    world.payments.fail_next("charge", Moment.AFTER)
    with pytest.raises(BusyError):
        world.buy(ORG, "50.00", card=card)
    _lost(world)
    report = _reconcile(world)
    assert _found(report) == [(Difference.NOT_CREDITED, True)]
    assert _whose(report) == [(ORG, world.purchases.all()[0].id)]
    assert report.in_line
    assert world.account().available_nanos == usd("50.00")
    assert _found(_reconcile(world)) == []
    world.deliver()
    assert_in_line(world)


def test_a_refund_and_a_dispute_nobody_heard_of_are_followed() -> None:
    world = _bought(_bought(), key="key-2")
    first, second = (payment.id for payment in world.payments.payments())
    world.refunds.refund_by_hand(first, 2000)
    world.refunds.open_dispute(second, 5000)
    _lost(world)
    report = _reconcile(world)
    assert _found(report) == [(Difference.NOT_FOLLOWED, True)] * 2
    assert world.account().available_nanos == usd("30.00")
    assert _found(_reconcile(world)) == []
    world.deliver()
    assert_in_line(world)


def test_a_refund_of_a_payment_of_long_ago_is_followed_too() -> None:
    world = _bought()
    world.advance(days=90)
    world.refunds.refund_by_hand(world.payments.payments()[0].id, 2000)
    _lost(world)
    report = _reconcile(world)
    assert report.payments == 0
    assert _found(report) == [(Difference.NOT_FOLLOWED, True)]
    assert world.account().available_nanos == usd("30.00")


def test_a_refund_that_failed_and_a_dispute_that_was_won_unheard_are_given_back() -> None:
    world = _bought(_bought(), key="key-2")
    first, second = (payment.id for payment in world.payments.payments())
    refund = world.refunds.refund_by_hand(first, 2000)
    dispute = world.refunds.open_dispute(second, 5000)
    world.deliver()
    world.advance(days=30)
    world.refunds.fail(refund.id)
    world.refunds.decide(dispute.id, won=True)
    _lost(world)
    report = _reconcile(world)
    assert _found(report) == [(Difference.NOT_FOLLOWED, True)] * 2
    assert world.account().available_nanos == usd("100.00")


def test_what_is_under_way_at_this_moment_is_no_difference() -> None:
    world = World()
    card = world.customer()
    world.payments.fail_next("charge", Moment.AFTER)
    with pytest.raises(BusyError):
        world.buy(ORG, "50.00", card=card)
    world.advance(minutes=5)
    assert _found(_reconcile(world)) == []
    assert world.account().available_nanos == 0


def test_what_was_given_up_here_is_made_sure_to_be_unpayable_there() -> None:
    world = World()
    world.buy(ORG, "50.00", card=world.customer(ORG, Behaviour.ASKS_CUSTOMER))
    (purchase,) = world.purchases.all()
    given_up = purchase.failed(None, payment_id=None, now=world.now)
    world.ledger.commit(Write(organization_id=ORG, at=world.now, saves=(given_up,)))
    _lost(world)
    report = _reconcile(world)
    assert _found(report) == [(Difference.STILL_PAYABLE, True)]
    assert _whose(report) == [(ORG, purchase.id)]
    (payment,) = world.payments.payments()
    world.payments.authenticate(payment.id)
    assert world.payments.payments()[0].status is PaymentStatus.CANCELED


def test_what_was_paid_after_it_was_given_up_is_credited() -> None:
    world = World()
    world.buy(ORG, "50.00", card=world.customer(ORG, Behaviour.ASKS_CUSTOMER))
    (purchase,) = world.purchases.all()
    given_up = purchase.failed(None, payment_id=None, now=world.now)
    world.ledger.commit(Write(organization_id=ORG, at=world.now, saves=(given_up,)))
    world.payments.authenticate(world.payments.payments()[0].id)
    _lost(world)
    assert _found(_reconcile(world)) == [(Difference.NOT_CREDITED, True)]
    assert world.purchases.all()[0].status is PurchaseStatus.SUCCEEDED


def test_payments_of_others_are_let_be() -> None:
    world = _bought()
    (payment,) = world.payments.payments()
    charged = world.payments._of(payment.id)
    charged.payment = replace(payment, organization_id=None, purchase_id=None)
    _lost(world)
    report = _reconcile(world)
    assert (report.payments, report.findings) == (0, [])


def test_what_no_event_can_repair_is_reported_and_left_alone() -> None:
    world = _bought()
    (payment,) = world.payments.payments()
    charged = world.payments._of(payment.id)
    before = dict(world.store.saved)
    _lost(world)
    for changes, difference, detail in (
        ({"purchase_id": "pur_unknown"}, Difference.UNKNOWN_PURCHASE, "pur_unknown"),
        ({"id": "pi_another"}, Difference.PAID_TWICE, ""),
        ({"amount_cents": 4999}, Difference.OTHER_AMOUNT, "4999 cents instead of 5000"),
        ({"status": PaymentStatus.CANCELED}, Difference.NOT_PAID, "canceled"),
    ):
        charged.payment = replace(payment, **changes)
        report = _reconcile(world)
        known = difference is not Difference.UNKNOWN_PURCHASE
        assert report.body()["findings"] == [
            {
                "difference": difference.value,
                "repaired": False,
                "payment_id": changes.get("id", payment.id),
                "organization_id": ORG if known else None,
                "purchase_id": payment.purchase_id if known else None,
                "detail": detail,
            }
        ]
        assert (report.charged_cents, report.credited_nanos) == (0, 0), "none of it is summed up"
        assert not report.in_line
        assert report.open == report.findings
    assert world.store.saved == before
    charged.payment = payment
    del world.store.entries[ORG, f"purchase#{payment.purchase_id}"]
    (finding,) = _reconcile(world).findings
    assert (finding.difference, finding.repaired) == (Difference.NO_ENTRY, False)
    assert (finding.organization_id, finding.purchase_id) == (ORG, payment.purchase_id)


def test_one_that_fails_does_not_keep_the_others_waiting() -> None:
    world = World()
    card = world.customer()
    for number in range(3):
        world.payments.fail_next("charge", Moment.AFTER)
        with suppress(BusyError):
            world.buy(ORG, "20.00", card=card, key=f"key-{number}")
    _lost(world)
    broken = replace(world.app.reconciling, purchases=_Failing(world.store))
    report = broken.reconcile(window=WEEK, now=world.now)
    assert [finding.difference for finding in report.open] == [Difference.FAILED]
    assert "out of order" in report.open[0].detail
    assert world.account().available_nanos == usd("40.00")
    assert _found(_reconcile(world)) == [(Difference.NOT_CREDITED, True)]


class _Failing(FakePurchases):
    """Purchases of which the second can't be read."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._calls = count()

    def get(self, organization_id: str, purchase_id: str) -> Purchase | None:
        if next(self._calls) == 1:
            raise OSError("out of order")
        return super().get(organization_id, purchase_id)


@pytest.mark.parametrize("mishap", Mishap)
def test_whatever_call_goes_wrong_the_next_run_ends_in_line(mishap: Mishap) -> None:
    for at in count():
        world = World()
        card = world.customer()
        world.payments.fail_next("charge", Moment.AFTER)
        with pytest.raises(BusyError):
            world.buy(ORG, "50.00", card=card)
        _bought(world, key="key-2")
        world.refunds.refund_by_hand(world.payments.payments()[1].id, 2000)
        _lost(world)
        steps = Steps(at=at, mishap=mishap)
        with suppress(ProcessDiedError, LostAnswerError, PaymentsUnavailableError, CreditsError):
            _reconcile(world, world.process(steps))
        assert_laws(world)
        if not steps.happened:
            break
        report = _reconcile(world)
        assert report.in_line
        world.run(minutes=5)
        assert world.account().available_nanos == usd("80.00")
        assert_in_line(world)
    assert at > 10, "the run makes calls"


def test_another_payment_of_a_purchase_that_was_not_made_is_no_difference() -> None:
    world = _bought()
    (payment,) = world.payments.payments()
    charged = world.payments._of(payment.id)
    charged.payment = replace(payment, id="pi_another", status=PaymentStatus.CANCELED)
    _lost(world)
    assert _found(_reconcile(world)) == []


def test_a_payment_that_ended_unheard_ends_its_purchase() -> None:
    world = World()
    world.buy(ORG, "50.00", card=world.customer(ORG, Behaviour.ASKS_CUSTOMER))
    (payment,) = world.payments.payments()
    world.payments.cancel(payment.id)
    _lost(world)
    report = _reconcile(world)
    (purchase,) = world.purchases.all()
    assert purchase.status is PurchaseStatus.CANCELED
    (finding,) = report.findings
    assert (finding.difference, finding.repaired) == (Difference.NOT_CONCLUDED, True)
    assert (finding.organization_id, finding.purchase_id) == (ORG, purchase.id)


def test_a_customer_who_is_still_asked_is_no_difference() -> None:
    world = World()
    world.buy(ORG, "50.00", card=world.customer(ORG, Behaviour.ASKS_CUSTOMER))
    _lost(world)
    assert _found(_reconcile(world)) == []
    (purchase,) = world.purchases.all()
    assert not purchase.final


def test_the_sums_are_of_all_payments_and_of_their_tax() -> None:
    world = _bought(_bought(), key="key-2")
    for number, payment in enumerate(world.payments.payments(), start=1):
        world.refunds.refund_by_hand(payment.id, 1000 * number)
        world.deliver()
        (purchase,) = (p for p in world.purchases.all() if p.payment_id == payment.id)
        taxed = replace(
            purchase, tax=replace(purchase.tax, amount_nanos=usd("5.00")), version=purchase.version
        )
        saved = replace(taxed, version=purchase.version + 1)
        world.ledger.commit(Write(organization_id=ORG, at=world.now, saves=(saved,)))
        charged = world.payments._of(payment.id)
        charged.payment = replace(charged.payment, amount_cents=5500)
    _lost(world)
    report = _reconcile(world)
    assert _found(report) == []
    assert report.in_line
    assert (report.charged_cents, report.tax_nanos) == (11_000, usd("10.00"))
    assert report.sent_back_cents == 3000
    assert report.taken_back_nanos == sum(p.taken_back_nanos for p in world.purchases.all())


def test_what_was_followed_says_whose_it_is_and_how_many_credits_it_took() -> None:
    world = _bought(_bought(), key="key-2")
    first, second = (payment.id for payment in world.payments.payments())
    world.refunds.refund_by_hand(first, 2000)
    world.deliver()
    world.advance(days=90)
    world.refunds.refund_by_hand(first, 500)
    world.refunds.open_dispute(second, 5000)
    _lost(world)
    report = _reconcile(world)
    assert (report.payments, report.reversals) == (0, 2)
    purchases = {purchase.payment_id: purchase.id for purchase in world.purchases.all()}
    assert [(f.organization_id, f.purchase_id, f.detail) for f in report.findings] == [
        (ORG, purchases[first], "5.00 USD of credits were taken back"),
        (ORG, purchases[second], "50.00 USD of credits were taken back"),
    ]


def test_a_list_without_end_is_read_as_far_as_one_run_goes_and_that_is_said() -> None:
    world = _bought()
    world.advance(hours=1)
    asked: list[str | None] = []

    class _Endless(FakeBooks):
        def refunded(self, since: datetime, until: datetime, after: str | None) -> Page[str]:
            asked.append(after)
            return Page(items=(), after=f"page {len(asked)}")

    reconciling = replace(world.app.reconciling, books=_Endless(world.payments, world.refunds))
    report = reconciling.reconcile(window=WEEK, now=world.now)
    assert not report.complete
    assert asked[:3] == [None, "page 1", "page 2"]


def test_a_reversal_of_a_payment_whose_purchase_nobody_knows_is_reported() -> None:
    world = _bought()
    (payment,) = world.payments.payments()
    world.advance(days=90)
    world.refunds.refund_by_hand(payment.id, 100)
    charged = world.payments._of(payment.id)
    charged.payment = replace(payment, purchase_id="pur_unknown")
    _lost(world)
    (finding,) = _reconcile(world).findings
    assert (finding.difference, finding.detail) == (Difference.UNKNOWN_PURCHASE, "pur_unknown")


def test_a_failure_is_reported_by_its_kind_and_its_words() -> None:
    world = _bought()
    world.advance(hours=1)

    class _Broken(FakePurchases):
        def get(self, organization_id: str, purchase_id: str) -> Purchase | None:
            raise KeyError(purchase_id)

    reconciling = replace(world.app.reconciling, purchases=_Broken(world.store))
    (finding,) = reconciling.reconcile(window=WEEK, now=world.now).findings
    (purchase,) = world.purchases.all()
    assert finding.difference is Difference.FAILED
    assert finding.detail == f"KeyError: '{purchase.id}'"
