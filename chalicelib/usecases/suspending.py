"""Suspending an account and letting it go on: an operator's acts, each an entry in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.account import Account, Standing
from chalicelib.domain.errors import BusyError, ConflictError
from chalicelib.domain.ledger import Entry, EntryKind, standing_key
from chalicelib.domain.write import Committed, Repeated, StandingChange, Write
from chalicelib.ports import Ids, Ledger, Queue
from chalicelib.usecases.idempotency import digest_of

#: Rivals are other operators, who change the same account's standing.
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What an operator does to an account, and why."""

    organization_id: str
    reason: str
    author: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspending:
    """Changes what accounts may do."""

    ledger: Ledger
    queue: Queue
    ids: Ids

    def suspend(self, act: Act, *, now: datetime) -> tuple[Account, Entry | None]:
        """Serve nothing more; gives the account, and the entry unless it was suspended before.

        Usage that has happened is taken all the same, and the customer can buy, to pay for it.

        Raises:
            ConflictError: if the account is closed.
            BusyError: if others change it, too; suspend again.
        """
        return self._change(act, EntryKind.SUSPENSION, Standing.SUSPENDED, now=now)

    def resume(self, act: Act, *, now: datetime) -> tuple[Account, Entry | None]:
        """Serve again; gives the account, and the entry unless it wasn't suspended.

        Raises:
            ConflictError: if the account is closed.
            BusyError: if others change it, too; resume again.
        """
        account, entry = self._change(act, EntryKind.RESUMPTION, Standing.OPEN, now=now)
        if entry is not None and account.needs_top_up:
            # If the process dies here, the sweep finds the account by its mark.
            self.queue.top_up_hint(act.organization_id)
        return account, entry

    def _change(
        self, act: Act, kind: EntryKind, after: Standing, *, now: datetime
    ) -> tuple[Account, Entry | None]:
        for _ in range(_ATTEMPTS):
            account = self.ledger.account(act.organization_id)
            if account.closed:
                raise ConflictError("The account is closed, for good.")
            if account.standing is after:
                return account, None
            entry = standing_entry(act, kind, ids=self.ids, now=now)
            write = Write(
                organization_id=act.organization_id,
                at=now,
                entries=(entry,),
                standing=StandingChange(before=account.standing, after=after),
                # No card was charged meanwhile, and no usage may come to say that it is time.
                mark_low=after is Standing.OPEN and account.tops_up,
            )
            if isinstance(self.ledger.commit(write), Committed | Repeated):
                return self.ledger.account(act.organization_id), entry
        raise BusyError("The account is being changed by somebody else; please try again.")


def standing_entry(act: Act, kind: EntryKind, *, ids: Ids, now: datetime) -> Entry:
    """The entry that says what was done, by whom, when and why; it moves nothing."""
    entry_id = ids.new("ent", now)
    said = {"reason": act.reason, "author": act.author}
    return Entry(
        id=entry_id,
        organization_id=act.organization_id,
        key=standing_key(entry_id),
        kind=kind,
        amount_nanos=0,
        recorded_at=now,
        digest=digest_of(said),
        details=said,
    )
