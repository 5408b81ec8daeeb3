"""The engines that the suites of AWS in memory run on, and what is known to be wrong with each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal
from itertools import count
from typing import Any

from botocore.exceptions import ClientError

from simulation.cloud import MemoryCloud

_serial = count(1)
_EXACT = Context(prec=300)

MEMORY = "memory"
MINISTACK = "ministack"
DYNAMODB_LOCAL = "DynamoDB Local"

THINGS = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "N"},
        {"AttributeName": "g", "AttributeType": "S"},
        {"AttributeName": "h", "AttributeType": "N"},
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "groups",
            "KeySchema": [
                {"AttributeName": "g", "KeyType": "HASH"},
                {"AttributeName": "h", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        },
        {
            "IndexName": "sparse",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        },
    ],
}
"""A table with every kind of key that the product's have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A DynamoDB of some kind, reached by a client of boto3's shape."""

    name: str
    dynamodb: Any

    def new_table(self) -> str:
        """An empty table of the shape of `THINGS`; its name."""
        name = f"things-{next(_serial)}"
        self.dynamodb.create_table(TableName=name, **THINGS)
        return name


def memory() -> Engine:
    """The engine that is on trial."""
    cloud = MemoryCloud(now=lambda: datetime.now(UTC))
    return Engine(name=MEMORY, dynamodb=cloud.client("dynamodb"))


def outcome(engine: Engine, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """What a call answers, or how it is refused, in one form for all engines.

    A Query or Scan goes through all its pages.
    """
    try:
        answer = getattr(engine.dynamodb, operation)(**params)
        if operation in {"query", "scan"}:
            return _all_pages(engine, operation, params, answer)
    except ClientError as error:
        return _refused(error.response)
    if operation == "batch_get_item":
        for table, items in answer["Responses"].items():
            return {table.partition("-")[0]: sorted(map(str, plain(items)))}
    kept = {k: v for k, v in answer.items() if k not in {"ResponseMetadata", "ConsumedCapacity"}}
    found: dict[str, Any] = plain(kept)
    return found


def _all_pages(
    engine: Engine, operation: str, params: dict[str, Any], answer: dict[str, Any]
) -> dict[str, Any]:
    items = list(answer["Items"])
    pages = [(answer["Count"], answer["ScannedCount"])]
    while "LastEvaluatedKey" in answer:
        params = {**params, "ExclusiveStartKey": answer["LastEvaluatedKey"]}
        answer = getattr(engine.dynamodb, operation)(**params)
        items += answer["Items"]
        pages.append((answer["Count"], answer["ScannedCount"]))
    if operation == "query" and "IndexName" not in params:
        # After the last item there can be a page without any.
        return {"items": plain(items), "pages": [page for page in pages if page != (0, 0)]}
    # Nobody promises an order in a Scan, nor among equal keys of an index.
    order = [item.get("h") for item in items] if operation == "query" else []
    return {
        "items": sorted(map(str, plain(items))),
        "order": plain(order),
        "scanned": sum(scanned for _, scanned in pages),
    }


def _refused(answer: Any) -> dict[str, Any]:
    reasons = [
        (reason.get("Code"), plain(reason.get("Item")))
        for reason in answer.get("CancellationReasons", ())
    ]
    code = answer["Error"]["Code"]
    # Which of both it is differs, and so do the other reasons beside it; a bug it is in any case.
    if code == "ValidationException" or any(each == "ValidationError" for each, _ in reasons):
        return {"refused": "invalid"}
    return {"refused": code, "item": plain(answer.get("Item")), "reasons": reasons}


def plain(value: Any) -> Any:
    """A value with its sets in order and its numbers in their normal form."""
    match value:
        case {"N": str() as number}:
            return {"N": _normal(number)}
        case {"NS": list() as numbers}:
            return {"NS": sorted(map(_normal, numbers))}
        case {"SS": list() as held} | {"BS": list() as held}:
            return {"set": sorted(held)}
        case dict():
            return {key: plain(part) for key, part in sorted(value.items())}
        case list():
            return [plain(part) for part in value]
    return value


def _normal(number: str) -> str:
    # DynamoDB Local answers numbers as they were written, AWS in one form.
    return f"{Decimal(number).normalize(_EXACT):f}"
