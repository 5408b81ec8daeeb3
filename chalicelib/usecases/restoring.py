"""Restoring: an account set right by its ledger, beside traffic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.errors import ConflictError
from chalicelib.domain.stored_account import Comparison, StoredAccount
from chalicelib.ports import Accounts
from chalicelib.usecases.auditing import Auditing

#: An account that moves between a look and its repair makes another look necessary, of its young
#: writes only; with their pauses so many take some fifteen seconds.
_ATTEMPTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What was done to an account: how it was met, and what was stored instead, if anything."""

    comparison: Comparison
    stored: StoredAccount | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """Rebuilds accounts from their ledger."""

    accounts: Accounts
    auditing: Auditing

    def repair(self, organization_id: str, *, now: datetime) -> Repair:
        """Store what the ledger says, under the condition that the account is as it was checked.

        No entry and no hold is touched. Done twice, or beside traffic, it does no harm.

        Raises:
            ConflictError: if the ledger lost entries, and so can't tell what the account should be.
            BusyError: if the account moved before every repair.
        """
        for compared in self.auditing.looks(organization_id, attempts=_ATTEMPTS):
            if compared.account_in_line:
                return Repair(comparison=compared, stored=None)
            if not compared.ledger_whole:
                raise ConflictError(f"The ledger of {organization_id} must be restored first.")
            right = compared.repaired(now=now)
            if self.accounts.replace(compared.stored, right):
                return Repair(comparison=compared, stored=right)
        raise AssertionError("looks end with an error")
