"""The fakes' database: rows under a lock, and writes that are made whole or not at all.

It keeps and refuses what the DynamoDB adapter does, condition by condition, with the same
outcomes. What DynamoDB itself would refuse, such as one item twice in a transaction, is a
ValueError here: a bug of whoever made the write.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import singledispatch

from chalicelib.domain.account import Account, Standing
from chalicelib.domain.crossing import news_of
from chalicelib.domain.ledger import Entry
from chalicelib.domain.notices import Notice
from chalicelib.domain.numbering import InvoiceSequence, IssuedInvoice
from chalicelib.domain.request import IdempotentRequest
from chalicelib.domain.topup import TopUp
from chalicelib.domain.usage_day import AccountChange
from chalicelib.domain.write import (
    Committed,
    Cover,
    NotCovered,
    Outcome,
    Repeated,
    Stale,
    Write,
)

#: DynamoDB's own limit of items in a transaction.
_MAX_ITEMS = 100
Place = tuple[str, ...]


@singledispatch
def place_of(value: object) -> Place:
    """Where a saved value is kept: its aggregate, and what names it there."""
    names = ["organization_id", "id" if hasattr(value, "id") else "name"]
    return (type(value).__name__, *(str(getattr(value, n)) for n in names if hasattr(value, n)))


@place_of.register
def _(value: InvoiceSequence) -> Place:
    return ("InvoiceSequence", str(value.year))


@place_of.register
def _(value: IssuedInvoice) -> Place:
    return ("IssuedInvoice", value.invoice.organization_id, value.invoice.number)


@place_of.register
def _(value: Notice) -> Place:
    return ("Notice", value.organization_id, value.name)


@place_of.register
def _(value: IdempotentRequest) -> Place:
    return ("IdempotentRequest", value.organization_id, value.operation, value.key)


def version_of(value: object) -> int:
    """The version that a saved value is; a sequence has its last number for one."""
    version: int = value.last if isinstance(value, InvoiceSequence) else value.version  # type: ignore[attr-defined]
    return version


@dataclass(slots=True)
class AccountRow:
    """An account as it is stored, its headroom beside it rather than computed."""

    account: Account
    headroom_nanos: int = 0
    writes: int = 0
    last_write: str | None = None


class Store:
    """All tables. Every access is one at a time, as DynamoDB serialises those of an item."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.accounts: dict[str, AccountRow] = {}
        self.entries: dict[tuple[str, str], Entry] = {}
        #: The listed entries of each write, by the id of the first.
        self.writes: dict[str, list[Entry]] = {}
        self.saved: dict[Place, object] = {}
        #: What the accounts' stream would tell, in order.
        self.changes: list[AccountChange] = []
        self.commits = 0

    def values(self, kind: str) -> Iterator[object]:
        """Every saved value of an aggregate, such as "Purchase"."""
        with self.lock:
            found = [value for place, value in self.saved.items() if place[0] == kind]
        return iter(found)

    def account(self, organization_id: str) -> Account:
        """The account, empty if there is none."""
        with self.lock:
            row = self.accounts.get(organization_id)
            return Account(organization_id=organization_id) if row is None else row.account

    def commit(self, write: Write) -> Outcome:
        """See `ports.Ledger.commit`; it is never busy."""
        _refuse_impossible(write)
        with self.lock:
            present = {
                entry.key: self.entries[entry.organization_id, entry.key]
                for entry in write.entries
                if (entry.organization_id, entry.key) in self.entries
            }
            stale = not all(self._expected(value) for value in write.saves)
            allowed = not write.touches_account or self._allows(write)
            if present:
                return Repeated(entries=present)
            as_read = write.floor or write.standing or write.clear_low_since
            if stale or (not allowed and as_read):
                return Stale()
            if not allowed:
                return NotCovered(account=self.account(write.organization_id))
            self._make(write)
            return Committed()

    def _expected(self, value: object) -> bool:
        stored = self.saved.get(place_of(value))
        unchanged = version_of(value) == (0 if stored is None else version_of(stored)) + 1
        if isinstance(value, TopUp) and isinstance(stored, TopUp) and value.open_purchase_id:
            return unchanged and stored.open_purchase_id in {None, value.open_purchase_id}
        return unchanged

    def _allows(self, write: Write) -> bool:
        account = self.account(write.organization_id)
        if write.floor and account.floor_nanos != write.floor.from_nanos:
            return False
        if write.floor and write.floor.tops_up and account.closed:
            return False
        if write.standing and account.standing is not write.standing.before:
            return False
        if write.clear_low_since and account.low_since != write.clear_low_since:
            return False
        change_nanos = write.available_nanos
        if write.news is not None and change_nanos:
            return write.news == news_of(account, change_nanos) and self._covers(write, account)
        return self._covers(write, account)

    def _covers(self, write: Write, account: Account) -> bool:
        row = self.accounts.get(write.organization_id)
        spent_nanos = -write.available_nanos
        if row is None:
            # Nothing compares with what isn't there.
            return write.cover in {Cover.OVERDRAWS, Cover.NONE}
        covered = account.available_nanos >= spent_nanos
        return {
            Cover.AMPLE: not account.suspended and row.headroom_nanos >= spent_nanos,
            Cover.COVERED: not account.suspended and covered,
            Cover.FUNDED: covered,
            Cover.OVERDRAWS: not covered,
            Cover.NONE: True,
        }[write.cover]

    def _make(self, write: Write) -> None:
        self.commits += 1
        for entry in write.entries:
            self.entries[entry.organization_id, entry.key] = entry
        listed = [entry for entry in write.entries if entry.listed]
        if listed:
            self.writes[listed[0].id] = listed
        for value in write.saves:
            self.saved[place_of(value)] = value
        if write.touches_account:
            self._change_account(write)

    def _change_account(self, write: Write) -> None:
        row = self.accounts.setdefault(
            write.organization_id, AccountRow(self.account(write.organization_id))
        )
        account = replace(
            row.account,
            available_nanos=row.account.available_nanos + write.available_nanos,
            held_nanos=row.account.held_nanos + write.held_nanos,
        )
        row.headroom_nanos += write.available_nanos
        if write.floor:
            row.headroom_nanos -= write.floor.to_nanos - write.floor.from_nanos
            account = replace(
                account, floor_nanos=write.floor.to_nanos, tops_up=write.floor.tops_up
            )
        if write.standing:
            account = replace(
                account,
                suspended=write.standing.after is not Standing.OPEN,
                closed=write.standing.after is Standing.CLOSED,
            )
        if write.mark_low:
            account = replace(account, low_since=write.at)
        if write.clear_low_since:
            account = replace(account, low_since=None)
        row.account = account
        if write.listed:
            row.writes += 1
            row.last_write = write.listed[0].key
            change = AccountChange(
                organization_id=write.organization_id,
                number=row.writes,
                first_key=write.listed[0].key,
                available_nanos=account.available_nanos,
                held_nanos=account.held_nanos,
            )
            self.changes.append(change)


def _refuse_impossible(write: Write) -> None:
    items: list[Place] = [("Entry", e.organization_id, e.key) for e in write.entries]
    items += [place_of(value) for value in write.saves]
    if write.touches_account:
        items.append(("Account", write.organization_id))
    if len(items) != len(set(items)):
        raise ValueError("a transaction can't have one item twice")
    if not 1 <= len(items) <= _MAX_ITEMS:
        raise ValueError(f"a transaction can't have {len(items)} items")
    if write.mark_low and write.clear_low_since:
        raise ValueError("an expression can't set and remove one attribute")
    for at in (write.at, *(entry.recorded_at for entry in write.entries)):
        _refuse_naive(at)
    for entry in write.entries:
        json.dumps(entry.details)


def _refuse_naive(at: datetime) -> None:
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
