"""Each engine in turn, where it can be had."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.engines import FOLDER, NoEngineError, dynamodb_local
from devstack.aws import Cloud
from devstack.emulator import Emulator
from tests.simulation.cloud.engines import DYNAMODB_LOCAL, MEMORY, MINISTACK, Engine, memory
from tests.support.stack import NOBODY


@pytest.fixture(scope="session")
def ministack_engine(emulator: Emulator) -> Engine:
    """ministack's tables, in an account of their own."""
    return Engine(name=MINISTACK, dynamodb=emulator.account(given=NOBODY).cloud.client("dynamodb"))


@pytest.fixture(scope="session")
def dynamodb_local_engine() -> Iterator[Engine]:
    """AWS's own engine, where `make bench` has fetched it before."""
    if not (FOLDER / "package" / "emulator" / "DynamoDBLocal.jar").exists():
        pytest.skip("DynamoDB Local isn't here; make bench fetches it")
    try:
        with dynamodb_local() as engine:
            client = Cloud(endpoint_url=engine.url or "").client("dynamodb")
            yield Engine(name=DYNAMODB_LOCAL, dynamodb=client)
    except NoEngineError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session", params=[MEMORY, MINISTACK, DYNAMODB_LOCAL])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each of the engines in turn."""
    if request.param == MEMORY:
        return memory()
    fixture = f"{request.param.lower().replace(' ', '_')}_engine"
    found: Engine = request.getfixturevalue(fixture)
    return found
