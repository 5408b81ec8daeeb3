"""What one would write without this project: Powertools' idempotency, and a conditional update.

The decorator keeps each call's id in a table (a put before, an update after), and the function
takes the amount from a balance, if that suffices. It has no ledger, no prices, and no holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from chalice.local import LambdaContext

from bench.meter import Meter

_IDS, _BALANCES = "alternative-ids", "alternative-balances"
_A_DAY_SECONDS = 86_400
_ACCOUNT = "acme"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Deducts calls, one by one, each once for its id."""

    deduct: Callable[[str, int], None]

    @classmethod
    def of(cls, dynamodb: Any, meter: Meter, *, client: Any) -> Alternative:
        """With tables of its own, and one account that lasts; `client` is its, under the meter."""
        _create(dynamodb, _IDS, "id")
        _create(dynamodb, _BALANCES, "organization_id")
        key = {"organization_id": {"S": _ACCOUNT}}
        dynamodb.put_item(TableName=_BALANCES, Item={**key, "available": {"N": str(10**15)}})
        meter.watch(client)
        config = IdempotencyConfig(expires_after_seconds=_A_DAY_SECONDS)
        config.register_lambda_context(LambdaContext("alternative", 512, 900_000))  # type: ignore[arg-type]
        layer = DynamoDBPersistenceLayer(table_name=_IDS, boto3_client=client)

        def deduct_once(*, call_id: str, nanos: int) -> dict[str, str]:
            client.update_item(
                TableName=_BALANCES,
                Key=key,
                UpdateExpression="SET available = available - :spent",
                ConditionExpression="available >= :spent",
                ExpressionAttributeValues={":spent": {"N": str(nanos)}},
            )
            return {"deducted": call_id}

        once = idempotent_function(
            deduct_once, data_keyword_argument="call_id", persistence_store=layer, config=config
        )
        return cls(deduct=lambda call_id, nanos: once(call_id=call_id, nanos=nanos))


def _create(dynamodb: Any, name: str, key: str) -> None:
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
    )
