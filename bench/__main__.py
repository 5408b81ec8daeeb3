"""`make bench`: everything that docs/benchmarks.md shows; BENCH_QUICK=1 for a look in two minutes.

Each engine that can't be had here is skipped, and the reason is told.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench import dollars as published
from bench import startup, throughput
from bench.alternative import Alternative
from bench.application import Application, running_application
from bench.engines import Engine, NoEngineError, dynamodb_local, ministack
from bench.meter import Consumption
from bench.paths import PATHS, Measured, measure
from bench.tables import say, show
from bench.throughput import Throughput
from devstack.emulator import Emulator
from tests.documents import bench as documents

_ALTERNATIVE_CALLS = 20
_QUICK = {"rounds": 30, "runs": 1, "tries": 3}
_FULL = {"rounds": 150, "runs": 3, "tries": 9}


def main() -> int:
    """Measure and print; 1 if the counted units aren't what the published rule says."""
    effort = _QUICK if os.environ.get("BENCH_QUICK") else _FULL
    say(f"# Measured on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as home, Emulator(home=Path(home)) as emulator:
        agrees = _measure(ministack(emulator), emulator, effort)
        try:
            with dynamodb_local() as engine:
                _measure(engine, emulator, effort)
        except NoEngineError as reason:
            say(f"\nDynamoDB Local is left out: {reason}.")
    _startup(effort["tries"])
    say("\n## Invoices\n")
    documents.main()
    return 0 if agrees else 1


def _measure(engine: Engine, emulator: Emulator, effort: dict[str, int]) -> bool:
    with running_application(emulator, dynamodb_url=engine.url) as application:
        client = application.new_client()
        alternative = Alternative.of(application.dynamodb, application.meter, client=client)
        measured = [measure(application, path) for path in PATHS]
        theirs = _count_alternative(application, alternative)
        _show_units(engine.name, measured, theirs)
        if engine.url is None:
            _show_dollars(measured)
        runs = [
            throughput.measure(application, alternative, engine, rounds=effort["rounds"])
            for _ in range(effort["runs"])
        ]
    _show_throughput(engine.name, runs)
    # DynamoDB Local counts transactions in a way of its own, so it isn't asked.
    return all(
        each.consumption.engine_write_units == each.consumption.write_units for each in measured
    )


def _count_alternative(application: Application, alternative: Alternative) -> Consumption:
    with application.meter.counting() as consumption:
        for number in range(_ALTERNATIVE_CALLS):
            alternative.deduct(f"counted-{number}", 1000)
    return consumption


def _show_units(engine: str, measured: Sequence[Measured], theirs: Consumption) -> None:
    their_units = theirs.write_units / _ALTERNATIVE_CALLS
    rows: list[Sequence[object]] = []
    for each in measured:
        used, rounds = each.consumption, each.rounds
        per_call = used.write_units / each.calls
        rows.append(
            (
                each.path.name,
                each.path.calls,
                used.requests / rounds,
                used.reads / rounds,
                used.table_units / rounds,
                used.index_units / rounds,
                used.engine_write_units / rounds,
                per_call,
                f"{their_units / per_call:.1f} x",
                each.rolling_up.write_units / rounds,
            )
        )
    requests = theirs.requests / _ALTERNATIVE_CALLS
    engine_units = theirs.engine_write_units / _ALTERNATIVE_CALLS
    rows.append(
        ("the alternative", 1, requests, 0, their_units, 0, engine_units, their_units, "1 x", 0)
    )
    show(
        f"Requests and write units on {engine}",
        (
            *("path", "calls", "requests", "reads", "table units", "index units"),
            *("as engine says", "units per call", "alternative", "roll-up"),
        ),
        rows,
    )


def _show_dollars(measured: Sequence[Measured]) -> None:
    priced = [(each.path.name, published.dollars(each)) for each in measured]
    show(
        "US dollars for a million model calls",
        ("path", "DynamoDB", "SQS", "Lambda", "API Gateway", "together"),
        [
            (name, *(f"{part:.2f}" for part in (d.database, d.queue, d.functions, d.api, d.total)))
            for name, d in priced
        ],
    )


def _show_throughput(engine: str, runs: Sequence[Throughput]) -> None:
    rows = [
        ("the worker to bare transactions, by time", [run.worker_to_raw for run in runs]),
        ("the same by processor time", [run.worker_to_raw_alone for run in runs]),
        ("calls to the alternative's, 1 line a report", [r.calls_to_alternative for r in runs]),
        (
            "calls to the alternative's, 100 lines a report",
            [run.long_calls_to_alternative for run in runs],
        ),
    ]
    show(
        f"Throughput on {engine}, as ratios",
        ("what", "lowest run", "median", "highest run"),
        [
            (name, f"{min(ratios):.2f}", f"{median(ratios):.2f}", f"{max(ratios):.2f}")
            for name, ratios in rows
        ],
    )


def _startup(tries: int) -> None:
    base, starts = startup.measure(tries=tries)
    show(
        "Cold starts, as ratios to boto3 with a client",
        ("entry point", "import app", "ready", "memory"),
        [
            (
                start.name,
                f"{start.imported_seconds / base.ready_seconds:.2f}",
                f"{start.ready_seconds / base.ready_seconds:.2f}",
                f"{start.memory_mb / base.memory_mb:.2f}",
            )
            for start in starts
        ],
    )
    say(f"\n(boto3 with a client: {base.ready_seconds:.2f} s here, {base.memory_mb:.0f} MB)")


if __name__ == "__main__":
    sys.exit(main())
