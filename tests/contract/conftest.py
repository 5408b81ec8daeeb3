"""The databases that the contract suites run on, and names that no other test uses."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from devstack.emulator import Emulator
from tests.contract.databases import Database, dynamodb, fake_database
from tests.support.stack import NOBODY

_serial = count(1)


@pytest.fixture(scope="module")
def tables(emulator: Emulator) -> Iterator[Database]:
    """DynamoDB's tables, shared by a module's tests."""
    with dynamodb(emulator.account(given=NOBODY).environment) as database:
        yield database


@pytest.fixture(params=["fake", "dynamodb"])
def database(request: pytest.FixtureRequest) -> Database:
    """Each of the databases in turn."""
    if request.param == "fake":
        return fake_database()
    found: Database = request.getfixturevalue("tables")
    return found


@pytest.fixture
def org() -> str:
    """An organization that was never heard of."""
    return f"org-{next(_serial)}"


@pytest.fixture
def year() -> int:
    """A year in which no invoice was issued."""
    return 3000 + next(_serial)
