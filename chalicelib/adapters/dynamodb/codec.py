"""How the domain's values become rows, and rows values again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import singledispatch
from typing import Any, cast

from pynamodb.models import Model

from chalicelib.adapters.dynamodb.attributes import format_time
from chalicelib.adapters.dynamodb.models import (
    DUE,
    AccountModel,
    CustomerModel,
    EntryModel,
    InvoiceModel,
    PurchaseModel,
    RequestModel,
    SequenceModel,
    TopUpModel,
)
from chalicelib.domain.account import Account
from chalicelib.domain.billing import Address, BillingDetails, TaxId
from chalicelib.domain.customer import Customer
from chalicelib.domain.invoice_record import invoice_from_dict, invoice_to_dict
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.mandate import Agreement, Mandate
from chalicelib.domain.numbering import InvoiceSequence, IssuedInvoice
from chalicelib.domain.payment import Card, Failure
from chalicelib.domain.purchase import Purchase, PurchaseStatus, PurchaseType
from chalicelib.domain.request import Answer, IdempotentRequest
from chalicelib.domain.reversal import NO_REVERSALS, FollowedReversal, ReversalKind, Reversals
from chalicelib.domain.tax import Tax
from chalicelib.domain.topup import FailedAttempt, TopUp


def ledger_row_key(organization_id: str, key: str) -> str:
    """An entry's partition key: one entry each, so that no account's ledger is a hot spot."""
    return f"{organization_id}#{key}"


def request_row_key(organization_id: str, operation: str, key: str) -> str:
    """A request's partition key."""
    return f"{organization_id}#{operation}#{key}"


def sequence_row_key(year: int) -> str:
    """The partition key of a year's invoice sequence."""
    return f"invoice#{year}"


@singledispatch
def to_row(value: object) -> Model:
    """The row of a value that is saved whole."""
    raise TypeError(f"{type(value).__name__} has no table")


@to_row.register
def _(value: Purchase) -> Model:
    return PurchaseModel(
        organization_id=value.organization_id,
        id=value.id,
        type=value.type.value,
        status=value.status.value,
        amount=value.amount_nanos,
        tax=value.tax.amount_nanos,
        tax_rate_percent=value.tax.rate_percent,
        tax_calculation_id=value.tax.calculation_id,
        reversals={"followed": [asdict(reversal) for reversal in value.reversals.followed]}
        if value.reversals.followed
        else None,
        created_at=value.created_at,
        created_by=value.created_by,
        completed_at=value.completed_at,
        customer_id=value.customer_id,
        card=asdict(value.card),
        billing_details=asdict(value.billing_details),
        payment_id=value.payment_id,
        failure=asdict(value.failure) if value.failure else None,
        invoice_number=value.invoice_number,
        due=DUE if value.check_at else None,
        check_at=value.check_at,
        version=value.version,
    )


@to_row.register
def _(value: TopUp) -> Model:
    return TopUpModel(
        organization_id=value.organization_id,
        enabled=value.enabled,
        threshold=value.threshold_nanos,
        amount=value.amount_nanos,
        monthly_limit=value.monthly_limit_nanos,
        enabled_by=value.enabled_by,
        enabled_at=value.enabled_at,
        open_purchase_id=value.open_purchase_id,
        action_required=value.action_required,
        month=value.month or None,
        month_spent=value.month_spent_nanos,
        declines_in_a_row=value.declines_in_a_row,
        last_failure=_failed_attempt_data(value.last_failure),
        retry_at=value.retry_at,
        paused=value.paused,
        attempts={
            card: [format_time(at) for at in times] for card, times in value.attempts.items()
        },
        due=DUE if value.check_at else None,
        check_at=value.check_at,
        version=value.version,
    )


@to_row.register
def _(value: Customer) -> Model:
    return CustomerModel(
        organization_id=value.organization_id,
        customer_id=value.customer_id,
        former_customer_ids=list(value.former_customer_ids) or None,
        billing_details=asdict(value.billing_details) if value.billing_details else None,
        default_payment_method_id=value.default_payment_method_id,
        mandates={"kept": [_mandate_data(mandate) for mandate in value.mandates]}
        if value.mandates
        else None,
        version=value.version,
    )


@to_row.register
def _(value: IdempotentRequest) -> Model:
    return RequestModel(
        request_key=request_row_key(value.organization_id, value.operation, value.key),
        organization_id=value.organization_id,
        operation=value.operation,
        key=value.key,
        digest=value.digest,
        subject_id=value.subject_id,
        started_at=value.started_at,
        answer=asdict(value.answer) if value.answer else None,
        version=value.version,
    )


@to_row.register
def _(value: InvoiceSequence) -> Model:
    return SequenceModel(name=sequence_row_key(value.year), last=value.last)


@to_row.register
def _(value: IssuedInvoice) -> Model:
    return InvoiceModel(
        organization_id=value.invoice.organization_id,
        number=value.invoice.number,
        purchase_id=value.invoice.purchase_id,
        issued_at=value.invoice.issued_at,
        content=invoice_to_dict(value.invoice),
        due=DUE if value.check_at else None,
        check_at=value.check_at,
        version=value.version,
    )


def entry_row(
    entry: Entry, *, followers: list[str] | None = None, lists: bool = False
) -> EntryModel:
    """The row of an entry; the one that `lists` its write is in the history index."""
    return EntryModel(
        entry_key=ledger_row_key(entry.organization_id, entry.key),
        organization_id=entry.organization_id,
        id=entry.id,
        kind=entry.kind.value,
        amount=entry.amount_nanos,
        held=entry.held_nanos or None,
        available_after=entry.available_after_nanos,
        recorded_at=entry.recorded_at,
        digest=entry.digest,
        project_id=entry.project_id,
        overdrawn=entry.overdrawn or None,
        details=entry.details or None,
        listed_in=entry.organization_id if lists else None,
        followers=followers or None,
    )


def account_of(row: AccountModel) -> Account:
    """The account in a row."""
    return Account(
        organization_id=row.organization_id,
        available_nanos=int(row.available),
        held_nanos=int(row.held),
        floor_nanos=int(row.floor),
        tops_up=bool(row.tops_up),
        suspended=bool(row.suspended),
        closed=bool(row.closed),
        low_since=row.low_since,
    )


def entry_of(row: EntryModel) -> Entry:
    """The entry in a row."""
    return Entry(
        id=row.id,
        organization_id=row.organization_id,
        key=row.entry_key.removeprefix(f"{row.organization_id}#"),
        kind=EntryKind(row.kind),
        amount_nanos=int(row.amount),
        held_nanos=int(row.held or 0),
        available_after_nanos=None if row.available_after is None else int(row.available_after),
        recorded_at=row.recorded_at,
        digest=row.digest,
        project_id=row.project_id,
        overdrawn=bool(row.overdrawn),
        details=row.details or {},
    )


def purchase_of(row: PurchaseModel) -> Purchase:
    """The purchase in a row."""
    return Purchase(
        id=row.id,
        organization_id=row.organization_id,
        type=PurchaseType(row.type),
        status=PurchaseStatus(row.status),
        amount_nanos=int(row.amount),
        tax=Tax(
            amount_nanos=int(row.tax),
            rate_percent=row.tax_rate_percent,
            calculation_id=row.tax_calculation_id,
        ),
        reversals=_reversals_of(row.reversals) if row.reversals else NO_REVERSALS,
        created_at=row.created_at,
        created_by=row.created_by,
        completed_at=row.completed_at,
        customer_id=row.customer_id,
        card=Card(**cast("dict[str, str]", row.card)),  # type: ignore[arg-type]
        billing_details=_billing_details_of(row.billing_details),
        payment_id=row.payment_id,
        failure=_failure_of(row.failure) if row.failure else None,
        invoice_number=row.invoice_number,
        check_at=row.check_at,
        version=int(row.version),
    )


def top_up_of(row: TopUpModel) -> TopUp:
    """The standing order in a row."""
    attempts = cast("Mapping[str, list[str]]", row.attempts)
    return TopUp(
        organization_id=row.organization_id,
        enabled=row.enabled,
        threshold_nanos=int(row.threshold),
        amount_nanos=int(row.amount),
        monthly_limit_nanos=None if row.monthly_limit is None else int(row.monthly_limit),
        enabled_by=row.enabled_by,
        enabled_at=row.enabled_at,
        open_purchase_id=row.open_purchase_id,
        action_required=row.action_required,
        month=row.month or "",
        month_spent_nanos=int(row.month_spent),
        declines_in_a_row=int(row.declines_in_a_row),
        last_failure=_failed_attempt_of(row.last_failure) if row.last_failure else None,
        retry_at=row.retry_at,
        check_at=row.check_at,
        paused=row.paused,
        attempts={card: tuple(_time_of(at) for at in times) for card, times in attempts.items()},
        version=int(row.version),
    )


def customer_of(row: CustomerModel) -> Customer:
    """The buyer in a row."""
    return Customer(
        organization_id=row.organization_id,
        customer_id=row.customer_id,
        former_customer_ids=tuple(row.former_customer_ids or ()),
        billing_details=_billing_details_of(row.billing_details) if row.billing_details else None,
        default_payment_method_id=row.default_payment_method_id,
        mandates=_mandates_of(row.mandates) if row.mandates else (),
        version=int(row.version),
    )


def request_of(row: RequestModel) -> IdempotentRequest:
    """The first request in a row."""
    answer = cast("dict[str, object] | None", row.answer)
    return IdempotentRequest(
        organization_id=row.organization_id,
        operation=row.operation,
        key=row.key,
        digest=row.digest,
        subject_id=row.subject_id,
        started_at=row.started_at,
        answer=Answer(
            status=cast("int", answer["status"]),
            body=cast("Mapping[str, object]", answer["body"]),
        )
        if answer
        else None,
        version=int(row.version),
    )


def invoice_of(row: InvoiceModel) -> IssuedInvoice:
    """The issued invoice in a row."""
    return IssuedInvoice(
        invoice=invoice_from_dict(row.content),
        check_at=row.check_at,
        version=int(row.version),
    )


def _billing_details_of(data: Mapping[str, object]) -> BillingDetails:
    tax_id = cast("dict[str, str] | None", data["tax_id"])
    return BillingDetails(
        name=cast("str", data["name"]),
        email=cast("str | None", data["email"]),
        address=Address(**cast("dict[str, str]", data["address"])),
        tax_id=TaxId(**tax_id) if tax_id else None,
    )


def _mandate_data(mandate: Mandate) -> dict[str, object]:
    agreed_at = format_time(mandate.agreement.agreed_at)
    return {
        **asdict(mandate),
        "agreement": {**asdict(mandate.agreement), "agreed_at": agreed_at},
    }


def _mandates_of(data: Mapping[str, object]) -> tuple[Mandate, ...]:
    kept = cast("list[dict[str, Any]]", data["kept"])
    return tuple(
        Mandate(**{**mandate, "agreement": _agreement_of(mandate["agreement"])}) for mandate in kept
    )


def _agreement_of(data: Mapping[str, Any]) -> Agreement:
    return Agreement(**{**data, "agreed_at": _time_of(data["agreed_at"])})


def _reversals_of(data: Mapping[str, object]) -> Reversals:
    followed = cast("list[dict[str, Any]]", data["followed"])
    return Reversals(
        tuple(FollowedReversal(**{**kept, "kind": ReversalKind(kept["kind"])}) for kept in followed)
    )


def _failure_of(data: Mapping[str, object]) -> Failure:
    return Failure(**cast("dict[str, str]", data))


def _failed_attempt_data(attempt: FailedAttempt | None) -> dict[str, object] | None:
    if attempt is None:
        return None
    return {
        "failure": asdict(attempt.failure),
        "purchase_id": attempt.purchase_id,
        "at": format_time(attempt.at),
    }


def _failed_attempt_of(data: Mapping[str, object]) -> FailedAttempt:
    return FailedAttempt(
        failure=_failure_of(cast("Mapping[str, object]", data["failure"])),
        purchase_id=cast("str | None", data["purchase_id"]),
        at=_time_of(cast("str", data["at"])),
    )


def _time_of(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
