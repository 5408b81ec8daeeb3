"""Archives in DynamoDB: their table, their rows, and reading them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from chalicelib.adapters.dynamodb.attributes import TimeAttribute
from chalicelib.adapters.dynamodb.codec import to_row
from chalicelib.adapters.dynamodb.commit import expected, follows
from chalicelib.adapters.dynamodb.models import DUE, MODELS
from chalicelib.domain.archive import Archive


class DueArchivesIndex(GlobalSecondaryIndex["ArchiveModel"]):
    """Archives that are not stored yet, by the time to look after them."""

    class Meta:
        index_name = "due"
        projection = AllProjection()

    due = UnicodeAttribute(hash_key=True)
    check_at = TimeAttribute(range_key=True)


class ArchiveModel(Model):
    """One archive."""

    class Meta:
        table_name = ""

    organization_id = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute(range_key=True)
    month = UnicodeAttribute()
    total = NumberAttribute()
    done = NumberAttribute()
    due = UnicodeAttribute(null=True)
    check_at = TimeAttribute(null=True)
    version = NumberAttribute()

    due_archives: ClassVar[DueArchivesIndex] = DueArchivesIndex()


MODELS["archives"] = ArchiveModel


class DynamoArchives:
    """The Archives port."""

    def get(self, organization_id: str, name: str) -> Archive | None:
        """See the port."""
        try:
            return _archive_of(ArchiveModel.get(organization_id, name, consistent_read=True))
        except DoesNotExist:
            return None

    def due(self, now: datetime, limit: int) -> Sequence[Archive]:
        """See the port."""
        rows = ArchiveModel.due_archives.query(DUE, ArchiveModel.check_at <= now, limit=limit)
        return [_archive_of(row) for row in rows]


@to_row.register
def _(value: Archive) -> Model:
    return ArchiveModel(
        organization_id=value.organization_id,
        name=value.name,
        month=value.month,
        total=value.total,
        done=value.done,
        due=DUE if value.check_at else None,
        check_at=value.check_at,
        version=value.version,
    )


@expected.register
def _(value: Archive) -> Condition:
    return follows(ArchiveModel, ArchiveModel.name, value.version)


def _archive_of(row: ArchiveModel) -> Archive:
    return Archive(
        organization_id=row.organization_id,
        name=row.name,
        month=row.month,
        total=int(row.total),
        done=int(row.done),
        check_at=row.check_at,
        version=int(row.version),
    )
