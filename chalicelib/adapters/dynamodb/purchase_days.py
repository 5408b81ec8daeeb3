"""Days of purchases in DynamoDB: their table, their rows, and reading them."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from chalicelib.adapters.dynamodb.attributes import DataAttribute, format_time
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
    # Absent in days that were saved before tries were counted.
    tries = DataAttribute(null=True)
    setups = DataAttribute(null=True)
    version = NumberAttribute()


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
            tries={id_: _time(at) for id_, at in (row.tries or {}).items()},
            setups=tuple(_time(at) for at in cast("list[str]", (row.setups or {}).get("at", []))),
            version=int(row.version),
        )


def _time(text: object) -> datetime:
    return datetime.fromisoformat(cast("str", text))


@to_row.register
def _(value: PurchaseDay) -> Model:
    return PurchaseDayModel(
        organization_id=value.organization_id,
        day=value.day,
        charged=value.charged_nanos,
        tries={id_: format_time(at) for id_, at in value.tries.items()},
        setups={"at": [format_time(at) for at in value.setups]},
        version=value.version,
    )


@expected.register
def _(value: PurchaseDay) -> Condition:
    return follows(PurchaseDayModel, PurchaseDayModel.day, value.version)
