"""Notices in DynamoDB: their table, their rows, and reading them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from chalicelib.adapters.dynamodb.attributes import DataAttribute, TimeAttribute, forget_at
from chalicelib.adapters.dynamodb.codec import to_row
from chalicelib.adapters.dynamodb.commit import expected, follows
from chalicelib.adapters.dynamodb.models import DUE, MODELS
from chalicelib.domain.notices import Notice, kind_and_fact


class DueNoticesIndex(GlobalSecondaryIndex["NoticeModel"]):
    """Notices that are not passed on yet, by the time to see to them."""

    class Meta:
        index_name = "due"
        projection = AllProjection()

    due = UnicodeAttribute(hash_key=True)
    check_at = TimeAttribute(range_key=True)


class NoticeModel(Model):
    """One notice; `name` is its kind and its fact."""

    class Meta:
        table_name = ""

    organization_id = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute(range_key=True)
    data = DataAttribute()
    created_at = TimeAttribute()
    published_at = TimeAttribute(null=True)
    mailed_at = TimeAttribute(null=True)
    attempts = NumberAttribute()
    due = UnicodeAttribute(null=True)
    check_at = TimeAttribute(null=True)
    version = NumberAttribute()
    forget_at = NumberAttribute(null=True)

    due_notices: ClassVar[DueNoticesIndex] = DueNoticesIndex()


MODELS["notices"] = NoticeModel


class DynamoNotices:
    """The Notices port."""

    def get(self, organization_id: str, name: str) -> Notice | None:
        """See the port."""
        try:
            return notice_of(NoticeModel.get(organization_id, name, consistent_read=True))
        except DoesNotExist:
            return None

    def due(self, now: datetime, limit: int) -> Sequence[Notice]:
        """See the port."""
        rows = NoticeModel.due_notices.query(DUE, NoticeModel.check_at <= now, limit=limit)
        return [notice_of(row) for row in rows]


@to_row.register
def _(value: Notice) -> Model:
    return NoticeModel(
        organization_id=value.organization_id,
        name=value.name,
        data=value.data,
        created_at=value.created_at,
        published_at=value.published_at,
        mailed_at=value.mailed_at,
        attempts=value.attempts,
        due=DUE if value.check_at else None,
        check_at=value.check_at,
        version=value.version,
        forget_at=None if value.check_at else forget_at(value.created_at),
    )


@expected.register
def _(value: Notice) -> Condition:
    return follows(NoticeModel, NoticeModel.name, value.version)


def notice_of(row: NoticeModel) -> Notice:
    """The notice in a row."""
    kind, fact = kind_and_fact(row.name)
    return Notice(
        organization_id=row.organization_id,
        kind=kind,
        fact=fact,
        data=row.data,
        created_at=row.created_at,
        published_at=row.published_at,
        mailed_at=row.mailed_at,
        attempts=int(row.attempts),
        check_at=row.check_at,
        version=int(row.version),
    )
