"""Turns the application's event sources into loops that serve them as Lambda does."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalice.app import (
    BaseEventSourceConfig,
    Chalice,
    DynamoDBEventConfig,
    ScheduledEventConfig,
    ScheduleExpression,
    SQSEventConfig,
)

from devstack.aws import Cloud
from devstack.invocation import Activity, Function, FunctionSettings
from devstack.queues import QueuePoller, QueueSource
from devstack.schedules import Ticker, parse
from devstack.streams import FOR_EVER, StreamPoller, StreamSource
from devstack.template import Template

_QUEUE_NAME = re.compile(r"\$\{(\w+)\.QueueName\}")
_ITEM_FAILURES = "ReportBatchItemFailures"


class UnsupportedSourceError(Exception):
    """The application has an event source that the local stack can't serve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Turns the application's event sources into loops that serve them."""

    app: Chalice
    template: Template
    settings: FunctionSettings
    cloud: Cloud
    physical_ids: Mapping[str, str]
    stopping: threading.Event
    activity: Activity = field(default_factory=Activity)
    speed: float = 1.0

    def loops(self, *, only_queues: bool = False) -> dict[str, Callable[[], None]]:
        """Return one loop per event source, by the name of its function.

        Raises:
            UnsupportedSourceError: a source is of another kind than queue, stream and schedule.
        """
        loops: dict[str, Callable[[], None]] = {}
        for source in self.app.event_sources:
            if isinstance(source, SQSEventConfig):
                loops[source.name] = self.queue_poller(source).run
            elif only_queues:
                continue
            elif isinstance(source, DynamoDBEventConfig):
                loops[source.name] = self.stream_poller(source).run
            elif isinstance(source, ScheduledEventConfig):
                loops[source.name] = self.ticker(source).run
            else:
                kind = type(source).__name__
                raise UnsupportedSourceError(f"{source.name}: the local stack has no {kind}.")
        return loops

    def function(self, name: str) -> Function:
        """Return the function of the application with that name."""
        return Function(
            name=name,
            handler=self.app.handler_map[name],
            timeout_seconds=self.settings.timeout_seconds(name),
            memory_mb=self.settings.memory_mb(name),
            account_id=self.cloud.account_id,
            activity=self.activity,
        )

    def queue_poller(self, source: SQSEventConfig) -> QueuePoller:
        """Return the loop of a function that `on_sqs_message` registered."""
        added = self._added(source, "sqs-event-source")
        named = _QUEUE_NAME.fullmatch(source.queue or "")
        if named is None:
            raise UnsupportedSourceError(f"{source.name}: name its queue as ${{Id.QueueName}}.")
        sqs = self.cloud.client("sqs")
        url = self.physical_ids[named[1]]
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return QueuePoller(
            sqs=sqs,
            source=QueueSource(
                queue_url=url,
                queue_arn=answer["Attributes"]["QueueArn"],
                batch_size=int(added.get("BatchSize", source.batch_size)),
                window_seconds=float(
                    added.get(
                        "MaximumBatchingWindowInSeconds",
                        source.maximum_batching_window_in_seconds,
                    )
                ),
                reports_item_failures=_ITEM_FAILURES in added.get("FunctionResponseTypes", ()),
            ),
            function=self.function(source.name),
            stopping=self.stopping,
        )

    def stream_poller(self, source: DynamoDBEventConfig) -> StreamPoller:
        """Return the loop of a function that `on_dynamodb_record` registered."""
        added = self._added(source, "dynamodb-event-source")
        match added.get("Stream"):
            case {"Fn::GetAtt": [table, "StreamArn"]}:
                described = self.cloud.client("dynamodb").describe_table(
                    TableName=self.physical_ids[table]
                )
            case _:
                raise UnsupportedSourceError(
                    f"{source.name}: name its stream as !GetAtt Table.StreamArn in the template."
                )
        return StreamPoller(
            streams=self.cloud.client("dynamodbstreams"),
            source=StreamSource(
                stream_arn=described["Table"]["LatestStreamArn"],
                batch_size=int(added.get("BatchSize", source.batch_size)),
                reports_item_failures=_ITEM_FAILURES in added.get("FunctionResponseTypes", ()),
                bisects_on_error=bool(added.get("BisectBatchOnFunctionError", False)),
                retry_attempts=int(added.get("MaximumRetryAttempts", FOR_EVER)),
            ),
            function=self.function(source.name),
            stopping=self.stopping,
        )

    def ticker(self, source: ScheduledEventConfig) -> Ticker:
        """Return the loop of a function that `schedule` registered."""
        expression = source.schedule_expression
        text = expression.to_string() if isinstance(expression, ScheduleExpression) else expression
        return Ticker(
            schedule=parse(text),
            function=self.function(source.name),
            stopping=self.stopping,
            speed=self.speed,
        )

    def _added(self, source: BaseEventSourceConfig, kind: str) -> Mapping[str, Any]:
        """Return what the template adds to a source, refusing what would be ignored silently."""
        added = self.template.event_source(function=source.name, kind=kind)
        for setting in ("FilterCriteria", "DestinationConfig"):
            if setting in added:
                raise UnsupportedSourceError(f"{source.name}: the local stack has no {setting}.")
        return added
