"""What the tables' streams tell in the end: each item's changes, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from simulation.cloud.dynamodb import MemoryDynamoDb
from simulation.replay.comparing import Comparing
from simulation.replay.forms import canonical

_PAGE = 1_000


def compare_streams(memory: MemoryDynamoDb, client: Any, comparing: Comparing) -> None:
    """Compare the streams item by item: among items there is no order."""
    for table, schema in memory.schemas.items():
        if schema.stream is None:
            continue
        stream = memory.stream(table)
        records = (
            record
            for shard in range(stream.shards)
            for record in stream.read(shard, after=0, limit=stream.length(shard))
        )
        comparing.stored(
            f"changes of {table}",
            memory=_by_item(records),
            other=_by_item(_records(client, table)),
        )


def _by_item(records: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for record in records:
        change = record["dynamodb"]
        images = {name: canonical(change.get(name)) for name in ("OldImage", "NewImage")}
        key = repr(canonical(change["Keys"]))
        found.setdefault(key, []).append({"eventName": record["eventName"], **images})
    return found


def _records(client: Any, table: str) -> Iterator[Mapping[str, Any]]:
    (stream,) = client.list_streams(TableName=table)["Streams"]
    described = client.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]
    for shard in described["Shards"]:
        iterator = client.get_shard_iterator(
            StreamArn=stream["StreamArn"],
            ShardId=shard["ShardId"],
            ShardIteratorType="TRIM_HORIZON",
        )["ShardIterator"]
        # An open shard never ends: what comes empty is its end for now.
        while iterator:
            page = client.get_records(ShardIterator=iterator, Limit=_PAGE)
            yield from page["Records"]
            iterator = page.get("NextShardIterator") if page["Records"] else None
