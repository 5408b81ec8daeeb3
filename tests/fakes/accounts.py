"""The fake Accounts port: the accounts' rows as they are stored."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from chalicelib.domain.stored_account import StoredAccount
from tests.fakes.store import AccountRow, Store


class FakeAccounts:
    """The Accounts port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def stored(self, organization_id: str) -> StoredAccount | None:
        """See the port."""
        with self._store.lock:
            row = self._store.accounts.get(organization_id)
            return None if row is None else _stored(row)

    def replace(self, before: StoredAccount | None, after: StoredAccount) -> bool:
        """See the port."""
        with self._store.lock:
            if self.stored(after.organization_id) != before:
                return False
            self._store.accounts[after.organization_id] = AccountRow(
                after.account,
                headroom_nanos=after.headroom_nanos,
                writes=after.writes,
                last_write=after.last_write,
            )
            return True

    def organizations(self) -> Iterator[str]:
        """See the port."""
        with self._store.lock:
            histories = {entries[0].organization_id for entries in self._store.writes.values()}
            return iter(sorted(histories | self._store.accounts.keys()))

    def about_how_many(self) -> int:
        """See the port."""
        with self._store.lock:
            return len(self._store.accounts)

    def in_part(self, part: int, *, of: int) -> Iterator[str]:
        """See the port."""
        with self._store.lock:
            known = list(self._store.accounts)
        return (name for name in known if zlib.crc32(name.encode()) % of == part)


def _stored(row: AccountRow) -> StoredAccount:
    account = row.account
    return StoredAccount(
        organization_id=account.organization_id,
        available_nanos=account.available_nanos,
        held_nanos=account.held_nanos,
        headroom_nanos=row.headroom_nanos,
        floor_nanos=account.floor_nanos,
        tops_up=account.tops_up,
        suspended=account.suspended,
        closed=account.closed,
        low_since=account.low_since,
        writes=row.writes,
        last_write=row.last_write,
    )
