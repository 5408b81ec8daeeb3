"""The suites of the product's database ports, over the product's own adapters on AWS in memory."""

# ruff: noqa: F403 - the tests are the others' own
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import pytest

from simulation.cloud import MemoryCloud
from tests.contract.databases import Database, dynamodb
from tests.contract.test_ledger_port import *
from tests.contract.test_metering_ports import *
from tests.contract.test_repository_ports import *
from tests.contract.test_usage_days_port import *
from tests.support.stack import NOBODY

_serial = count(1)


@pytest.fixture(scope="module")
def tables() -> Iterator[Database]:
    cloud = MemoryCloud(now=lambda: datetime.now(UTC), given=NOBODY)
    environment = {**cloud.environment, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    with dynamodb(environment, client=cloud.client("dynamodb")) as database:
        yield database


@pytest.fixture
def database(tables: Database) -> Database:
    return tables


@pytest.fixture
def org() -> str:
    return f"memory-org-{next(_serial)}"


@pytest.fixture
def year() -> int:
    return 3000 + next(_serial)
