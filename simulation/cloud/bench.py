"""How long calls of AWS in memory take: `python -m simulation.cloud.bench`."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

from simulation.cloud.cloud import MemoryCloud

_CALLS = 5_000
_ROUNDS = 3
_ORGANIZATIONS = 500


def main() -> None:
    """Print the time per call of each operation."""
    gc.disable()  # as timeit does: what it costs depends on everything else in memory
    cloud = MemoryCloud(now=lambda: datetime(2026, 11, 23, tzinfo=UTC))
    for name, call in _cases(cloud).items():
        print(f"{name:<42} {_microseconds(call):8.1f} µs")  # noqa: T201 - what it is for


def _microseconds(call: Callable[[], object]) -> float:
    """Processor time, since others use the machine, too; the best of some rounds."""
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.process_time()
        for _ in range(_CALLS):
            call()
        best = min(best, time.process_time() - started)
    return best / _CALLS * 1e6


def _cases(cloud: MemoryCloud) -> dict[str, Callable[[], object]]:
    dynamodb: Any = cloud.client("dynamodb")
    sqs: Any = cloud.client("sqs")
    accounts, ledger = cloud.physical_ids["AccountsTable"], cloud.physical_ids["LedgerTable"]
    holds = cloud.physical_ids["HoldsTable"]
    serial = count()
    for number in range(_ORGANIZATIONS):
        account = {**_account(number), "held": _number(0), "floor": _number(0)}
        dynamodb.put_item(TableName=accounts, Item={**account, "available": _number(10**12)})

    def get() -> object:
        key = _account(next(serial) % _ORGANIZATIONS)
        return dynamodb.get_item(TableName=accounts, Key=key, ConsistentRead=True)

    def transact() -> object:
        number = next(serial)
        organization = number % _ORGANIZATIONS
        return dynamodb.transact_write_items(
            TransactItems=[{"Put": _entry(ledger, organization, number, part)} for part in range(2)]
            + [{"Put": _hold(holds, organization, number)}, _spend(accounts, organization)]
        )

    def query() -> object:
        return dynamodb.query(
            TableName=ledger,
            IndexName="history",
            KeyConditionExpression="#0 = :0 AND #1 BETWEEN :1 AND :2",
            ExpressionAttributeNames={"#0": "listed_in", "#1": "id"},
            ExpressionAttributeValues={
                ":0": {"S": f"org-{next(serial) % _ORGANIZATIONS}"},
                ":1": {"S": "ent_"},
                ":2": {"S": "ent_~"},
            },
            ScanIndexForward=False,
            Limit=20,
        )

    def message() -> object:
        url = cloud.physical_ids["TopUpQueue"]
        sqs.send_message(QueueUrl=url, MessageBody="{}")
        (received,) = sqs.receive_message(QueueUrl=url)["Messages"]
        return sqs.delete_message(QueueUrl=url, ReceiptHandle=received["ReceiptHandle"])

    return {
        "GetItem": get,
        "TransactWriteItems of 4": transact,
        "Query of 20 from an index": query,
        "SendMessage, ReceiveMessage, DeleteMessage": message,
    }


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _account(number: int) -> dict[str, Any]:
    return {"organization_id": {"S": f"org-{number}"}}


def _entry(table: str, organization: int, number: int, part: int) -> dict[str, Any]:
    return {
        "TableName": table,
        "Item": {
            "entry_key": {"S": f"org-{organization}#report#{number}-{part}"},
            "organization_id": {"S": f"org-{organization}"},
            "id": {"S": f"ent_{number:026d}{part}"},
            "kind": {"S": "usage"},
            "amount": _number(-12_500_000),
            "recorded_at": {"S": "2026-11-23T12:00:00.000000Z"},
            "digest": {"S": "0" * 64},
            **({"listed_in": {"S": f"org-{organization}"}} if part == 0 else {}),
        },
        "ConditionExpression": "attribute_not_exists (#0)",
        "ExpressionAttributeNames": {"#0": "entry_key"},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _hold(table: str, organization: int, number: int) -> dict[str, Any]:
    return {
        "TableName": table,
        "Item": {
            **_account(organization),
            "id": {"S": f"hold_{number:026d}"},
            "amount": _number(10**9),
            "remaining": _number(10**9),
            "status": {"S": "open"},
            "version": _number(1),
        },
        "ConditionExpression": "attribute_not_exists (#0)",
        "ExpressionAttributeNames": {"#0": "id"},
    }


def _spend(table: str, organization: int) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": table,
            "Key": _account(organization),
            "UpdateExpression": "ADD #0 :0, #1 :0, #2 :1",
            "ConditionExpression": "#0 >= :2",
            "ExpressionAttributeNames": {"#0": "available", "#1": "headroom", "#2": "writes"},
            "ExpressionAttributeValues": {
                ":0": _number(-12_500_000),
                ":1": _number(1),
                ":2": _number(12_500_000),
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


if __name__ == "__main__":
    main()
