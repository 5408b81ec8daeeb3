"""DynamoDB's calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from simulation.cloud.choices import STRONGEST, Choices
from simulation.cloud.dynamodb.schema import TableSchema
from simulation.cloud.dynamodb.stream import MemoryStream
from simulation.cloud.wire import Answer, Params


class MemoryDynamoDb:
    """Tables in memory. Each call happens at once and alone; what can fail is the wire's."""

    name = "dynamodb"

    def __init__(
        self,
        tables: Iterable[TableSchema],
        *,
        choices: Choices = STRONGEST,
        now: Callable[[], datetime],
    ) -> None:
        raise NotImplementedError

    def operations(self) -> Iterable[str]:
        """See `Service`."""
        raise NotImplementedError

    def completed(self, operation: str, params: Params) -> Params:
        """See `Service`."""
        raise NotImplementedError

    def call(self, operation: str, params: Params) -> Answer:
        """See `Service`."""
        raise NotImplementedError

    def stream(self, table: str) -> MemoryStream:
        """The stream of a table that has one."""
        raise NotImplementedError

    def items(self, table: str) -> list[Mapping[str, Any]]:
        """All items of a table as they are now, by key; not to be changed."""
        raise NotImplementedError

    def state(self) -> dict[str, list[Mapping[str, Any]]]:
        """All items of all tables, in one canonical order and form, for comparing."""
        raise NotImplementedError
