"""The gateway's routes: may a request be served, and what did it cost."""

from __future__ import annotations

from chalice.app import Response

from chalicelib.api.auth import Scope
from chalicelib.api.charging import CHARGE_FIELDS, read_charge
from chalicelib.api.http import Call, Routes, json_response
from chalicelib.domain.account import AccountStatus
from chalicelib.domain.fields import Faults, Fields
from chalicelib.domain.ledger import Entry
from chalicelib.domain.money import format_usd
from chalicelib.domain.quoting import PricingError
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
    body = call.body()
    faults = Faults()
    fields = Fields(body, path="", faults=faults, required=frozenset(), optional=CHARGE_FIELDS)
    digest = digest_of({"body": body})
    metering = call.services.metering
    try:
        charge = read_charge(call, fields, faults=faults, digest=digest, free=False)
    except PricingError:
        first = metering.deducted(call.organization_id, key=key, digest=digest)
        if first is None:
            raise
        return _deduction_response(first, replayed=True)
    entry, replayed = metering.deduct(charge, key=key, now=call.now)
    return _deduction_response(entry, replayed=replayed)


def _deduction_response(entry: Entry, *, replayed: bool) -> Response:
    body = {
        "id": entry.id,
        "amount": format_usd(-entry.amount_nanos),
        "available": format_usd(entry.available_after_nanos or 0),
    }
    return json_response(body, status=201, replayed=replayed)
