"""The suite of the prices' port, over the product's adapter on DynamoDB in memory."""

# ruff: noqa: F403 - the tests are the others' own
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chalicelib.ports import Prices
from simulation.cloud import MemoryCloud
from tests.contract.databases import dynamodb
from tests.contract.test_prices_port import *
from tests.support.stack import NOBODY


@pytest.fixture  # type: ignore[no-redef]
def prices() -> Iterator[Prices]:
    cloud = MemoryCloud(now=lambda: datetime.now(UTC), given=NOBODY)
    environment = {**cloud.environment, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    with dynamodb(environment, client=cloud.client("dynamodb")) as database:
        yield database.prices
