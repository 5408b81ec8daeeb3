"""What is kept in DynamoDB: the ports on its tables, over one client that they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from chalicelib.config import Settings
from chalicelib.wiring.built_once import built_once

if TYPE_CHECKING:
    from chalicelib.adapters.metrics import Meter
    from chalicelib.ports import (
        Accounts,
        Archives,
        Customers,
        Holds,
        Invoices,
        Ledger,
        Notices,
        Pause,
        Prices,
        PurchaseDays,
        Purchases,
        Requests,
        TopUps,
        TraceCounts,
        UsageDays,
    )

T = TypeVar("T")


class Stores:
    """The repositories, each built on its first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @built_once
    def ledger(self) -> Ledger:
        """Accounts and entries."""
        from chalicelib.adapters.dynamodb.commit import Committer
        from chalicelib.adapters.dynamodb.models import connect
        from chalicelib.adapters.dynamodb.repositories import DynamoLedger
        from chalicelib.adapters.observed_writes import ObservedWrites
        from chalicelib.usecases.announcing import AnnouncingLedger

        connection = connect(self.settings.tables, region=self.settings.region)
        pause = self._counted_pause("Conflicts")
        committer = Committer(connection, pause, observe=ObservedWrites(self.meter))
        return AnnouncingLedger(DynamoLedger(committer))

    @built_once
    def meter(self) -> Meter:
        """What is measured, for the operator."""
        from chalicelib.adapters.correlation import ATTRIBUTE, current_correlation_id
        from chalicelib.adapters.metrics import Meter

        return Meter(
            namespace=self.settings.metrics_namespace,
            properties=lambda: {ATTRIBUTE: current_correlation_id()},
        )

    @built_once
    def purchases(self) -> Purchases:
        """Purchases of credits."""
        from chalicelib.adapters.dynamodb.repositories import DynamoPurchases

        return self._connected(DynamoPurchases)

    @built_once
    def top_ups(self) -> TopUps:
        """Standing orders."""
        from chalicelib.adapters.dynamodb.repositories import DynamoTopUps

        return self._connected(DynamoTopUps)

    @built_once
    def customers(self) -> Customers:
        """Buyers."""
        from chalicelib.adapters.dynamodb.repositories import DynamoCustomers

        return self._connected(DynamoCustomers)

    @built_once
    def _accounts(self) -> Accounts:
        from chalicelib.adapters.dynamodb.accounts import DynamoAccounts

        return self._connected(DynamoAccounts)

    @built_once
    def _prices(self) -> Prices:
        from chalicelib.adapters.dynamodb.prices import DynamoPrices

        max_age_seconds = self.settings.prices_max_age_seconds
        return self._connected(lambda: DynamoPrices(max_age_seconds=max_age_seconds))

    @built_once
    def _usage_days(self) -> UsageDays:
        from chalicelib.adapters.dynamodb.usage_days import DynamoUsageDays
        from chalicelib.adapters.pause import JitteredPause

        return self._connected(lambda: DynamoUsageDays(JitteredPause()))

    @built_once
    def _requests(self) -> Requests:
        from chalicelib.adapters.dynamodb.repositories import DynamoRequests

        return self._connected(DynamoRequests)

    @built_once
    def _invoices(self) -> Invoices:
        from chalicelib.adapters.dynamodb.repositories import DynamoInvoices

        return self._connected(DynamoInvoices)

    @built_once
    def _notices(self) -> Notices:
        from chalicelib.adapters.dynamodb.notices import DynamoNotices

        return self._connected(DynamoNotices)

    @built_once
    def _archives(self) -> Archives:
        from chalicelib.adapters.dynamodb.archives import DynamoArchives

        return self._connected(DynamoArchives)

    @built_once
    def _holds(self) -> Holds:
        from chalicelib.adapters.dynamodb.holds import DynamoHolds

        return self._connected(DynamoHolds)

    @built_once
    def _purchase_days(self) -> PurchaseDays:
        from chalicelib.adapters.dynamodb.purchase_days import DynamoPurchaseDays

        return self._connected(DynamoPurchaseDays)

    @built_once
    def _trace_counts(self) -> TraceCounts:
        from chalicelib.adapters.dynamodb.trace_counts import DynamoTraceCounts

        return self._connected(DynamoTraceCounts)

    @built_once
    def _rivalry_pause(self) -> Pause:
        """Between tries that failed since a rival had changed the same hold or count."""
        return self._counted_pause("Rivalries")

    def _counted_pause(self, metric: str) -> Pause:
        from chalicelib.adapters.pause import JitteredPause

        return JitteredPause(self.meter.counter(metric))

    def _connected(self, repository: Callable[[], T]) -> T:
        """A repository, once the models know their tables."""
        _ = self.ledger
        return repository()
