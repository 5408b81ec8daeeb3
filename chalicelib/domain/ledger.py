"""The ledger: entries that are never changed, and the writes that add them.

An entry's key is its idempotency key: the fact that it records can be recorded once, for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EntryKind(StrEnum):
    """What happened to the account."""

    PURCHASE = "purchase"
    AUTO_TOP_UP = "auto_top_up"
    DEDUCTION = "deduction"
    USAGE = "usage"
    HOLD = "hold"
    SETTLEMENT = "settlement"
    RELEASE = "release"
    EXPIRY = "expiry"
    REFUND = "refund"
    #: A refund that failed: its money came back from the customer's bank.
    REFUND_REVERSAL = "refund_reversal"
    DISPUTE = "dispute"
    DISPUTE_REVERSAL = "dispute_reversal"
    ADJUSTMENT = "adjustment"
    #: What the operator let the account do from then on; these move nothing.
    SUSPENSION = "suspension"
    RESUMPTION = "resumption"
    CLOSURE = "closure"
    #: A request that was refused. It changes nothing, is not listed, and keeps its answer.
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One fact about an account.

    `amount_nanos` is the change of `available + held`, `held_nanos` the change of `held` in it.
    `digest` stands for the request that caused it: the same key with another digest is a
    conflict. `details` is small, JSON-safe, and says what caused the entry.
    """

    id: str
    organization_id: str
    key: str
    kind: EntryKind
    amount_nanos: int
    recorded_at: datetime
    digest: str
    held_nanos: int = 0
    available_after_nanos: int | None = None
    project_id: str | None = None
    overdrawn: bool = False
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def available_nanos(self) -> int:
        """The change of `available`."""
        return self.amount_nanos - self.held_nanos

    @property
    def listed(self) -> bool:
        """Whether the entry is part of the account's history."""
        return self.kind is not EntryKind.REFUSAL


def purchase_key(purchase_id: str) -> str:
    """The key of the entry that credits a purchase."""
    return f"purchase#{purchase_id}"


def deduction_key(idempotency_key: str) -> str:
    """The key of the entry that answers `POST /deductions`."""
    return f"deduction#{idempotency_key}"


def report_key(report_id: str) -> str:
    """The key of the entry that applies a usage report."""
    return f"report#{report_id}"


def hold_key(idempotency_key: str) -> str:
    """The key of the entry that answers `POST /holds`."""
    return f"hold#{idempotency_key}"


def settlement_key(idempotency_key: str) -> str:
    """The key of the entry that answers `POST /holds/{id}/settle`."""
    return f"settlement#{idempotency_key}"


def release_key(idempotency_key: str) -> str:
    """The key of the entry that answers `POST /holds/{id}/release`."""
    return f"release#{idempotency_key}"


def expiry_key(hold_id: str) -> str:
    """The key of the entry that gives back what an expired hold had left."""
    return f"expiry#{hold_id}"


def adjustment_key(idempotency_key: str) -> str:
    """The key of the entry that answers `POST /adjustments`."""
    return f"adjustment#{idempotency_key}"


#: The key of the entry that closes an account: there is one at the most.
CLOSURE_KEY = "closure"


def standing_key(entry_id: str) -> str:
    """The key of an entry that suspends an account, or lets it go on."""
    return f"standing#{entry_id}"


def closure_plan_key(number: int) -> str:
    """The key of the entry that plans what a closing sends back."""
    return f"closure#{number}"
