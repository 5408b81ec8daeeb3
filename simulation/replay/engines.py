"""What histories are replayed on: ministack, or AWS's own DynamoDB Local where it can be had."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.engines import dynamodb_local
from devstack.aws import Cloud
from devstack.emulator import FIRST_ACCOUNT, Emulator

MINISTACK = "ministack"
DYNAMODB_LOCAL = "dynamodb-local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A running engine, and whether it has S3 besides DynamoDB."""

    name: str
    documents: bool
    empty_account: Callable[[], Cloud]


def of_emulator(emulator: Emulator) -> Engine:
    """A running ministack."""
    return Engine(name=MINISTACK, documents=True, empty_account=emulator.empty_account)


@contextmanager
def started(name: str, *, home: Path) -> Iterator[Engine]:
    """Within it, the engine of that name runs.

    Raises:
        NoEngineError: if it can't be had here.
    """
    if name == MINISTACK:
        with Emulator(home=home) as emulator:
            yield of_emulator(emulator)
        return
    with dynamodb_local() as running:
        url, accounts = running.url or "", itertools.count(FIRST_ACCOUNT)
        yield Engine(
            name=DYNAMODB_LOCAL,
            documents=False,
            # An access key has tables of its own there, too.
            empty_account=lambda: Cloud(endpoint_url=url, account_id=str(next(accounts))),
        )
