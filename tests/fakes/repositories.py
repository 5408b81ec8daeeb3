"""The fake repositories: each port's questions to the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar, cast

from chalicelib.adapters.ids import first_id_at
from chalicelib.domain.account import Account
from chalicelib.domain.archive import Archive
from chalicelib.domain.customer import Customer
from chalicelib.domain.ledger import Entry
from chalicelib.domain.notices import Notice
from chalicelib.domain.numbering import InvoiceSequence, IssuedInvoice
from chalicelib.domain.purchase import Purchase, PurchaseStatus, PurchaseType
from chalicelib.domain.purchase_day import PurchaseDay
from chalicelib.domain.request import IdempotentRequest
from chalicelib.domain.topup import TopUp
from chalicelib.domain.write import Outcome, Write
from chalicelib.ports import Page, Window
from tests.fakes.store import Place, Store, place_of


class _Checked(Protocol):
    @property
    def check_at(self) -> datetime | None: ...


C = TypeVar("C", bound=_Checked)


class FakeLedger:
    """The Ledger port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def commit(self, write: Write) -> Outcome:
        """See the port."""
        return self._store.commit(write)

    def account(self, organization_id: str) -> Account:
        """See the port."""
        return self._store.account(organization_id)

    def entry(self, organization_id: str, key: str) -> Entry | None:
        """See the port."""
        with self._store.lock:
            return self._store.entries.get((organization_id, key))

    def entries(self, organization_id: str, window: Window) -> Page[Entry]:
        """See the port."""
        with self._store.lock:
            writes = sorted(self._store.writes.items(), reverse=True)
        listed = [
            (write_id, entry)
            for write_id, entries in writes
            for entry in sorted(entries, key=lambda entry: entry.id, reverse=True)
            if entry.organization_id == organization_id and _inside(write_id, "ent", window)
        ]
        if window.after:
            behind = tuple(window.after.split("/"))
            listed = [
                (write_id, entry) for write_id, entry in listed if (write_id, entry.id) < behind
            ]
        found = listed[: window.limit]
        more = len(listed) > window.limit
        last = f"{found[-1][0]}/{found[-1][1].id}" if more else None
        return Page(items=[entry for _, entry in found], after=last)

    def low_accounts(self, limit: int) -> Sequence[str]:
        """See the port."""
        with self._store.lock:
            rows = [row.account for row in self._store.accounts.values()]
        marked = sorted((a.low_since, a.organization_id) for a in rows if a.low_since is not None)
        return [organization_id for _, organization_id in marked[:limit]]


class FakePurchases:
    """The Purchases port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, organization_id: str, purchase_id: str) -> Purchase | None:
        """See the port."""
        found = self._store.saved.get(("Purchase", organization_id, purchase_id))
        return cast("Purchase | None", found)

    def all(self) -> list[Purchase]:
        """Every purchase, oldest first; for tests."""
        found = cast("Iterable[Purchase]", self._store.values("Purchase"))
        return sorted(found, key=lambda purchase: purchase.id)

    def succeeded(
        self,
        organization_id: str,
        window: Window,
        *,
        type: PurchaseType | None = None,  # noqa: A002 - the port's word
    ) -> Page[Purchase]:
        """See the port."""
        listed = [
            purchase
            for purchase in reversed(self.all())
            if purchase.organization_id == organization_id
            and purchase.status is PurchaseStatus.SUCCEEDED
            and type in {None, purchase.type}
            and _inside(purchase.id, "pur", window)
            and (window.after is None or purchase.id < window.after)
        ]
        found = listed[: window.limit]
        return Page(items=found, after=found[-1].id if len(listed) > window.limit else None)

    def due(self, now: datetime, limit: int) -> Sequence[Purchase]:
        """See the port."""
        return _due(self.all(), now)[:limit]

    def open(self, organization_id: str) -> Sequence[Purchase]:
        """See the port."""
        own = [p for p in self.all() if p.organization_id == organization_id]
        return [purchase for purchase in own if not purchase.final]


class FakePurchaseDays:
    """The PurchaseDays port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, organization_id: str, day: str) -> PurchaseDay:
        """See the port."""
        found = self._store.saved.get(("PurchaseDay", organization_id, day))
        return cast("PurchaseDay | None", found) or PurchaseDay(
            organization_id=organization_id, day=day
        )


@place_of.register
def _(value: PurchaseDay) -> Place:
    return ("PurchaseDay", value.organization_id, value.day)


class FakeTopUps:
    """The TopUps port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, organization_id: str) -> TopUp:
        """See the port."""
        found = self._store.saved.get(("TopUp", organization_id))
        return cast("TopUp | None", found) or TopUp(organization_id=organization_id)

    def due(self, now: datetime, limit: int) -> Sequence[str]:
        """See the port."""
        top_ups = cast("Iterable[TopUp]", self._store.values("TopUp"))
        return [top_up.organization_id for top_up in _due(top_ups, now)[:limit]]


class FakeCustomers:
    """The Customers port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, organization_id: str) -> Customer:
        """See the port."""
        found = self._store.saved.get(("Customer", organization_id))
        return cast("Customer | None", found) or Customer(organization_id=organization_id)


class FakeRequests:
    """The Requests port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, organization_id: str, operation: str, key: str) -> IdempotentRequest | None:
        """See the port."""
        found = self._store.saved.get(("IdempotentRequest", organization_id, operation, key))
        return cast("IdempotentRequest | None", found)


class FakeInvoices:
    """The Invoices port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def sequence(self, year: int) -> InvoiceSequence:
        """See the port."""
        found = self._store.saved.get(("InvoiceSequence", str(year)))
        return cast("InvoiceSequence | None", found) or InvoiceSequence(year=year)

    def get(self, organization_id: str, number: str) -> IssuedInvoice | None:
        """See the port."""
        found = self._store.saved.get(("IssuedInvoice", organization_id, number))
        return cast("IssuedInvoice | None", found)

    def issued(
        self, organization_id: str, *, since: datetime, until: datetime
    ) -> Sequence[IssuedInvoice]:
        """See the port."""
        return [
            issued
            for issued in self.all()
            if issued.invoice.organization_id == organization_id
            and since <= issued.invoice.issued_at < until
        ]

    def all(self) -> list[IssuedInvoice]:
        """Every invoice by number; for tests."""
        found = cast("Iterable[IssuedInvoice]", self._store.values("IssuedInvoice"))
        return sorted(found, key=lambda issued: issued.invoice.number)

    def due(self, now: datetime, limit: int) -> Sequence[IssuedInvoice]:
        """See the port."""
        return _due(self.all(), now)[:limit]


class FakeNotices:
    """The Notices port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, organization_id: str, name: str) -> Notice | None:
        """See the port."""
        found = self._store.saved.get(("Notice", organization_id, name))
        return cast("Notice | None", found)

    def all(self) -> list[Notice]:
        """Every notice, oldest first; for tests."""
        found = cast("Iterable[Notice]", self._store.values("Notice"))
        return sorted(found, key=lambda notice: notice.id)

    def due(self, now: datetime, limit: int) -> Sequence[Notice]:
        """See the port."""
        return _due(self.all(), now)[:limit]


class FakeArchives:
    """The Archives port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, organization_id: str, name: str) -> Archive | None:
        """See the port."""
        found = self._store.saved.get(("Archive", organization_id, name))
        return cast("Archive | None", found)

    def due(self, now: datetime, limit: int) -> Sequence[Archive]:
        """See the port."""
        return _due(cast("Iterable[Archive]", self._store.values("Archive")), now)[:limit]


def _inside(id: str, prefix: str, window: Window) -> bool:  # noqa: A002
    since = first_id_at(prefix, window.since) if window.since else ""
    until = first_id_at(prefix, window.until) if window.until else "~"
    return since <= id < until


def _due(values: Iterable[C], now: datetime) -> list[C]:
    due = [(value.check_at, value) for value in values if value.check_at is not None]
    return [value for at, value in sorted(due, key=lambda pair: pair[0]) if at <= now]
