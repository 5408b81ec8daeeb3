"""The Accounts port: the accounts as they are stored, read and set right one at a time."""

from __future__ import annotations

from collections.abc import Iterator

from pynamodb.exceptions import DoesNotExist, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.adapters.dynamodb.connection import code_of
from chalicelib.adapters.dynamodb.models import DUE, AccountModel, EntryModel
from chalicelib.domain.stored_account import StoredAccount

_FAILED = "ConditionalCheckFailedException"


class DynamoAccounts:
    """Reads and replaces rows of the accounts table."""

    def stored(self, organization_id: str) -> StoredAccount | None:
        """See the port."""
        try:
            row = AccountModel.get(organization_id, consistent_read=True)
        except DoesNotExist:
            return None
        return StoredAccount(
            organization_id=row.organization_id,
            available_nanos=int(row.available),
            held_nanos=int(row.held),
            headroom_nanos=int(row.headroom),
            floor_nanos=int(row.floor),
            tops_up=bool(row.tops_up),
            suspended=bool(row.suspended),
            closed=bool(row.closed),
            low_since=row.low_since,
            writes=int(row.writes),
            last_write=row.last_write,
        )

    def replace(self, before: StoredAccount | None, after: StoredAccount) -> bool:
        """See the port. It sets what it sets, so a lost answer and a second try do no harm."""
        try:
            AccountModel(after.organization_id).update(
                actions=_actions(after), condition=_as_read(before)
            )
        except UpdateError as error:
            if code_of(error) != _FAILED:
                raise
            return False
        return True

    def organizations(self) -> Iterator[str]:
        """See the port. It reads both tables from end to end."""
        seen: set[str] = set()
        # The history: an account that was lost is found by it.
        for row in EntryModel.history.scan(attributes_to_get=["entry_key", "organization_id"]):
            if row.organization_id not in seen:
                seen.add(row.organization_id)
                yield row.organization_id
        for account in AccountModel.scan(attributes_to_get=["organization_id"]):
            if account.organization_id not in seen:
                seen.add(account.organization_id)
                yield account.organization_id

    def about_how_many(self) -> int:
        """See the port. DynamoDB counts a table's items every six hours."""
        return AccountModel.count()

    def in_part(self, part: int, *, of: int) -> Iterator[str]:
        """See the port. DynamoDB parts a table by the hash of its keys."""
        rows = AccountModel.scan(
            segment=part, total_segments=of, attributes_to_get=["organization_id"]
        )
        for row in rows:
            yield row.organization_id


def _actions(after: StoredAccount) -> list[Action]:
    actions: list[Action] = [
        AccountModel.available.set(after.available_nanos),
        AccountModel.held.set(after.held_nanos),
        AccountModel.headroom.set(after.headroom_nanos),
        AccountModel.floor.set(after.floor_nanos),
        AccountModel.tops_up.set(after.tops_up),
        AccountModel.suspended.set(after.suspended),
        AccountModel.closed.set(after.closed),
        AccountModel.writes.set(after.writes),
    ]
    if after.last_write is None:
        actions.append(AccountModel.last_write.remove())
    else:
        actions.append(AccountModel.last_write.set(after.last_write))
    if after.low_since is not None:
        # A mark is never taken away here: somebody may just have set it.
        actions += [AccountModel.low.set(DUE), AccountModel.low_since.set(after.low_since)]
    return actions


def _as_read(before: StoredAccount | None) -> Condition:
    if before is None:
        absent: Condition = AccountModel.organization_id.does_not_exist()
        return absent
    same: Condition = AccountModel.organization_id == before.organization_id
    # What a row never got reads as zero.
    for attribute, value in (
        (AccountModel.available, before.available_nanos),
        (AccountModel.held, before.held_nanos),
        (AccountModel.headroom, before.headroom_nanos),
        (AccountModel.floor, before.floor_nanos),
        (AccountModel.writes, before.writes),
        (AccountModel.tops_up, before.tops_up),
        (AccountModel.suspended, before.suspended),
        (AccountModel.closed, before.closed),
    ):
        as_read: Condition = attribute == value
        same = same & (as_read if value else as_read | attribute.does_not_exist())
    return same
