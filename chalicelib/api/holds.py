"""The holds' routes: credits set aside, settled and given back."""

from __future__ import annotations

from chalice.app import Response

from chalicelib.api.auth import Scope
from chalicelib.api.charging import CHARGE_FIELDS, read_charge
from chalicelib.api.http import Call, Routes, json_response
from chalicelib.api.presenting import Body
from chalicelib.domain.errors import NotFoundError
from chalicelib.domain.fields import Faults, Fields
from chalicelib.domain.hold_entries import HoldChange
from chalicelib.domain.holds import DEFAULT_SECONDS, LONGEST_SECONDS, SHORTEST_SECONDS, Hold
from chalicelib.domain.instant import format_instant
from chalicelib.domain.money import format_usd
from chalicelib.domain.quoting import PricingError
from chalicelib.domain.usage_parsing import HOLD_ID
from chalicelib.usecases.holding import HoldRequest
from chalicelib.usecases.idempotency import digest_of

routes = Routes()


@routes.organization("POST", "/holds", Scope.GATEWAY)
def create_hold(call: Call) -> Response:
    """Set credits aside, or refuse."""
    key = call.idempotency_key()
    hold, replayed = call.services.holding.place(_read_hold(call), key=key, now=call.now)
    return json_response(_hold_body(hold), status=201, replayed=replayed)


@routes.organization("POST", "/holds/{hold_id}/settle", Scope.GATEWAY)
def settle_hold(call: Call, hold_id: str) -> Response:
    """Take what was used; when that was the last of it, the rest goes back."""
    key = call.idempotency_key()
    _refuse_other_ids(hold_id)
    body = call.body()
    faults = Faults()
    fields = Fields(
        body,
        path="",
        faults=faults,
        required=frozenset(),
        optional=CHARGE_FIELDS | {"final"},
    )
    final = fields.flag("final") if "final" in fields else True
    digest = digest_of({"hold_id": hold_id, "body": body})
    holding = call.services.holding
    try:
        charge = read_charge(call, fields, faults=faults, digest=digest, free=True)
    except PricingError:
        first = holding.settled(call.organization_id, key=key, digest=digest)
        if first is None:
            raise
        return json_response(_settlement_body(first), replayed=True)
    change, replayed = holding.settle(hold_id, charge, final=final, key=key, now=call.now)
    return json_response(_settlement_body(change), replayed=replayed)


@routes.organization("POST", "/holds/{hold_id}/release", Scope.GATEWAY)
def release_hold(call: Call, hold_id: str) -> Response:
    """Give the whole rest back."""
    key = call.idempotency_key()
    _refuse_other_ids(hold_id)
    if call.request.raw_body:
        faults = Faults()
        Fields(call.body(), path="", faults=faults, required=frozenset())
        faults.raise_any()
    change, replayed = call.services.holding.release(
        call.organization_id, hold_id, key=key, now=call.now
    )
    return json_response(_change_body(change), replayed=replayed)


def _read_hold(call: Call) -> HoldRequest:
    body = call.body()
    faults = Faults()
    fields = Fields(
        body,
        path="",
        faults=faults,
        required=frozenset({"amount"}),
        optional=frozenset({"expires_in_seconds"}),
    )
    amount_nanos = fields.usd("amount")
    if "amount" in fields and amount_nanos == 0:
        fields.fault("amount", "must be more than zero")
    seconds = DEFAULT_SECONDS
    if "expires_in_seconds" in fields:
        seconds = fields.whole("expires_in_seconds", least=SHORTEST_SECONDS, most=LONGEST_SECONDS)
    faults.raise_any()
    return HoldRequest(
        organization_id=call.organization_id,
        amount_nanos=amount_nanos,
        seconds=seconds,
        digest=digest_of({"body": body}),
    )


def _refuse_other_ids(hold_id: str) -> None:
    if HOLD_ID.fullmatch(hold_id) is None:
        raise NotFoundError("There is no such hold.")


def _hold_body(hold: Hold) -> Body:
    return {
        "id": hold.id,
        "amount": format_usd(hold.amount_nanos),
        "remaining": format_usd(hold.remaining_nanos),
        "expires_at": format_instant(hold.expires_at),
        "status": hold.status.value,
    }


def _settlement_body(change: HoldChange) -> Body:
    return {
        **_change_body(change),
        "amount": format_usd(-change.entry.amount_nanos),
        "overdrawn": change.entry.overdrawn,
    }


def _change_body(change: HoldChange) -> Body:
    return {
        "id": change.entry.id,
        "hold_id": change.hold_id,
        "status": change.status.value,
        "returned": format_usd(change.returned_nanos),
        "remaining": format_usd(change.remaining_nanos),
    }
