"""The gateway's routes: may a request be served, and what did it cost."""

from __future__ import annotations

from chalice.app import Response

from chalicelib.api.auth import Scope
from chalicelib.api.http import Call, Routes, json_response
from chalicelib.api.parsing import require_one_of
from chalicelib.domain.account import AccountStatus
from chalicelib.domain.charge import Charge
from chalicelib.domain.fields import Faults, Fields
from chalicelib.domain.money import format_usd
from chalicelib.domain.usage_parsing import ID, parse_lines
from chalicelib.usecases.idempotency import digest_of

routes = Routes()


@routes.organization("GET", "/access", Scope.GATEWAY)
def get_access(call: Call) -> Response:
    """Whether the organization's requests may be served."""
    call.query()
    account = call.services.ledger.account(call.organization_id)
    allowed = account.status is AccountStatus.ACTIVE
    return json_response(
        {
            "allowed": allowed,
            "reason": None if allowed else account.status.value,
            "available": format_usd(account.available_nanos),
        }
    )


@routes.organization("POST", "/deductions", Scope.GATEWAY)
def create_deduction(call: Call) -> Response:
    """Take credits, or refuse."""
    key = call.idempotency_key()
    charge = _read_charge(call)
    entry, replayed = call.services.metering.deduct(charge, key=key, now=call.now)
    return json_response(
        {
            "id": entry.id,
            "amount": format_usd(-entry.amount_nanos),
            "available": format_usd(entry.available_after_nanos or 0),
        },
        status=201,
        replayed=replayed,
    )


def _read_charge(call: Call) -> Charge:
    faults = Faults()
    body = call.body()
    fields = Fields(
        body,
        path="",
        faults=faults,
        required=frozenset(),
        optional=frozenset({"amount", "usage", "project_id"}),
    )
    require_one_of(fields, "amount", "usage")
    project_id = fields.text_or_null("project_id", ID, "must be 1 to 64 of A-Z a-z 0-9 _ -")
    amount_nanos = fields.usd("amount")
    if "amount" in fields and amount_nanos <= 0:
        fields.fault("amount", "must be more than zero")
    faults.raise_any()
    digest = digest_of({"body": body})
    if "usage" not in fields:
        return Charge(
            organization_id=call.organization_id,
            amount_nanos=amount_nanos,
            digest=digest,
            project_id=project_id,
        )
    return call.services.pricing.charge(
        organization_id=call.organization_id,
        project_id=project_id,
        lines=parse_lines(fields.get("usage"), path="usage"),
        digest=digest,
        at=call.now,
        path="usage",
    )
