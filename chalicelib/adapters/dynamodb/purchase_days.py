"""Days of purchases in DynamoDB: their table, their rows, and reading them."""

from __future__ import annotations

from datetime import UTC, datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from chalicelib.adapters.dynamodb.attributes import forget_at
from chalicelib.adapters.dynamodb.codec import to_row
from chalicelib.adapters.dynamodb.commit import expected, follows
from chalicelib.adapters.dynamodb.models import MODELS
from chalicelib.domain.purchase_day import PurchaseDay


class PurchaseDayModel(Model):
    """One organization's day."""

    class Meta:
        table_name = ""

    organization_id = UnicodeAttribute(hash_key=True)
    day = UnicodeAttribute(range_key=True)
    charged = NumberAttribute()
    version = NumberAttribute()
    forget_at = NumberAttribute(null=True)


MODELS["purchase_days"] = PurchaseDayModel


class DynamoPurchaseDays:
    """The PurchaseDays port."""

    def get(self, organization_id: str, day: str) -> PurchaseDay:
        """See the port."""
        try:
            row = PurchaseDayModel.get(organization_id, day, consistent_read=True)
        except DoesNotExist:
            return PurchaseDay(organization_id=organization_id, day=day)
        return PurchaseDay(
            organization_id=row.organization_id,
            day=row.day,
            charged_nanos=int(row.charged),
            version=int(row.version),
        )


@to_row.register
def _(value: PurchaseDay) -> Model:
    return PurchaseDayModel(
        organization_id=value.organization_id,
        day=value.day,
        charged=value.charged_nanos,
        version=value.version,
        forget_at=forget_at(datetime.fromisoformat(value.day).replace(tzinfo=UTC)),
    )


@expected.register
def _(value: PurchaseDay) -> Condition:
    return follows(PurchaseDayModel, PurchaseDayModel.day, value.version)
