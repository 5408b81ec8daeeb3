"""The months' counts of traces in DynamoDB: their table, their rows, and reading them."""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from chalicelib.adapters.dynamodb.codec import to_row
from chalicelib.adapters.dynamodb.commit import expected, follows
from chalicelib.adapters.dynamodb.models import MODELS
from chalicelib.domain.traces import TraceCount


class TraceCountModel(Model):
    """How many traces an organization used in a month."""

    class Meta:
        table_name = ""

    organization_id = UnicodeAttribute(hash_key=True)
    month = UnicodeAttribute(range_key=True)
    used = NumberAttribute()
    version = NumberAttribute()


MODELS["trace_counts"] = TraceCountModel


class DynamoTraceCounts:
    """The TraceCounts port."""

    def get(self, organization_id: str, month: str) -> TraceCount:
        """See the port."""
        try:
            row = TraceCountModel.get(organization_id, month, consistent_read=True)
        except DoesNotExist:
            return TraceCount(organization_id=organization_id, month=month)
        return TraceCount(
            organization_id=row.organization_id,
            month=row.month,
            used=int(row.used),
            version=int(row.version),
        )


@to_row.register
def _(value: TraceCount) -> Model:
    return TraceCountModel(
        organization_id=value.organization_id,
        month=value.month,
        used=value.used,
        version=value.version,
    )


@expected.register
def _(value: TraceCount) -> Condition:
    return follows(TraceCountModel, TraceCountModel.month, value.version)
