"""Holds in DynamoDB: their table, their rows, and reading them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from chalicelib.adapters.dynamodb.attributes import TimeAttribute
from chalicelib.adapters.dynamodb.codec import to_row
from chalicelib.adapters.dynamodb.commit import expected, follows
from chalicelib.adapters.dynamodb.models import DUE, MODELS
from chalicelib.domain.holds import Hold, HoldStatus


class DueHoldsIndex(GlobalSecondaryIndex["HoldModel"]):
    """Open holds, by the time to end them. It has keys only: a settlement in part is free of it."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    due = UnicodeAttribute(hash_key=True)
    check_at = TimeAttribute(range_key=True)


class HoldModel(Model):
    """One hold; `check_at` is when it expires, there while it is open."""

    class Meta:
        table_name = ""

    organization_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    amount = NumberAttribute()
    remaining = NumberAttribute()
    status = UnicodeAttribute()
    created_at = TimeAttribute()
    expires_at = TimeAttribute()
    ended_at = TimeAttribute(null=True)
    due = UnicodeAttribute(null=True)
    check_at = TimeAttribute(null=True)
    version = NumberAttribute()

    due_holds: ClassVar[DueHoldsIndex] = DueHoldsIndex()


MODELS["holds"] = HoldModel


class DynamoHolds:
    """The Holds port."""

    def get(self, organization_id: str, hold_id: str) -> Hold | None:
        """See the port."""
        try:
            return hold_of(HoldModel.get(organization_id, hold_id, consistent_read=True))
        except DoesNotExist:
            return None

    def due(self, now: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """See the port."""
        rows = HoldModel.due_holds.query(DUE, HoldModel.check_at <= now, limit=limit)
        return [(row.organization_id, row.id) for row in rows]

    def open(self, organization_id: str) -> Sequence[Hold]:
        """See the port. It reads past all that the organization ever had: it is rarely asked."""
        still_open: Condition = HoldModel.status == HoldStatus.OPEN.value
        rows = HoldModel.query(organization_id, filter_condition=still_open, consistent_read=True)
        return [hold_of(row) for row in rows]


@to_row.register
def _(value: Hold) -> Model:
    return HoldModel(
        organization_id=value.organization_id,
        id=value.id,
        amount=value.amount_nanos,
        remaining=value.remaining_nanos,
        status=value.status.value,
        created_at=value.created_at,
        expires_at=value.expires_at,
        ended_at=value.ended_at,
        due=DUE if value.check_at else None,
        check_at=value.check_at,
        version=value.version,
    )


@expected.register
def _(value: Hold) -> Condition:
    return follows(HoldModel, HoldModel.id, value.version)


def hold_of(row: HoldModel) -> Hold:
    """The hold in a row."""
    return Hold(
        organization_id=row.organization_id,
        id=row.id,
        amount_nanos=int(row.amount),
        remaining_nanos=int(row.remaining),
        status=HoldStatus(row.status),
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        version=int(row.version),
    )
