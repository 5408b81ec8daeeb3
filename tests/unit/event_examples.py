"""One notice of each kind, as docs/events.md shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chalicelib.domain.account import Account
from chalicelib.domain.billing import Address, BillingDetails
from chalicelib.domain.money import NANOS_PER_USD
from chalicelib.domain.notices import Notice, exhausted, low_balance, restored
from chalicelib.domain.payment import Card, Failure, Payment, PaymentStatus
from chalicelib.domain.payment_notices import (
    dispute_opened,
    purchase_succeeded,
    refund_created,
    top_up_failed,
    top_up_needs_action,
    top_up_paused,
)
from chalicelib.domain.purchase import Purchase, PurchaseType
from chalicelib.domain.topup import TopUp

AT = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
_FUNDS = Failure(
    code="card_declined",
    decline_code="insufficient_funds",
    message="Your card has insufficient funds.",
)
_LOST = Failure(
    code="card_declined", decline_code="lost_card", message="Your card has been declined."
)


def _purchase(id: str, type: PurchaseType) -> Purchase:  # noqa: A002
    return Purchase(
        id=id,
        organization_id="acme",
        type=type,
        amount_nanos=50 * NANOS_PER_USD,
        created_at=AT,
        created_by="ada",
        customer_id="cus_1",
        card=Card(
            payment_method_id="pm_1",
            brand="visa",
            last4="4242",
            exp_month=12,
            exp_year=2030,
            fingerprint="fp_1",
        ),
        billing_details=BillingDetails(
            name="Acme GmbH",
            address=Address(line1="Hauptstr. 1", city="Berlin", postal_code="10115", country="DE"),
            email="billing@acme.example",
        ),
    )


def _account(dollars: int, *, tops_up: bool) -> Account:
    return Account(
        organization_id="acme",
        available_nanos=dollars * NANOS_PER_USD,
        floor_nanos=20 * NANOS_PER_USD,
        tops_up=tops_up,
    )


def examples() -> list[Notice]:
    """The notices, in the order of the document."""
    bought = _purchase("pur_019d0e5f1a80c0ffee0000000000", PurchaseType.PURCHASE)
    topped_up = _purchase("pur_019d0e5f1a80deaf0000000000ff", PurchaseType.AUTO_TOP_UP)
    payment = Payment(id="pi_1", status=PaymentStatus.SUCCEEDED, amount_cents=5000)
    order = TopUp(organization_id="acme", version=7)
    failed, *_ = top_up_failed(
        topped_up,
        _FUNDS,
        TopUp(organization_id="acme", retry_at=AT + timedelta(hours=1), version=7),
        at=AT,
    )
    return [
        low_balance(_account(18, tops_up=False), fact="report#1", at=AT),
        exhausted(_account(-1, tops_up=True), fact="report#2", at=AT),
        restored(_account(49, tops_up=True), fact="purchase#pur_1", at=AT),
        purchase_succeeded(bought.succeeded(payment, invoice_number="2026-000123", now=AT), at=AT),
        purchase_succeeded(
            topped_up.succeeded(payment, invoice_number="2026-000124", now=AT), at=AT
        ),
        failed,
        top_up_paused(order, _LOST, purchase_id=topped_up.id, at=AT),
        top_up_needs_action(topped_up, at=AT),
        refund_created(
            bought,
            refund_id="re_1",
            amount_nanos=20 * NANOS_PER_USD,
            credits_nanos=20 * NANOS_PER_USD,
            credit_note_number="2026-000125",
            at=AT,
        ),
        dispute_opened(
            bought,
            dispute_id="du_1",
            amount_nanos=50 * NANOS_PER_USD,
            credits_nanos=30 * NANOS_PER_USD,
            reason="fraudulent",
            at=AT,
        ),
    ]
