"""What DescribeTable says of a table."""

from __future__ import annotations

from typing import Any

from devstack.aws import DEFAULT_ACCOUNT, REGION
from simulation.cloud.dynamodb.schema import KeySchema
from simulation.cloud.dynamodb.table import Table


def described(table: Table) -> dict[str, Any]:
    """The table's description."""
    schema = table.schema
    keys = (schema.key, *(index.key for index in schema.indexes))
    parts = {part.name: part for key in keys for part in key.parts}
    description: dict[str, Any] = {
        "TableName": schema.name,
        "TableStatus": "ACTIVE",
        "TableArn": f"arn:aws:dynamodb:{REGION}:{DEFAULT_ACCOUNT}:table/{schema.name}",
        "ItemCount": len(table.rows),
        "KeySchema": _key_schema(schema.key),
        "AttributeDefinitions": [
            {"AttributeName": part.name, "AttributeType": part.type} for part in parts.values()
        ],
    }
    if schema.indexes:
        description["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index.name,
                "IndexStatus": "ACTIVE",
                "KeySchema": _key_schema(index.key),
            }
            for index in schema.indexes
        ]
    if table.stream is not None:
        description["LatestStreamArn"] = table.stream.arn
        description["StreamSpecification"] = {
            "StreamEnabled": True,
            "StreamViewType": schema.stream,
        }
    return description


def _key_schema(key: KeySchema) -> list[dict[str, str]]:
    kinds = ("HASH", "RANGE")
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(key.names, kinds, strict=False)
    ]
