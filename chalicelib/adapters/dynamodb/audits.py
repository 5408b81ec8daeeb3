"""The Audits port: accounts and whole histories, read as cheaply as sums need them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from pynamodb.exceptions import DoesNotExist

from chalicelib.adapters.dynamodb.codec import ledger_row_key
from chalicelib.adapters.dynamodb.history import entry_rows
from chalicelib.adapters.dynamodb.models import AccountModel, EntryModel
from chalicelib.adapters.dynamodb.repositories import ENTRY_PREFIX
from chalicelib.adapters.ids import first_id_at
from chalicelib.domain.audit import Balance, LedgerSums

#: What a sum needs of an entry.
_FIELDS = ["entry_key", "id", "organization_id", "amount", "held", "followers"]
_BATCH_GET_LIMIT = 100


class DynamoAudits:
    """Reads the accounts' and the ledger's table."""

    def balance(self, organization_id: str) -> Balance:
        """See the port."""
        try:
            row = AccountModel.get(organization_id, consistent_read=True)
        except DoesNotExist:
            return Balance(organization_id=organization_id)
        return Balance(
            organization_id=organization_id,
            available_nanos=int(row.available),
            held_nanos=int(row.held),
            headroom_nanos=int(row.headroom),
            floor_nanos=int(row.floor),
            writes=int(row.writes),
        )

    def sums(
        self,
        organization_id: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> LedgerSums:
        """See the port. A write is listed once; its further entries are read by their keys."""
        lowest = first_id_at(ENTRY_PREFIX, since) if since else f"{ENTRY_PREFIX}_"
        highest = first_id_at(ENTRY_PREFIX, until) if until else f"{ENTRY_PREFIX}_~"
        sums = LedgerSums()
        waiting: list[str] = []
        rows = EntryModel.history.query(
            organization_id,
            range_key_condition=EntryModel.id.between(lowest, highest),
            attributes_to_get=_FIELDS,
        )
        for row in rows:
            if row.id == highest:
                continue  # `until` isn't included
            sums += _sums_of([row], writes=1)
            waiting += [ledger_row_key(organization_id, key) for key in row.followers or ()]
            while len(waiting) >= _BATCH_GET_LIMIT:
                sums += _followers(waiting[:_BATCH_GET_LIMIT])
                del waiting[:_BATCH_GET_LIMIT]
        return sums + _followers(waiting)

    def about_how_many(self) -> int:
        """See the port. DynamoDB counts a table's items every six hours."""
        return AccountModel.count()

    def organizations(self, *, part: int, parts: int) -> Iterator[str]:
        """See the port. DynamoDB parts a table by the hash of its keys."""
        rows = AccountModel.scan(
            segment=part, total_segments=parts, attributes_to_get=["organization_id"]
        )
        for row in rows:
            yield row.organization_id


def _followers(keys: list[str]) -> LedgerSums:
    """The sums of these entries."""
    found = entry_rows(keys, fields=_FIELDS)
    return _sums_of(found.values(), missing=len(keys) - len(found))


def _sums_of(rows: Iterable[EntryModel], *, writes: int = 0, missing: int = 0) -> LedgerSums:
    amounts = [(int(row.amount), int(row.held or 0)) for row in rows]
    held_nanos = sum(held for _, held in amounts)
    return LedgerSums(
        available_nanos=sum(amount for amount, _ in amounts) - held_nanos,
        held_nanos=held_nanos,
        writes=writes,
        entries=len(amounts),
        missing=missing,
    )
