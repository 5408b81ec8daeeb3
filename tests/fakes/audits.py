"""The fake audits: accounts and histories as the store has them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import datetime

from chalicelib.adapters.ids import first_id_at
from chalicelib.domain.audit import Balance, LedgerSums
from tests.fakes.store import Store


class FakeAudits:
    """The Audits port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def balance(self, organization_id: str) -> Balance:
        """See the port."""
        with self._store.lock:
            row = self._store.accounts.get(organization_id)
        if row is None:
            return Balance(organization_id=organization_id)
        return Balance(
            organization_id=organization_id,
            available_nanos=row.account.available_nanos,
            held_nanos=row.account.held_nanos,
            headroom_nanos=row.headroom_nanos,
            floor_nanos=row.account.floor_nanos,
            writes=row.writes,
        )

    def sums(
        self,
        organization_id: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> LedgerSums:
        """See the port."""
        first = first_id_at("ent", since) if since else "ent_"
        last = first_id_at("ent", until) if until else "ent_~"
        sums = LedgerSums()
        with self._store.lock:
            for write_id, listed in self._store.writes.items():
                if listed[0].organization_id != organization_id or not first <= write_id < last:
                    continue
                kept = [e for e in listed if (organization_id, e.key) in self._store.entries]
                sums += LedgerSums(
                    available_nanos=sum(entry.available_nanos for entry in kept),
                    held_nanos=sum(entry.held_nanos for entry in kept),
                    writes=1,
                    entries=len(kept),
                    missing=len(listed) - len(kept),
                )
        return sums

    def about_how_many(self) -> int:
        """See the port."""
        with self._store.lock:
            return len(self._store.accounts)

    def organizations(self, *, part: int, parts: int) -> Iterator[str]:
        """See the port."""
        with self._store.lock:
            known = list(self._store.accounts)
        return (name for name in known if zlib.crc32(name.encode()) % parts == part)
