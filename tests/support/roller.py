"""The roll-up worker in this process, fed from an emulated stream as Lambda feeds it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from app import app
from chalicelib.wiring import Services, graph, services
from devstack.emulator import Account
from devstack.invocation import Event, Function
from devstack.streams import StreamPoller, StreamSource
from tests.contract.databases import in_environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Roller:
    """The worker and the stream that it follows."""

    services: Services
    function: Function
    streams: Any
    stream_arn: str

    def poller(self, *, batch_size: int = 500) -> StreamPoller:
        """Another reader of the stream, from its oldest record on."""
        return StreamPoller(
            streams=self.streams,
            source=StreamSource(
                stream_arn=self.stream_arn, batch_size=batch_size, reports_item_failures=True
            ),
            function=self.function,
            stopping=threading.Event(),
        )

    def records(self) -> list[Event]:
        """All records of the stream, as Lambda hands them out."""
        seen: list[Event] = []

        def note(event: Event, _: object) -> None:
            seen.extend(event["Records"])

        function = Function(name="ear", handler=note, timeout_seconds=1, memory_mb=128)
        source = StreamSource(
            stream_arn=self.stream_arn, batch_size=500, reports_item_failures=False
        )
        StreamPoller(
            streams=self.streams, source=source, function=function, stopping=threading.Event()
        ).poll()
        return seen

    def deliver(self, *records: Event) -> list[str]:
        """Hand records to the worker; gives the numbers of those that are to come again."""
        answer = self.function({"Records": list(records)})
        return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


@contextmanager
def running_roller(aws: Account) -> Iterator[Roller]:
    """The worker on an emulated account; only one at a time in a process."""
    with in_environment(aws.environment):
        graph.cache_clear()
        try:
            yield _roller(aws)
        finally:
            graph.cache_clear()


def _roller(aws: Account) -> Roller:
    table = aws.cloud.client("dynamodb").describe_table(TableName=aws.physical_ids["AccountsTable"])
    return Roller(
        services=services(),
        function=Function(
            name="rollup_worker",
            handler=app.handler_map["rollup_worker"],
            timeout_seconds=60,
            memory_mb=512,
        ),
        streams=aws.cloud.client("dynamodbstreams"),
        stream_arn=table["Table"]["LatestStreamArn"],
    )
