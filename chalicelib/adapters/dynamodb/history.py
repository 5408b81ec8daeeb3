"""The History port: the entries that were written together, read by the keys that lead to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from chalicelib.adapters.dynamodb.codec import entry_of, ledger_row_key
from chalicelib.adapters.dynamodb.models import EntryModel
from chalicelib.adapters.dynamodb.repositories import ENTRY_PREFIX
from chalicelib.adapters.ids import first_id_at
from chalicelib.domain.ledger import Entry
from chalicelib.domain.stored_account import ListedWrite
from chalicelib.ports import Page

Rows = dict[str, EntryModel]
#: So many writes are listed at once, with all their entries.
_LISTED = 200
_HIGHEST = f"{ENTRY_PREFIX}_~"


class DynamoHistory:
    """Reads whole writes from the ledger table."""

    def writes(
        self, organization_id: str, first_keys: Sequence[str]
    ) -> Sequence[tuple[Entry, ...]]:
        """See the port."""
        keys = [ledger_row_key(organization_id, key) for key in first_keys]
        first = _rows(keys)
        followers = {key: _follower_keys(first[key]) for key in keys}
        rows = first | _rows({each for keys in followers.values() for each in keys})
        return [tuple(entry_of(rows[each]) for each in (key, *followers[key])) for key in keys]

    def count(self, organization_id: str, *, since: datetime, until: datetime) -> int:
        """See the port. The index has one row per write."""
        ids = EntryModel.id.between(
            first_id_at(ENTRY_PREFIX, since), first_id_at(ENTRY_PREFIX, until)
        )
        return EntryModel.history.count(organization_id, range_key_condition=ids)

    def listed(
        self, organization_id: str, *, since: datetime | None = None, after: str | None = None
    ) -> Page[ListedWrite]:
        """See the port."""
        # `after` is the id of the last write that was listed; what is above it sorts behind it.
        lowest = f"{after}~" if after else first_id_at(ENTRY_PREFIX, since) if since else ""
        first = EntryModel.history.query(
            organization_id,
            range_key_condition=EntryModel.id.between(lowest or f"{ENTRY_PREFIX}_", _HIGHEST),
            limit=_LISTED,
            page_size=_LISTED,
        )
        rows = list(first)
        keys = {row.entry_key: _follower_keys(row) for row in rows}
        found = entry_rows(each for followers in keys.values() for each in followers)
        writes = [_listed(row, keys[row.entry_key], found) for row in rows]
        return Page(items=writes, after=rows[-1].id if len(rows) == _LISTED else None)


def _follower_keys(row: EntryModel) -> list[str]:
    return [ledger_row_key(row.organization_id, key) for key in row.followers or ()]


def _listed(row: EntryModel, follower_keys: Iterable[str], found: Rows) -> ListedWrite:
    present = [key for key in follower_keys if key in found]
    prefix = ledger_row_key(row.organization_id, "")
    return ListedWrite(
        entries=tuple(entry_of(each) for each in (row, *(found[key] for key in present))),
        missing=tuple(key.removeprefix(prefix) for key in follower_keys if key not in found),
    )


def _rows(keys: Iterable[str]) -> Rows:
    """The rows by their keys, all of them."""
    wanted = set(keys)
    found = entry_rows(wanted)
    unknown = wanted - found.keys()
    if unknown:
        raise LookupError(f"there is no entry {min(unknown)}")
    return found


def entry_rows(keys: Iterable[str], *, fields: Sequence[str] | None = None) -> Rows:
    """Those rows that there are, by their keys; of each all attributes, or those fields.

    An entry never changes, so one that a cheap read finds is the one; only for what a replica
    doesn't have yet, the leader is asked, at twice the price.
    """
    wanted = dict.fromkeys(keys)
    found: Rows = {}
    for consistent in (False, True):
        missing = [key for key in wanted if key not in found]
        if missing:
            rows = EntryModel.batch_get(
                missing, consistent_read=consistent, attributes_to_get=fields
            )
            found |= {row.entry_key: row for row in rows}
    return found
