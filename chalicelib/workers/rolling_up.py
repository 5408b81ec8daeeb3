"""The stream of the accounts' table: what was written to a history is rolled up from here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from chalice.app import DynamoDBEvent

from chalicelib.domain.usage_day import AccountChange
from chalicelib.wiring import services
from chalicelib.workers.queues import PartialFailure, workers

logger = Logger(child=True)


@workers.on_dynamodb_record(
    # The template puts the stream's address here; Chalice knows none before the stack exists.
    stream_arn="arn:aws:dynamodb:::table/accounts/stream/latest",
    # Writes of one organization that come together cost one put; a second is soon enough.
    batch_size=500,
    maximum_batching_window_in_seconds=1,
    starting_position="TRIM_HORIZON",
    name="rollup_worker",
)
def rollup_worker(event: DynamoDBEvent) -> PartialFailure:
    """Roll usage up; from the first change that failed on, the batch is delivered again."""
    records = event.to_dict()["Records"]
    changes = {
        record["dynamodb"]["SequenceNumber"]: change
        for record in records
        if (change := _read_change(record)) is not None
    }
    result = services().rolling_up.roll_up(list(changes.values()))
    for organization_id, error in result.failures.items():
        logger.error("It was not rolled up", organization_id=organization_id, exc_info=error)
    for organization_id, runs in result.missing.items():
        logger.error("Writes were never delivered", organization_id=organization_id, runs=runs)
    failed = [
        number for number, change in changes.items() if change.organization_id in result.failures
    ]
    services().meter.put(
        {
            "WritesRolledUp": result.writes,
            "WritesMissing": sum(b - a + 1 for runs in result.missing.values() for a, b in runs),
            "ChangesFailed": len(failed),
        }
    )
    # The first of them is enough: all that follow it come again with it.
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed[:1]]}


def _read_change(record: Mapping[str, Any]) -> AccountChange | None:
    """What a record tells; None if the account's history didn't begin yet, or ended with it."""
    image = record["dynamodb"].get("NewImage", {})
    if "last_write" not in image:
        return None
    return AccountChange(
        organization_id=image["organization_id"]["S"],
        number=int(image["writes"]["N"]),
        first_key=image["last_write"]["S"],
        available_nanos=int(image["available"]["N"]),
        held_nanos=int(image["held"]["N"]),
    )
