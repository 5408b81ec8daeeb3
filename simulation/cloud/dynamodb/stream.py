"""A table's stream: what happened to each of its items, in the order in which it did."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]


class MemoryStream:
    """The records of one table, for ever, in shards by partition key.

    Lambda reads each shard on its own, in batches, in order, from a position that it keeps, and
    the same batch again when the function failed: that is the reader's doing.
    """

    arn: str

    @property
    def shards(self) -> int:
        """How many there are."""
        raise NotImplementedError

    def read(self, shard: int, *, after: int, limit: int) -> list[Record]:
        """The records of a shard in the shape of GetRecords, from position `after` on."""
        raise NotImplementedError
