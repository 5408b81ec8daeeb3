"""Accounts and purchases as values: what each state means, and every move between states."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.account import Account, AccountStatus, Standing
from chalicelib.domain.errors import BusyError
from chalicelib.domain.ledger import EntryKind
from chalicelib.domain.numbering import InvoiceSequence, invoice_year
from chalicelib.domain.payment import Payment, PaymentRefusedError, PaymentStatus
from chalicelib.domain.purchase import Purchase, PurchaseStatus, PurchaseType
from chalicelib.domain.purchase_day import PurchaseDay
from chalicelib.domain.reversal import FollowedReversal, ReversalKind
from chalicelib.domain.tax import NO_TAX, Tax
from chalicelib.domain.write import Cover, FloorChange, StandingChange, Write
from tests.fakes.values import NOW, ORG, billing_details, card, entry, failure, purchase, usd

PAID = Payment(id="pi_1", status=PaymentStatus.SUCCEEDED, amount_cents=5000)
NUMBER = "2026-000001"


@pytest.mark.parametrize(
    ("available", "suspended", "status"),
    [
        ("0.000000001", False, AccountStatus.ACTIVE),
        ("0.00", False, AccountStatus.EXHAUSTED),
        ("-0.000000001", False, AccountStatus.EXHAUSTED),
        ("100.00", True, AccountStatus.SUSPENDED),
        ("0.00", True, AccountStatus.SUSPENDED),
    ],
)
def test_an_account_is_exhausted_from_exactly_zero_on(
    available: str, *, suspended: bool, status: AccountStatus
) -> None:
    account = Account(organization_id="a", available_nanos=usd(available), suspended=suspended)
    assert account.status is status


@pytest.mark.parametrize(
    ("available", "floor", "tops_up", "needs"),
    [
        ("10.00", "10.00", True, False),
        ("9.999999999", "10.00", True, True),
        ("9.00", "10.00", False, False),
        ("-0.000000001", "0.00", True, True),
        ("0.00", "0.00", True, False),
    ],
)
def test_an_account_needs_a_top_up_below_its_threshold_alone(
    available: str, floor: str, *, tops_up: bool, needs: bool
) -> None:
    account = Account(
        organization_id="a",
        available_nanos=usd(available),
        floor_nanos=usd(floor),
        tops_up=tops_up,
    )
    assert account.needs_top_up is needs
    assert account.headroom_nanos == usd(available) - usd(floor)


def payment(status: PaymentStatus) -> Payment:
    return Payment(id="pi_1", status=status, amount_cents=5000)


PENDING = purchase()
WAITING = PENDING.awaiting(payment(PaymentStatus.REQUIRES_ACTION), now=NOW)
PROCESSING = PENDING.awaiting(payment(PaymentStatus.PROCESSING), now=NOW)
SUCCEEDED = PENDING.succeeded(PAID, invoice_number=NUMBER, now=NOW)
FAILED = PENDING.failed(failure(), payment_id="pi_1", now=NOW)
CANCELED = PENDING.failed(None, payment_id=None, now=NOW)
STATES = [PENDING, WAITING, PROCESSING, SUCCEEDED, FAILED, CANCELED]
OPEN = [PENDING, WAITING, PROCESSING]


def test_the_states_are_what_they_are_called() -> None:
    assert [state.status for state in STATES] == [
        PurchaseStatus.PENDING,
        PurchaseStatus.REQUIRES_ACTION,
        PurchaseStatus.PROCESSING,
        PurchaseStatus.SUCCEEDED,
        PurchaseStatus.FAILED,
        PurchaseStatus.CANCELED,
    ]
    assert {state.status for state in STATES} == set(PurchaseStatus)
    assert [state.final for state in STATES] == [False, False, False, True, True, True]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.status.value)
def test_what_is_final_is_not_looked_after_and_what_is_not_is(state: object) -> None:
    assert (state.check_at is None) == state.final  # type: ignore[attr-defined]
    assert (state.completed_at is None) == (not state.final)  # type: ignore[attr-defined]


@pytest.mark.parametrize("state", [*OPEN, FAILED, CANCELED], ids=lambda state: state.status.value)
def test_whatever_was_paid_is_credited_even_if_it_was_given_up(state: object) -> None:
    paid = state.succeeded(PAID, invoice_number=NUMBER, now=NOW)  # type: ignore[attr-defined]
    assert paid.status is PurchaseStatus.SUCCEEDED
    assert (paid.payment_id, paid.invoice_number, paid.failure) == ("pi_1", NUMBER, None)
    assert paid.version == state.version + 1  # type: ignore[attr-defined]


def test_what_ends_keeps_its_time_and_is_looked_after_no_more() -> None:
    later = NOW + timedelta(minutes=3)
    for ended in (
        WAITING.succeeded(PAID, invoice_number=NUMBER, now=later),
        WAITING.failed(failure(), payment_id="pi_1", now=later),
    ):
        assert (ended.completed_at, ended.check_at) == (later, None)
        assert ended.payment_id == "pi_1"


def test_what_waits_is_asked_about_again() -> None:
    later = NOW + timedelta(minutes=3)
    waiting = PENDING.awaiting(payment(PaymentStatus.PROCESSING), now=later)
    assert waiting.check_at == waiting.next_check(later) > later
    in_vain = waiting.checked(NOW + timedelta(hours=20))
    assert in_vain.check_at == NOW + timedelta(hours=22), "a tenth of its age"
    assert in_vain.version == waiting.version + 1


def test_a_purchase_begins_as_ordered_and_is_soon_looked_after() -> None:
    begun = purchase()
    assert (begun.created_by, begun.tax) == ("ada", NO_TAX)
    assert begun.check_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("sent_back_cents", "left_cents", "without_tax"),
    [(0, 5950, "0.00"), (1190, 4760, "10.00"), (5950, 0, "50.00"), (9999, 0, "50.00")],
)
def test_the_tax_goes_back_with_the_credits_and_neither_more_than_once(
    sent_back_cents: int, left_cents: int, without_tax: str
) -> None:
    taxed = replace(SUCCEEDED, tax=replace(NO_TAX, amount_nanos=usd("9.50")))
    assert (taxed.charge_nanos, taxed.charge_cents) == (usd("59.50"), 5950)
    for kind, refunded in ((ReversalKind.REFUND, without_tax), (ReversalKind.DISPUTE, "0.00")):
        turn = FollowedReversal(id="re_1", kind=kind, amount_cents=sent_back_cents, turns=1)
        after = taxed.reversed(turn)
        assert after.refundable_cents == left_cents
        assert after.taken_back_nanos == usd(without_tax)
        assert after.refunded_nanos == usd(refunded)
        assert after.version == taxed.version + 1


def test_what_is_credited_is_never_credited_again() -> None:
    with pytest.raises(ValueError, match="before"):
        SUCCEEDED.succeeded(PAID, invoice_number="2026-000002", now=NOW)


@pytest.mark.parametrize("status", sorted(set(PaymentStatus) - {PaymentStatus.SUCCEEDED}))
def test_nothing_is_credited_without_its_payment(status: PaymentStatus) -> None:
    with pytest.raises(ValueError, match="has not succeeded"):
        PENDING.succeeded(payment(status), invoice_number=NUMBER, now=NOW)


@pytest.mark.parametrize("state", [SUCCEEDED, FAILED, CANCELED], ids=lambda s: s.status.value)
def test_what_is_final_is_not_given_up(state: object) -> None:
    with pytest.raises(ValueError, match="final"):
        state.failed(failure(), payment_id=None, now=NOW)  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", [PaymentStatus.SUCCEEDED, PaymentStatus.DECLINED])
def test_nothing_waits_for_a_payment_that_has_ended(status: PaymentStatus) -> None:
    with pytest.raises(KeyError):
        PENDING.awaiting(payment(status), now=NOW)


def test_the_card_that_paid_is_the_one_on_the_invoice() -> None:
    other = card("pm_2")
    paid = PENDING.succeeded(replace(PAID, card=other), invoice_number=NUMBER, now=NOW)
    assert paid.card == other
    assert SUCCEEDED.card == PENDING.card


def test_giving_up_keeps_the_payment_that_is_known() -> None:
    assert WAITING.failed(None, payment_id=None, now=NOW).payment_id == "pi_1"
    assert PENDING.failed(None, payment_id="pi_9", now=NOW).payment_id == "pi_9"


@pytest.mark.parametrize(
    ("type_", "patience"),
    [(PurchaseType.PURCHASE, timedelta(hours=1)), (PurchaseType.AUTO_TOP_UP, timedelta(hours=24))],
)
def test_a_customer_is_waited_for_just_so_long(type_: PurchaseType, patience: timedelta) -> None:
    waiting = replace(WAITING, type=type_)
    assert not waiting.abandoned(NOW + patience - timedelta(microseconds=1))
    assert waiting.abandoned(NOW + patience)
    assert not replace(PROCESSING, type=type_).abandoned(NOW + timedelta(days=30))


def test_a_charge_that_never_arrived_is_made_only_while_it_is_fresh() -> None:
    assert PENDING.fresh(NOW + timedelta(minutes=15) - timedelta(microseconds=1))
    assert not PENDING.fresh(NOW + timedelta(minutes=15))


@given(age=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)))
def test_the_older_a_purchase_the_more_rarely_it_is_asked_about(age: timedelta) -> None:
    now = NOW + age
    wait = PENDING.next_check(now) - now
    assert timedelta(minutes=5) <= wait <= timedelta(hours=6)
    older = PENDING.next_check(now + timedelta(hours=1)) - (now + timedelta(hours=1))
    assert wait <= older


def test_a_sequence_numbers_from_one() -> None:
    first = InvoiceSequence(year=2026).taken()
    assert (first.last, first.number) == (1, "2026-000001")
    assert InvoiceSequence(year=2026, last=999_999).taken().number == "2026-1000000"


def test_an_invoice_belongs_to_its_year_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert invoice_year(datetime(2027, 1, 1, 8, 59, tzinfo=tokyo)) == 2026
    assert invoice_year(datetime(2027, 1, 1, 9, 0, tzinfo=tokyo)) == 2027
    assert invoice_year(datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) == 2026


def test_a_purchase_begins_with_the_tax_that_was_quoted() -> None:
    tax = Tax(amount_nanos=usd("10.00"), rate_percent="20", calculation_id="taxcalc_1")
    made = Purchase.new(
        id="pur_1",
        organization_id=ORG,
        type=PurchaseType.PURCHASE,
        amount_nanos=usd("50.00"),
        created_at=NOW,
        created_by="ada",
        customer_id="cus_1",
        card=card(),
        billing_details=billing_details(),
        tax=tax,
    )
    assert (made.tax, made.charge_nanos) == (tax, usd("60.00"))


def test_a_card_that_is_begun_to_be_saved_charges_nothing_and_counts_for_an_hour() -> None:
    day = PurchaseDay(organization_id=ORG, day="2026-11-23", charged_nanos=7).with_setup(at=NOW)
    assert (day.charged_nanos, day.version) == (7, 1)
    hour = timedelta(hours=1)
    assert day.setups_at(NOW + hour - timedelta(microseconds=1)) == (NOW,)
    assert day.setups_at(NOW + hour) == ()


@pytest.mark.parametrize(
    ("changes", "touches"),
    [
        ({}, False),
        ({"floor": FloorChange(from_nanos=0, to_nanos=1, tops_up=True)}, True),
        ({"standing": StandingChange(before=Standing.OPEN, after=Standing.CLOSED)}, True),
        ({"mark_low": True}, True),
        ({"clear_low_since": NOW}, True),
        ({"cover": Cover.FUNDED}, True),
        ({"entries": (entry("a", "1.00"),)}, True),
        ({"entries": (entry("a", "0.00", kind=EntryKind.REFUSAL),)}, False),
    ],
)
def test_a_write_touches_the_account_if_anything_of_it_changes_or_is_asked_for(
    changes: dict[str, Any], *, touches: bool
) -> None:
    assert Write(organization_id=ORG, at=NOW, **changes).touches_account is touches


def test_who_is_busy_is_asked_again_in_a_second_and_a_refusal_is_no_replay() -> None:
    assert BusyError("x").retry_after_seconds == 1
    assert not BusyError("x").replayed


def test_a_provider_that_refuses_is_logged_by_its_codes_and_never_by_its_sentence() -> None:
    assert str(PaymentRefusedError(failure("lost_card"))) == "lost_card"
    assert str(PaymentRefusedError(failure(None, code="address_invalid"))) == "address_invalid"
