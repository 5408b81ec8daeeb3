"""The audit of an account: what it says beside what the entries of its history come to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """An account as it is stored, with all that could be computed and isn't, in nano-dollars.

    `writes` is how many writes its history should have.
    """

    organization_id: str
    available_nanos: int = 0
    held_nanos: int = 0
    headroom_nanos: int = 0
    floor_nanos: int = 0
    writes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSums:
    """What a part of a history comes to, in nano-dollars.

    `missing` is how many entries are named by a write and aren't there.
    """

    available_nanos: int = 0
    held_nanos: int = 0
    writes: int = 0
    entries: int = 0
    missing: int = 0

    def __add__(self, other: LedgerSums) -> LedgerSums:
        return LedgerSums(
            available_nanos=self.available_nanos + other.available_nanos,
            held_nanos=self.held_nanos + other.held_nanos,
            writes=self.writes + other.writes,
            entries=self.entries + other.entries,
            missing=self.missing + other.missing,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """An account, and the sums of the very writes that made it what it is."""

    account: Balance
    entries: LedgerSums

    @property
    def faults(self) -> tuple[str, ...]:
        """What of the account isn't as its entries have it; nothing, if law 1 holds."""
        account, entries = self.account, self.entries
        kept = {
            "available": account.available_nanos == entries.available_nanos,
            "held": account.held_nanos == entries.held_nanos,
            "headroom": account.headroom_nanos == account.available_nanos - account.floor_nanos,
            "writes": account.writes == entries.writes and not entries.missing,
        }
        return tuple(name for name, holds in kept.items() if not holds)

    @property
    def matches(self) -> bool:
        """Whether the account is what its entries make of it."""
        return not self.faults
