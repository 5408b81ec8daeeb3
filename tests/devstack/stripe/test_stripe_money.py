"""Refunds, disputes and the balance: money that goes back, and money that is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from devstack.stripe.server import LocalStripe
from tests.devstack.stripe.conftest import types_of

Control = Callable[..., dict[str, Any]]
Client = stripe.StripeClient


def buy(client: Client, card: str = "pm_card_visa", amount: int = 5_000) -> Any:
    """A paid intent, with its charge."""
    return client.v1.payment_intents.create(
        params={
            "amount": amount,
            "currency": "usd",
            "payment_method": card,
            "confirm": True,
            "off_session": True,
            "expand": ["latest_charge"],
        }
    )


def balance(client: Client) -> int:
    """What the account has in all, fees taken off, in cents."""
    return sum(item.net for item in client.v1.balance_transactions.list().auto_paging_iter())


def test_a_refund_gives_back_in_parts_and_never_more_than_is_left(
    client: Client, local: LocalStripe
) -> None:
    intent = buy(client)
    first = client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 2_000})
    assert (first.status, first.amount, first.charge) == (
        "succeeded",
        2_000,
        intent.latest_charge.id,
    )
    with pytest.raises(stripe.InvalidRequestError, match=r"greater than unrefunded amount .*30.00"):
        client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 3_001})
    rest = client.v1.refunds.create(
        params={"charge": intent.latest_charge.id, "reason": "requested_by_customer"}
    )
    assert rest.amount == 3_000
    charge = client.v1.charges.retrieve(intent.latest_charge.id, params={"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (5_000, True)
    assert charge.refunds is not None
    assert [refund.id for refund in charge.refunds.data] == [rest.id, first.id]
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create(params={"payment_intent": intent.id})
    assert refusal.value.code == "charge_already_refunded"
    listed = client.v1.refunds.list(params={"payment_intent": intent.id}).data
    assert [refund.id for refund in listed] == [rest.id, first.id]
    assert types_of(local)[-4:] == ["refund.created", "charge.refunded"] * 2
    assert balance(client) == -175


@pytest.mark.parametrize("amount", [0, -100])
def test_a_refund_of_nothing_is_refused(client: Client, amount: int) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create(params={"payment_intent": buy(client).id, "amount": amount})


def test_what_was_not_paid_is_not_refunded(client: Client) -> None:
    intent = client.v1.payment_intents.create(params={"amount": 500, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        client.v1.refunds.create(params={"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent or charge"):
        client.v1.refunds.create()


def test_a_pending_refund_arrives_later(
    client: Client, local: LocalStripe, control: Control
) -> None:
    intent = buy(client, "pm_card_pendingRefund")
    refund = client.v1.refunds.create(params={"payment_intent": intent.id})
    assert refund.status == "pending"
    control("POST", f"/refunds/{refund.id}/settle", outcome="succeeded")
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert "refund.updated" in types_of(local)


def test_a_refund_can_fail_and_leaves_the_charge_unrefunded(
    client: Client, local: LocalStripe, control: Control
) -> None:
    intent = buy(client, "pm_card_refundFail")
    refund = client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 1_000})
    assert refund.status == "succeeded"
    control("POST", f"/refunds/{refund.id}/settle", outcome="failed")
    failed = client.v1.refunds.retrieve(
        refund.id, params={"expand": ["failure_balance_transaction"]}
    )
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    assert isinstance(failed.failure_balance_transaction, stripe.BalanceTransaction)
    assert failed.failure_balance_transaction.amount == 1_000
    assert client.v1.charges.retrieve(intent.latest_charge.id).amount_refunded == 0
    assert types_of(local)[-1] == "refund.failed"
    assert balance(client) == 5_000 - 175


def test_a_refunds_metadata_can_change(client: Client, local: LocalStripe) -> None:
    refund = client.v1.refunds.create(params={"payment_intent": buy(client).id})
    changed = client.v1.refunds.update(refund.id, params={"metadata": {"why": "gift"}})
    assert changed.metadata is not None
    assert changed.metadata["why"] == "gift"
    assert types_of(local)[-1] == "refund.updated"


def test_a_disputed_charge_loses_its_money_at_once(client: Client, local: LocalStripe) -> None:
    intent = buy(client, "pm_card_createDispute")
    assert intent.status == "succeeded"
    dispute = client.v1.disputes.list(params={"payment_intent": intent.id}).data[0]
    assert (dispute.status, dispute.amount, dispute.reason) == (
        "needs_response",
        5_000,
        "fraudulent",
    )
    assert client.v1.charges.retrieve(intent.latest_charge.id).disputed
    assert types_of(local)[-4:] == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
    ]
    assert balance(client) == -175 - 1_500
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create(params={"payment_intent": intent.id})
    assert refusal.value.code == "charge_disputed"


@pytest.mark.parametrize(
    ("text", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")]
)
def test_evidence_decides_a_dispute(
    client: Client, local: LocalStripe, text: str, status: str
) -> None:
    buy(client, "pm_card_createDisputeProductNotReceived")
    dispute = client.v1.disputes.list().data[0]
    assert dispute.reason == "product_not_received"
    draft = client.v1.disputes.update(
        dispute.id, params={"evidence": {"customer_name": "Ada"}, "submit": False}
    )
    assert draft.status == "needs_response"
    client.v1.disputes.update(dispute.id, params={"evidence": {"uncategorized_text": text}})
    after = client.v1.disputes.retrieve(dispute.id)
    assert after.status == status
    assert after.evidence.customer_name == "Ada"
    if status == "won":
        assert types_of(local)[-2:] == ["charge.dispute.closed", "charge.dispute.funds_reinstated"]
        assert balance(client) == 5_000 - 175
        assert [item.amount for item in after.balance_transactions] == [-5_000, 5_000]
    else:
        assert types_of(local)[-1] == "charge.dispute.closed"
        assert balance(client) == -175 - 1_500
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        client.v1.disputes.update(dispute.id, params={"evidence": {"uncategorized_text": "more"}})


def test_closing_a_dispute_loses_it(client: Client) -> None:
    buy(client, "pm_card_createDispute")
    dispute = client.v1.disputes.list().data[0]
    assert client.v1.disputes.close(dispute.id).status == "lost"


def test_an_inquiry_takes_no_money_unless_it_escalates(
    client: Client, local: LocalStripe, control: Control
) -> None:
    buy(client, "pm_card_createDisputeInquiry")
    dispute = client.v1.disputes.list().data[0]
    assert (dispute.status, dispute.is_charge_refundable) == ("warning_needs_response", True)
    assert balance(client) == 5_000 - 175
    control("POST", f"/disputes/{dispute.id}/escalate")
    assert client.v1.disputes.retrieve(dispute.id).status == "needs_response"
    assert types_of(local)[-1] == "charge.dispute.funds_withdrawn"
    assert balance(client) == -175 - 1_500


def test_an_inquiry_that_ends_is_closed(client: Client, control: Control) -> None:
    buy(client, "pm_card_createDisputeInquiry")
    dispute = client.v1.disputes.list().data[0]
    control("POST", f"/disputes/{dispute.id}/decide", outcome="won")
    assert client.v1.disputes.retrieve(dispute.id).status == "warning_closed"


def test_a_dispute_is_opened_and_decided_by_hand(
    client: Client, local: LocalStripe, control: Control
) -> None:
    intent = buy(client)
    client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 1_000})
    opened = control("POST", f"/charges/{intent.latest_charge.id}/dispute", reason="duplicate")
    assert opened["amount"] == 4_000
    control("POST", f"/disputes/{opened['id']}/decide", outcome="won")
    assert balance(client) == 4_000 - 175
    rest = client.v1.refunds.create(params={"payment_intent": intent.id})
    assert rest.amount == 4_000
    assert "charge.dispute.funds_reinstated" in types_of(local)


def test_the_issuer_may_warn_of_fraud(client: Client, local: LocalStripe) -> None:
    intent = buy(client, "pm_card_createIssuerFraudRecord")
    warning = local.state.all("radar.early_fraud_warning")[0]
    assert warning["payment_intent"] == intent.id
    assert types_of(local)[-1] == "radar.early_fraud_warning.created"


def test_a_charge_can_be_described(client: Client, local: LocalStripe) -> None:
    charge = buy(client).latest_charge
    changed = client.v1.charges.update(
        charge.id, params={"description": "credits", "metadata": {"invoice": "INV-1"}}
    )
    assert changed.description == "credits"
    assert types_of(local)[-1] == "charge.updated"


def test_charges_and_balance_transactions_are_listed(client: Client) -> None:
    first, second = buy(client), buy(client, amount=700)
    listed = client.v1.charges.list().data
    assert [charge.id for charge in listed] == [second.latest_charge.id, first.latest_charge.id]
    booked = client.v1.balance_transactions.list(params={"source": listed[0].id}).data[0]
    assert (booked.amount, booked.fee, booked.net) == (700, 50, 650)
    assert client.v1.balance_transactions.retrieve(booked.id).type == "charge"
