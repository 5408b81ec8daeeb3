"""The ports that read: what is saved comes back as it was, and lists hold what they promise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from chalicelib.domain.billing import TaxId
from chalicelib.domain.customer import Customer
from chalicelib.domain.invoice import CardPayment
from chalicelib.domain.invoicing import invoice_for_purchase
from chalicelib.domain.mandate import Mandate
from chalicelib.domain.notices import Notice, NoticeKind
from chalicelib.domain.numbering import InvoiceSequence, IssuedInvoice
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.purchase import Purchase, PurchaseStatus, PurchaseType
from chalicelib.domain.request import Answer, IdempotentRequest
from chalicelib.domain.reversal import FollowedReversal, ReversalKind, Reversals
from chalicelib.domain.tax import Tax
from chalicelib.domain.topup import FailedAttempt, TopUp
from chalicelib.domain.write import Committed, Saved, Write
from chalicelib.ports import Window
from tests.contract.databases import Database
from tests.fakes.values import (
    NOW,
    SELLER,
    agreement,
    billing_details,
    card,
    failure,
    purchase,
    usd,
)

#: Before what other tests leave due.
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
ODD = NOW.replace(microsecond=123456)


def save(database: Database, org: str, *values: Saved) -> None:
    write = Write(organization_id=org, at=NOW, saves=values)
    assert database.ledger.commit(write) == Committed()


def paid(bought: Purchase, number: str) -> Purchase:
    payment = Payment(id=f"pi_{bought.id}", status=PaymentStatus.SUCCEEDED, amount_cents=5000)
    done = bought.succeeded(payment, invoice_number=number, now=bought.created_at)
    return replace(done, version=1)


def issued(org: str, number: str, *, at: datetime = NOW) -> IssuedInvoice:
    bought = purchase(organization_id=org)
    invoice = invoice_for_purchase(
        number=number,
        organization_id=org,
        purchase_id=bought.id,
        purchase_type=bought.type,
        transaction_id="pi_1",
        issued_at=at,
        supplied_at=at,
        seller=SELLER,
        buyer=bought.billing_details,
        net_nanos=bought.amount_nanos,
        payment=CardPayment(brand="visa", last4="4242", paid_at=at),
    )
    return IssuedInvoice.new(invoice)


def test_what_was_never_saved_is_not_there(database: Database, org: str, year: int) -> None:
    assert database.purchases.get(org, "pur_1") is None
    assert database.top_ups.get(org) == TopUp(organization_id=org)
    assert database.customers.get(org) == Customer(organization_id=org)
    assert database.requests.get(org, "purchase", "key") is None
    assert database.invoices.get(org, "2026-000001") is None
    assert database.invoices.sequence(year) == InvoiceSequence(year=year)
    assert database.notices.get(org, "credits.exhausted#x") is None


def test_a_purchase_comes_back_as_it_was(database: Database, org: str) -> None:
    plain = purchase(organization_id=org)
    full = replace(
        purchase("pur_2", organization_id=org, created_at=ODD),
        type=PurchaseType.AUTO_TOP_UP,
        amount_nanos=usd("9999999999.99"),
        tax=Tax(amount_nanos=usd("0.19"), rate_percent="19", calculation_id="taxcalc_1"),
        status=PurchaseStatus.FAILED,
        payment_id="pi_1",
        failure=failure(None),
        completed_at=ODD,
        invoice_number="2026-000001",
        reversals=Reversals(
            (
                FollowedReversal(
                    id="re_1",
                    kind=ReversalKind.REFUND,
                    amount_cents=100,
                    turns=1,
                    document_number="2026-000002",
                ),
                FollowedReversal(id="du_1", kind=ReversalKind.DISPUTE, amount_cents=2000, turns=2),
            )
        ),
        check_at=None,
        billing_details=billing_details("Ünïcødé 株式会社", TaxId(type="eu_vat", value="DE1")),
    )
    save(database, org, plain, full)
    assert database.purchases.get(org, "pur_1") == plain
    assert database.purchases.get(org, "pur_2") == full
    assert database.purchases.get(f"{org}-other", "pur_1") is None


def test_a_standing_order_comes_back_as_it_was(database: Database, org: str) -> None:
    full = TopUp(
        organization_id=org,
        enabled=True,
        threshold_nanos=usd("0.000000001"),
        amount_nanos=usd("25.00"),
        monthly_limit_nanos=0,
        enabled_by="ada",
        enabled_at=ODD,
        open_purchase_id="pur_1",
        action_required=True,
        month="2026-11",
        month_spent_nanos=usd("75.00"),
        declines_in_a_row=2,
        last_failure=FailedAttempt(failure=failure(), purchase_id=None, at=ODD),
        retry_at=ODD,
        check_at=ODD,
        paused=True,
        attempts={"fp_1": (NOW, ODD), "fp_2": (ODD,)},
        version=1,
    )
    save(database, org, full)
    assert database.top_ups.get(org) == full
    plain = TopUp(organization_id=org, version=2)
    save(database, org, plain)
    assert database.top_ups.get(org) == plain


def test_a_customer_comes_back_as_it_was(database: Database, org: str) -> None:
    full = Customer(
        organization_id=org,
        customer_id="cus_1",
        billing_details=billing_details(tax_id=TaxId(type="eu_vat", value="DE1")),
        former_customer_ids=("cus_0",),
        default_payment_method_id="pm_1",
        mandates=(
            Mandate(
                setup_id="seti_1", payment_method_id="pm_1", brand="visa", agreement=agreement(ODD)
            ),
        ),
        version=1,
    )
    save(database, org, full)
    assert database.customers.get(org) == full
    save(database, org, Customer(organization_id=org, version=2))
    assert database.customers.get(org) == Customer(organization_id=org, version=2)


def test_a_request_comes_back_as_it_was_and_keeps_its_answer(database: Database, org: str) -> None:
    request = IdempotentRequest(
        organization_id=org,
        operation="purchase",
        key="a # key / with anything ~",
        digest="d",
        subject_id="pur_1",
        started_at=ODD,
    )
    save(database, org, request)
    assert database.requests.get(org, "purchase", request.key) == request
    assert database.requests.get(org, "refund", request.key) is None
    answered = request.answered(Answer(status=201, body={"a": [1, {"ü": None}], "b": "1.00"}))
    save(database, org, answered)
    assert database.requests.get(org, "purchase", request.key) == answered


def test_an_invoice_comes_back_as_it_was(database: Database, org: str) -> None:
    new = issued(org, "2026-000001", at=ODD)
    save(database, org, new)
    assert database.invoices.get(org, "2026-000001") == new
    assert database.invoices.get(f"{org}-other", "2026-000001") is None
    save(database, org, new.stored())
    found = database.invoices.get(org, "2026-000001")
    assert found is not None
    assert found.rendered


def test_a_notice_comes_back_as_it_was(database: Database, org: str) -> None:
    notice = Notice.of(
        NoticeKind.TOP_UP_FAILED,
        organization_id=org,
        fact="pur_1#with more",
        at=ODD,
        data={"amount": "1.00", "nested": [None, {"ü": True}]},
    )
    save(database, org, notice)
    assert database.notices.get(org, notice.name) == notice
    published = notice.claimed(ODD).published(ODD)
    save(database, org, notice.claimed(ODD))
    save(database, org, published)
    assert database.notices.get(org, notice.name) == published


def test_a_time_comes_back_as_the_same_instant_whatever_its_zone(
    database: Database, org: str
) -> None:
    berlin = timezone(timedelta(hours=1))
    bought = purchase(organization_id=org, created_at=NOW.astimezone(berlin))
    save(database, org, bought)
    found = database.purchases.get(org, "pur_1")
    assert found is not None
    assert found.created_at == NOW


def test_the_history_of_purchases_holds_the_paid_ones_newest_first(
    database: Database, org: str
) -> None:
    for number in range(6):
        kind = PurchaseType.AUTO_TOP_UP if number % 2 else PurchaseType.PURCHASE
        bought = purchase(f"pur_{number}", organization_id=org, type=kind)
        save(database, org, bought if number == 4 else paid(bought, f"2026-{number:06d}"))

    def ids(limit: int, type: PurchaseType | None = None) -> list[list[str]]:  # noqa: A002
        pages = []
        after = None
        while True:
            window = Window(limit=limit, after=after)
            page = database.purchases.succeeded(org, window, type=type)
            pages.append([item.id for item in page.items])
            after = page.after
            if after is None:
                return pages

    assert ids(10) == [["pur_5", "pur_3", "pur_2", "pur_1", "pur_0"]]
    assert ids(2) == [["pur_5", "pur_3"], ["pur_2", "pur_1"], ["pur_0"]]
    assert ids(5) == [["pur_5", "pur_3", "pur_2", "pur_1", "pur_0"]]
    assert ids(1, PurchaseType.AUTO_TOP_UP) == [["pur_5"], ["pur_3"], ["pur_1"]]
    assert ids(9, PurchaseType.PURCHASE) == [["pur_2", "pur_0"]]


def test_the_history_of_purchases_begins_with_since_and_ends_before_until(
    database: Database, org: str
) -> None:
    for second in range(4):
        at = NOW + timedelta(seconds=second)
        id_ = f"pur_{int(at.timestamp() * 1000):012x}ffff"
        bought = purchase(id_, organization_id=org, created_at=at)
        save(database, org, paid(bought, f"2026-{second:06d}"))
    window = Window(limit=10, since=NOW + timedelta(seconds=1), until=NOW + timedelta(seconds=3))
    found = database.purchases.succeeded(org, window)
    assert [(item.created_at - NOW).seconds for item in found.items] == [2, 1]
    nothing = Window(limit=10, since=NOW + timedelta(days=1), until=NOW)
    assert database.purchases.succeeded(org, nothing).items == []


def test_purchases_are_due_when_their_time_has_come_and_until_they_are_final(
    database: Database, org: str
) -> None:
    for minutes in (3, 1, 2):
        at = LONG_AGO + timedelta(minutes=minutes)
        waiting = replace(purchase(f"pur_{minutes}", organization_id=org), check_at=at)
        save(database, org, waiting)
    save(database, org, paid(purchase("pur_9", organization_id=org), "2026-000001"))

    def due(at: datetime, limit: int = 100) -> list[str]:
        found = database.purchases.due(at, limit)
        return [item.id for item in found if item.organization_id == org]

    assert due(LONG_AGO + timedelta(seconds=59)) == []
    assert due(LONG_AGO + timedelta(minutes=2)) == ["pur_1", "pur_2"]
    assert due(LONG_AGO + timedelta(days=1)) == ["pur_1", "pur_2", "pur_3"]
    assert due(LONG_AGO + timedelta(days=1), 2) == ["pur_1", "pur_2"]
    for minutes in (1, 2, 3):
        found = database.purchases.get(org, f"pur_{minutes}")
        assert found is not None
        save(database, org, found.failed(None, payment_id=None, now=NOW))
    assert due(NOW) == []


def test_standing_orders_are_due_when_their_time_has_come(database: Database, org: str) -> None:
    for minutes in (2, 1):
        at = LONG_AGO + timedelta(minutes=minutes)
        top_up = TopUp(organization_id=f"{org}-{minutes}", check_at=at, version=1)
        save(database, top_up.organization_id, top_up)
    assert database.top_ups.due(LONG_AGO, 100) == []
    assert database.top_ups.due(LONG_AGO + timedelta(minutes=1), 100) == [f"{org}-1"]
    assert database.top_ups.due(LONG_AGO + timedelta(minutes=9), 100) == [f"{org}-1", f"{org}-2"]
    assert database.top_ups.due(LONG_AGO + timedelta(minutes=9), 1) == [f"{org}-1"]
    for minutes in (1, 2):
        own = f"{org}-{minutes}"
        save(database, own, database.top_ups.get(own).resumed())
    assert database.top_ups.due(LONG_AGO + timedelta(minutes=9), 100) == []


def test_invoices_are_due_until_their_files_are_stored(database: Database, org: str) -> None:
    new = issued(org, "2001-000001", at=LONG_AGO)
    save(database, org, new)
    assert database.invoices.due(LONG_AGO, 100) == []
    assert list(database.invoices.due(LONG_AGO + timedelta(hours=1), 100)) == [new]
    save(database, org, new.stored())
    assert database.invoices.due(LONG_AGO + timedelta(hours=1), 100) == []


def test_notices_are_due_until_they_are_passed_on(database: Database, org: str) -> None:
    notice = Notice.of(
        NoticeKind.EXHAUSTED, organization_id=org, fact="f", at=LONG_AGO, data={"a": "b"}
    )
    save(database, org, notice)
    assert database.notices.due(LONG_AGO, 100) == []
    assert list(database.notices.due(LONG_AGO + timedelta(hours=1), 100)) == [notice]
    save(database, org, notice.claimed(LONG_AGO))
    save(database, org, notice.claimed(LONG_AGO).done(mailed_at=None))
    assert database.notices.due(LONG_AGO + timedelta(hours=1), 100) == []


@pytest.mark.parametrize("method", [card().payment_method_id, "pm_" + "x" * 250])
def test_a_card_comes_back_with_its_fingerprint(database: Database, org: str, method: str) -> None:
    bought = replace(purchase(organization_id=org), card=card(method, fingerprint="fp_9"))
    save(database, org, bought)
    found = database.purchases.get(org, "pur_1")
    assert found is not None
    assert found.card == card(method, fingerprint="fp_9")
