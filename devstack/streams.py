"""Feeds a DynamoDB stream to a function as Lambda's event source mapping does."""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from devstack.invocation import Event, Function

logger = logging.getLogger("devstack.streams")

IDLE_SECONDS = 0.25
"""Lambda's own pause between two polls of a shard."""
RETRY_SECONDS = 1.0
FOR_EVER = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSource:
    """An event source mapping: which stream, how many records at once, what failures mean."""

    stream_arn: str
    batch_size: int
    reports_item_failures: bool
    bisects_on_error: bool = False
    retry_attempts: int = FOR_EVER


class StreamPoller:
    """Reads the shards from their oldest record, and passes a batch only when it succeeded.

    The position is kept in memory: a new worker reads from the oldest record again, so the
    function sees records more than once, as it may on AWS. A failing batch holds its shard, and
    is cut in two when the mapping says so, until its attempts are used up.
    """

    def __init__(
        self,
        *,
        streams: Any,
        source: StreamSource,
        function: Function,
        stopping: threading.Event,
    ) -> None:
        self._streams = streams
        self._source = source
        self._function = function
        self._stopping = stopping
        self._iterators: dict[str, str | None] = {}
        self._waiting: dict[str, list[Event]] = {}

    def run(self) -> None:
        """Poll until asked to stop."""
        while not self._stopping.is_set():
            pause = IDLE_SECONDS
            try:
                self.poll()
            except (BotoCoreError, ClientError) as error:
                logger.warning("%s: the stream did not answer: %s", self._function.name, error)
                self._iterators.clear()  # an iterator may have expired: read from the start
                self._waiting.clear()
                pause = RETRY_SECONDS
            self._stopping.wait(pause)

    def poll(self) -> int:
        """Read each shard once; return how many records were passed."""
        description = self._streams.describe_stream(StreamArn=self._source.stream_arn)
        passed = 0
        for shard in description["StreamDescription"]["Shards"]:
            shard_id = shard["ShardId"]
            if shard_id not in self._iterators:
                self._iterators[shard_id] = self._streams.get_shard_iterator(
                    StreamArn=self._source.stream_arn,
                    ShardId=shard_id,
                    ShardIteratorType="TRIM_HORIZON",
                )["ShardIterator"]
            passed += self._read(shard_id)
        return passed

    def _read(self, shard_id: str) -> int:
        waiting = self._waiting.setdefault(shard_id, [])
        iterator = self._iterators[shard_id]
        if not waiting and iterator is not None:
            answer = self._streams.get_records(ShardIterator=iterator)
            self._iterators[shard_id] = answer.get("NextShardIterator")
            waiting += [_record(r, stream_arn=self._source.stream_arn) for r in answer["Records"]]
        passed = 0
        while waiting and not self._stopping.is_set():
            batch = waiting[: self._source.batch_size]
            self._pass(batch)
            passed += len(batch)
            del waiting[: len(batch)]
        return passed

    def _pass(self, batch: list[Event]) -> None:
        """Have the batch handled, from the first failed record on again and again."""
        attempts = 0
        size = len(batch)
        start = 0
        while start < len(batch) and not self._stopping.is_set():
            done = self._invoke(batch[start : start + size])
            start += done
            if done:
                attempts, size = 0, len(batch)
                continue
            attempts += 1
            if self._source.bisects_on_error and size > 1:
                size = (size + 1) // 2
            elif 0 <= self._source.retry_attempts < attempts:
                logger.error("%s: gave up %d records of the stream", self._function.name, size)
                start += size
                attempts, size = 0, len(batch)
            else:
                self._stopping.wait(RETRY_SECONDS)

    def _invoke(self, records: list[Event]) -> int:
        """Invoke the function; return how many records, from the first on, it is done with."""
        try:
            answer = self._function({"Records": records})
            if not self._source.reports_item_failures or not answer:
                return len(records)
            failed = {item["itemIdentifier"] for item in answer.get("batchItemFailures") or []}
            numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
            # The lowest failed number is the new checkpoint; an unknown one fails the batch.
            return min((numbers.index(number) for number in failed), default=len(records))
        except Exception:
            logger.exception("%s failed a batch of %d", self._function.name, len(records))
            return 0


def _record(record: Mapping[str, Any], *, stream_arn: str) -> Event:
    """Return a stream record in the shape of Lambda's DynamoDB event."""
    return {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": record.get("eventVersion", "1.1"),
        "eventSource": "aws:dynamodb",
        "awsRegion": record["awsRegion"],
        "eventSourceARN": stream_arn,
        "dynamodb": _plain(record["dynamodb"]),
    }


def _plain(value: Any) -> Any:
    """Return `value` as the JSON of Lambda's event: epoch seconds, binary as base64."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(part) for part in value]
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value
