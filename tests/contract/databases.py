"""The ports that a database provides, over the fake one and over DynamoDB."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from chalicelib.adapters.dynamodb.accounts import DynamoAccounts
from chalicelib.adapters.dynamodb.commit import Committer
from chalicelib.adapters.dynamodb.history import DynamoHistory
from chalicelib.adapters.dynamodb.holds import DynamoHolds
from chalicelib.adapters.dynamodb.models import connect
from chalicelib.adapters.dynamodb.notices import DynamoNotices
from chalicelib.adapters.dynamodb.prices import DynamoPrices
from chalicelib.adapters.dynamodb.repositories import (
    DynamoCustomers,
    DynamoInvoices,
    DynamoLedger,
    DynamoPurchases,
    DynamoRequests,
    DynamoTopUps,
)
from chalicelib.adapters.dynamodb.trace_counts import DynamoTraceCounts
from chalicelib.adapters.dynamodb.usage_days import DynamoUsageDays
from chalicelib.config import Settings
from chalicelib.ports import (
    Accounts,
    Customers,
    History,
    Holds,
    Invoices,
    Ledger,
    Notices,
    Prices,
    Purchases,
    Requests,
    TopUps,
    TraceCounts,
    UsageDays,
)
from tests.fakes.accounts import FakeAccounts
from tests.fakes.metering import FakeHolds, FakeTraceCounts
from tests.fakes.outside import NoPause
from tests.fakes.prices import FakePrices
from tests.fakes.repositories import (
    FakeCustomers,
    FakeInvoices,
    FakeLedger,
    FakeNotices,
    FakePurchases,
    FakeRequests,
    FakeTopUps,
)
from tests.fakes.roll_ups import FakeHistory, FakeUsageDays
from tests.fakes.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """The ports that share one database; `pause` counts how often a write was tried again."""

    ledger: Ledger
    accounts: Accounts
    purchases: Purchases
    top_ups: TopUps
    customers: Customers
    requests: Requests
    invoices: Invoices
    notices: Notices
    holds: Holds
    trace_counts: TraceCounts
    history: History
    usage_days: UsageDays
    prices: Prices
    pause: NoPause


def fake_database() -> Database:
    """An empty one in memory."""
    store = Store()
    return Database(
        ledger=FakeLedger(store),
        accounts=FakeAccounts(store),
        purchases=FakePurchases(store),
        top_ups=FakeTopUps(store),
        customers=FakeCustomers(store),
        requests=FakeRequests(store),
        invoices=FakeInvoices(store),
        notices=FakeNotices(store),
        holds=FakeHolds(store),
        trace_counts=FakeTraceCounts(store),
        history=FakeHistory(store),
        usage_days=FakeUsageDays(),
        prices=FakePrices(),
        pause=NoPause(),
    )


@contextmanager
def dynamodb(environment: Mapping[str, str], *, client: Any = None) -> Iterator[Database]:
    """The tables that the environment names; only one at a time in a process.

    They are reached by the client, if one is given.
    """
    settings = Settings(environment)
    pause = NoPause()
    with in_environment(environment):
        connection = connect(settings.tables, region=settings.region)
        if client is not None:
            connection._client = client
        _ = connection.client  # made here, while the environment says where the tables are
        yield Database(
            ledger=DynamoLedger(Committer(connection, pause)),
            accounts=DynamoAccounts(),
            purchases=DynamoPurchases(),
            top_ups=DynamoTopUps(),
            customers=DynamoCustomers(),
            requests=DynamoRequests(),
            invoices=DynamoInvoices(),
            notices=DynamoNotices(),
            holds=DynamoHolds(),
            trace_counts=DynamoTraceCounts(),
            history=DynamoHistory(),
            usage_days=DynamoUsageDays(pause),
            prices=DynamoPrices(max_age_seconds=0),
            pause=pause,
        )


@contextmanager
def in_environment(environment: Mapping[str, str]) -> Iterator[None]:
    """Let this process be one of the application's for a while."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith(("AWS_", "STRIPE_", "JWT_"))]:
        del os.environ[name]
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
