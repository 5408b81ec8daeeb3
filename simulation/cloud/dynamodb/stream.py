"""A table's stream: what happened to each of its items, in the order in which it did."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any

from devstack.aws import DEFAULT_ACCOUNT, REGION
from simulation.cloud.dynamodb.keys import Key, key_attributes
from simulation.cloud.dynamodb.schema import TableSchema
from simulation.cloud.dynamodb.values import Item, copy_item

Record = dict[str, Any]
#: As many as make items of several organizations overtake each other.
_SHARDS = 4
_FIRST_NUMBER = 10**20
_LABEL = "2026-01-01T00:00:00.000"


class MemoryStream:
    """The records of one table, for ever, in shards by partition key.

    Lambda reads each shard on its own, in batches, in order, from a position that it keeps, and
    the same batch again when the function failed: that is the reader's doing.
    """

    def __init__(self, schema: TableSchema) -> None:
        self.arn = (
            f"arn:aws:dynamodb:{REGION}:{DEFAULT_ACCOUNT}:table/{schema.name}/stream/{_LABEL}"
        )
        self._schema = schema
        self._shards: list[list[Record]] = [[] for _ in range(_SHARDS)]
        self._count = 0

    @property
    def shards(self) -> int:
        """How many there are."""
        return len(self._shards)

    def length(self, shard: int) -> int:
        """How many records a shard has."""
        return len(self._shards[shard])

    def read(self, shard: int, *, after: int, limit: int) -> list[Record]:
        """The records of a shard in the shape of GetRecords, from position `after` on."""
        return self._shards[shard][after : after + limit]

    def append(self, key: Key, before: Item | None, after: Item | None, *, at: datetime) -> None:
        """Record a change; what changes nothing is none."""
        item = after or before
        if item is None or before == after:
            return
        self._count += 1
        view = self._schema.stream or ""
        change: Record = {
            "ApproximateCreationDateTime": at.replace(microsecond=0),
            "Keys": key_attributes(item, self._schema.key),
            "SequenceNumber": str(_FIRST_NUMBER + self._count),
            "SizeBytes": 0,
            "StreamViewType": view,
        }
        if after is not None and view.startswith("NEW"):
            change["NewImage"] = copy_item(after)
        if before is not None and view.endswith(("OLD_IMAGE", "OLD_IMAGES")):
            change["OldImage"] = copy_item(before)
        name = "INSERT" if before is None else "REMOVE" if after is None else "MODIFY"
        shard = sha256(str(key[0]).encode()).digest()[0] % len(self._shards)
        self._shards[shard].append(
            {
                "eventID": f"{self._count:032x}",
                "eventName": name,
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": REGION,
                "dynamodb": change,
            }
        )
