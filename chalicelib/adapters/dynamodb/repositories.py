"""Reading the tables: each port's questions, by strongly consistent reads where it counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamodb.codec import (
    account_of,
    customer_of,
    entry_of,
    invoice_of,
    ledger_row_key,
    purchase_of,
    request_of,
    request_row_key,
    sequence_row_key,
    top_up_of,
)
from chalicelib.adapters.dynamodb.commit import Committer
from chalicelib.adapters.dynamodb.models import (
    DUE,
    AccountModel,
    CustomerModel,
    EntryModel,
    InvoiceModel,
    PurchaseModel,
    RequestModel,
    SequenceModel,
    TopUpModel,
)
from chalicelib.adapters.ids import first_id_at
from chalicelib.domain.account import Account
from chalicelib.domain.customer import Customer
from chalicelib.domain.ledger import Entry
from chalicelib.domain.numbering import InvoiceSequence, IssuedInvoice
from chalicelib.domain.purchase import Purchase, PurchaseStatus, PurchaseType
from chalicelib.domain.request import IdempotentRequest
from chalicelib.domain.topup import TopUp
from chalicelib.domain.write import Outcome, Write
from chalicelib.ports import Page, Window

ENTRY_PREFIX = "ent"
PURCHASE_PREFIX = "pur"
_BATCH_GET_LIMIT = 100
#: An organization's whole history is read in pages of this many rows.
_QUERY_PAGE = 100


class DynamoLedger:
    """The Ledger port: the accounts and the ledger table."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer

    def commit(self, write: Write) -> Outcome:
        """See the port."""
        return self._committer.commit(write)

    def account(self, organization_id: str) -> Account:
        """See the port."""
        try:
            return account_of(AccountModel.get(organization_id, consistent_read=True))
        except DoesNotExist:
            return Account(organization_id=organization_id)

    def entry(self, organization_id: str, key: str) -> Entry | None:
        """See the port."""
        try:
            row_key = ledger_row_key(organization_id, key)
            return entry_of(EntryModel.get(row_key, consistent_read=True))
        except DoesNotExist:
            return None

    def entries(self, organization_id: str, window: Window) -> Page[Entry]:
        """See the port. An index is behind by milliseconds: a write shows a moment later."""
        found: list[Entry] = []
        last = ""
        for write_id, entry in self._history(organization_id, window):
            if len(found) == window.limit:
                return Page(items=found, after=last)
            found.append(entry)
            last = f"{write_id}/{entry.id}"
        return Page(items=found, after=None)

    def low_accounts(self, limit: int) -> Sequence[str]:
        """See the port."""
        rows = AccountModel.low_accounts.query(DUE, limit=limit)
        return [row.organization_id for row in islice(rows, limit)]

    def _history(self, organization_id: str, window: Window) -> Iterator[tuple[str, Entry]]:
        # A write is listed under the id of its first entry, and writes of one millisecond may
        # overlap, so a position in the list is a write and an entry in it.
        lowest, highest = _id_range(ENTRY_PREFIX, window)
        write_after, _, entry_after = (window.after or "").partition("/")
        if window.after:
            highest = min(highest, write_after)
        if lowest > highest:
            return
        rows = EntryModel.history.query(
            organization_id,
            range_key_condition=EntryModel.id.between(lowest, highest),
            scan_index_forward=False,
            page_size=min(window.limit + 1, _QUERY_PAGE),
        )
        for row in rows:
            for entry in self._write_of(row):
                if row.id != write_after or entry.id < entry_after:
                    yield row.id, entry

    def _write_of(self, row: EntryModel) -> list[Entry]:
        entries = [entry_of(row)]
        keys = [ledger_row_key(row.organization_id, key) for key in row.followers or ()]
        for start in range(0, len(keys), _BATCH_GET_LIMIT):
            part = keys[start : start + _BATCH_GET_LIMIT]
            entries += map(entry_of, EntryModel.batch_get(part, consistent_read=True))
        return sorted(entries, key=lambda entry: entry.id, reverse=True)


class DynamoPurchases:
    """The Purchases port."""

    def get(self, organization_id: str, purchase_id: str) -> Purchase | None:
        """See the port."""
        try:
            return purchase_of(
                PurchaseModel.get(organization_id, purchase_id, consistent_read=True)
            )
        except DoesNotExist:
            return None

    def succeeded(
        self,
        organization_id: str,
        window: Window,
        *,
        type: PurchaseType | None = None,  # noqa: A002
    ) -> Page[Purchase]:
        """See the port."""
        wanted: Condition = PurchaseModel.status == PurchaseStatus.SUCCEEDED.value
        if type is not None:
            wanted = wanted & (PurchaseModel.type == type.value)
        lowest, highest = _id_range(PURCHASE_PREFIX, window)
        if window.after:
            highest = min(highest, window.after)
        if lowest > highest:
            return Page(items=[], after=None)
        rows = PurchaseModel.query(
            organization_id,
            range_key_condition=PurchaseModel.id.between(lowest, highest),
            filter_condition=wanted,
            scan_index_forward=False,
            consistent_read=True,
            page_size=_QUERY_PAGE,
        )
        found: list[Purchase] = []
        for row in rows:
            if row.id == window.after:
                continue
            if len(found) == window.limit:
                return Page(items=found, after=found[-1].id)
            found.append(purchase_of(row))
        return Page(items=found, after=None)

    def due(self, now: datetime, limit: int) -> Sequence[Purchase]:
        """See the port."""
        rows = PurchaseModel.due_purchases.query(DUE, PurchaseModel.check_at <= now, limit=limit)
        return [purchase_of(row) for row in rows]

    def open(self, organization_id: str) -> Sequence[Purchase]:
        """See the port."""
        not_final: Condition = PurchaseModel.due == DUE
        rows = PurchaseModel.query(
            organization_id, filter_condition=not_final, consistent_read=True
        )
        return [purchase_of(row) for row in rows]


class DynamoTopUps:
    """The TopUps port."""

    def get(self, organization_id: str) -> TopUp:
        """See the port."""
        try:
            return top_up_of(TopUpModel.get(organization_id, consistent_read=True))
        except DoesNotExist:
            return TopUp(organization_id=organization_id)

    def due(self, now: datetime, limit: int) -> Sequence[str]:
        """See the port."""
        rows = TopUpModel.due_top_ups.query(DUE, TopUpModel.check_at <= now, limit=limit)
        return [row.organization_id for row in rows]


class DynamoCustomers:
    """The Customers port."""

    def get(self, organization_id: str) -> Customer:
        """See the port."""
        try:
            return customer_of(CustomerModel.get(organization_id, consistent_read=True))
        except DoesNotExist:
            return Customer(organization_id=organization_id)


class DynamoRequests:
    """The Requests port."""

    def get(self, organization_id: str, operation: str, key: str) -> IdempotentRequest | None:
        """See the port."""
        try:
            row_key = request_row_key(organization_id, operation, key)
            return request_of(RequestModel.get(row_key, consistent_read=True))
        except DoesNotExist:
            return None


class DynamoInvoices:
    """The Invoices port."""

    def sequence(self, year: int) -> InvoiceSequence:
        """See the port."""
        try:
            row = SequenceModel.get(sequence_row_key(year), consistent_read=True)
        except DoesNotExist:
            return InvoiceSequence(year=year)
        return InvoiceSequence(year=year, last=int(row.last))

    def get(self, organization_id: str, number: str) -> IssuedInvoice | None:
        """See the port."""
        try:
            return invoice_of(InvoiceModel.get(organization_id, number, consistent_read=True))
        except DoesNotExist:
            return None

    def issued(
        self, organization_id: str, *, since: datetime, until: datetime
    ) -> Sequence[IssuedInvoice]:
        """See the port."""
        # A time is kept to the microsecond, so the last one before `until` is that much earlier.
        then = InvoiceModel.issued_at.between(since, until - timedelta(microseconds=1))
        rows = InvoiceModel.query(organization_id, filter_condition=then, consistent_read=True)
        return [invoice_of(row) for row in rows]

    def due(self, now: datetime, limit: int) -> Sequence[IssuedInvoice]:
        """See the port."""
        rows = InvoiceModel.due_invoices.query(DUE, InvoiceModel.check_at <= now, limit=limit)
        return [invoice_of(row) for row in rows]


def _id_range(prefix: str, window: Window) -> tuple[str, str]:
    """The lowest and the highest id of a window; ids sort by time. Empty if they are crossed."""
    lowest = first_id_at(prefix, window.since) if window.since else f"{prefix}_"
    highest = first_id_at(prefix, window.until) if window.until else f"{prefix}_~"
    return lowest, highest
