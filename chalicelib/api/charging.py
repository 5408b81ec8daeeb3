"""Reading what a gateway asks to be charged: an amount, or usage that has its price here."""

from __future__ import annotations

from chalicelib.api.http import Call
from chalicelib.api.parsing import require_one_of
from chalicelib.domain.charge import Charge
from chalicelib.domain.fields import Faults, Fields
from chalicelib.domain.usage_parsing import ID, parse_lines

#: The fields of a body that say what is charged.
CHARGE_FIELDS = frozenset({"amount", "usage", "project_id"})


def read_charge(call: Call, fields: Fields, *, faults: Faults, digest: str, free: bool) -> Charge:
    """The charge; `free` says whether an amount may be zero, `digest` stands for the request.

    Raises:
        CreditsError: if a field is faulty, those that were read before among them, or for a model
            without a price.
    """
    require_one_of(fields, "amount", "usage")
    project_id = fields.text_or_null("project_id", ID, "must be 1 to 64 of A-Z a-z 0-9 _ -")
    amount_nanos = fields.usd("amount")
    if "amount" in fields and amount_nanos == 0 and not free:
        fields.fault("amount", "must be more than zero")
    faults.raise_any()
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
