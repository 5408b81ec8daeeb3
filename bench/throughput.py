"""How fast the usage worker is, as a ratio: to the engine itself, and to the alternative.

Each round does the same work in every way, one after the other, so that whatever else the machine
is doing slows all of them alike; medians of many rounds are compared.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from statistics import median
from time import perf_counter, process_time
from typing import Any

from bench.alternative import Alternative
from bench.application import Application, batch_event, report
from bench.engines import Engine
from bench.paths import lines
from chalicelib.adapters.dynamodb.models import AccountModel

_BATCH = 10
_LINES = 100
_WARM_UP = 5
_NANOS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """Medians of seconds; `…_alone` is what this process and the engine computed."""

    raw_batch: float
    raw_batch_alone: float
    worker_batch: float
    worker_batch_alone: float
    worker_batch_of_long_reports: float
    alternative_call: float

    @property
    def worker_to_raw(self) -> float:
        """Batches of ten reports in the time of ten bare transactions of the same items."""
        return self.raw_batch / self.worker_batch

    @property
    def worker_to_raw_alone(self) -> float:
        """The same by processor time: as it would be where nobody else uses the processors."""
        return self.raw_batch_alone / self.worker_batch_alone

    @property
    def calls_to_alternative(self) -> float:
        """Calls that are paid in the same time, when each is a report of its own."""
        return self.alternative_call * _BATCH / self.worker_batch

    @property
    def long_calls_to_alternative(self) -> float:
        """Calls that are paid in the same time, when a report has a hundred lines."""
        calls = _BATCH * _LINES
        return self.alternative_call * calls / self.worker_batch_of_long_reports


def measure(
    application: Application, alternative: Alternative, engine: Engine, *, rounds: int
) -> Throughput:
    """Do the rounds."""
    organization_id = application.organization()
    captured = _captured(application, organization_id)
    seconds: dict[str, list[float]] = {name: [] for name in ("raw", "worker", "long", "call")}
    alone: dict[str, list[float]] = {name: [] for name in seconds}

    def processor_seconds() -> float:
        return process_time() + engine.processor_seconds()

    for number in range(_WARM_UP + rounds):
        bare = _fresh(captured)
        short = batch_event([report(organization_id, lines(1)) for _ in range(_BATCH)])
        long = batch_event([report(organization_id, lines(_LINES)) for _ in range(_BATCH)])
        ways: dict[str, Callable[[], object]] = {
            "raw": partial(application.dynamodb.transact_write_items, **bare),
            "worker": partial(application.invoke, short),
            "long": partial(application.invoke, long),
            "call": partial(alternative.deduct, str(uuid.uuid4()), _NANOS),
        }
        # Each way comes first in turn, since what was done before leaves its traces.
        names = [*ways]
        for name in names[number % len(names) :] + names[: number % len(names)]:
            computed, start = processor_seconds(), perf_counter()
            ways[name]()
            took = perf_counter() - start
            if number >= _WARM_UP:
                seconds[name].append(took)
                alone[name].append(processor_seconds() - computed)
    return Throughput(
        raw_batch=median(seconds["raw"]),
        raw_batch_alone=median(alone["raw"]),
        worker_batch=median(seconds["worker"]),
        worker_batch_alone=median(alone["worker"]),
        worker_batch_of_long_reports=median(seconds["long"]),
        alternative_call=median(seconds["call"]),
    )


def _captured(application: Application, organization_id: str) -> Mapping[str, Any]:
    """What the worker asks of DynamoDB for a batch."""
    asked: list[Mapping[str, Any]] = []

    def keep(params: Mapping[str, Any], **_: object) -> None:
        asked.append(params)

    events = AccountModel._get_connection().connection.client.meta.events
    name = "provide-client-params.dynamodb.TransactWriteItems"
    events.register(name, keep)
    application.apply([report(organization_id, lines(1)) for _ in range(_BATCH)])
    events.unregister(name, keep)
    (params,) = asked
    return {"TransactItems": params["TransactItems"]}


def _fresh(captured: Mapping[str, Any]) -> dict[str, Any]:
    """The same again, for reports that have not been applied: only the keys differ."""
    fresh: dict[str, Any] = copy.deepcopy(dict(captured))
    for each in fresh["TransactItems"]:
        if "Put" in each:
            key = each["Put"]["Item"]["entry_key"]
            key["S"] = key["S"][:-12] + uuid.uuid4().hex[:12]
    return fresh
