"""What a million model calls cost on AWS, by counted units and published prices.

What no emulator can tell is assumed, and said: how long a request to DynamoDB takes there, and
that a function has as much of a processor as its share of memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from bench.paths import Measured

#: US dollars in us-east-1, list prices beyond free tiers, as published in November 2026's sources:
#: DynamoDB on demand since its cut of November 2024, Lambda on arm64, SQS FIFO, API Gateway REST.
WRITE_UNIT = 0.625e-6
READ_UNIT = 0.125e-6
QUEUE_REQUEST = 0.50e-6
API_REQUEST = 3.50e-6
INVOCATION = 0.20e-6
GB_SECOND = 13.3334e-6

#: Assumed: what a request of DynamoDB's takes on AWS, answer included.
REQUEST_SECONDS = 0.005
#: Lambda gives a whole processor at 1,769 MB.
_FULL_PROCESSOR_MB = 1769
_API_MEMORY_MB = 1024
_WORKER_MEMORY_MB = 512
_QUEUE_CHUNK_BYTES = 64 * 1024
_LINE_BYTES = 130
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Dollars:
    """US dollars for a million model calls."""

    database: float
    queue: float
    functions: float
    api: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.database + self.queue + self.functions + self.api


def dollars(measured: Measured) -> Dollars:
    """The price of a path, its roll-up included."""
    path, calls = measured.path, measured.calls
    writes = measured.consumption.write_units + measured.rolling_up.write_units
    reads = measured.consumption.read_units + measured.rolling_up.read_units
    database = writes * WRITE_UNIT + reads * READ_UNIT
    rounds = measured.rounds
    # A message is sent alone, in as many chunks as it has; a batch is received and deleted.
    lines = path.calls / path.messages if path.messages else 0
    chunks = ceil(lines * _LINE_BYTES / _QUEUE_CHUNK_BYTES) * path.messages
    requests = (chunks + 2 * path.batches) * rounds
    invocations = (path.http + path.batches) * rounds
    memory_mb = _API_MEMORY_MB if path.http else _WORKER_MEMORY_MB
    seconds = (
        measured.cpu_seconds * _FULL_PROCESSOR_MB / memory_mb
        + measured.consumption.requests * REQUEST_SECONDS
    )
    return Dollars(
        database=database * _MILLION / calls,
        queue=requests * QUEUE_REQUEST * _MILLION / calls,
        functions=(invocations * INVOCATION + seconds * memory_mb / 1024 * GB_SECOND)
        * _MILLION
        / calls,
        api=path.http * rounds * API_REQUEST * _MILLION / calls,
    )
