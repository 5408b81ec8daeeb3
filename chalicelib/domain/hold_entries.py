"""What ledger entries say of holds, and what can be told again from them for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from chalicelib.domain.holds import Hold, HoldStatus
from chalicelib.domain.instant import format_instant, parse_instant
from chalicelib.domain.ledger import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldChange:
    """What a settlement or a release did, for ever the same; `remaining` is what it left."""

    entry: Entry
    hold_id: str
    status: HoldStatus
    remaining_nanos: int

    @classmethod
    def of(cls, entry: Entry) -> HoldChange:
        """What an entry of a hold tells."""
        said = cast("Mapping[str, object]", entry.details["hold"])
        return cls(
            entry=entry,
            hold_id=str(said["id"]),
            status=HoldStatus(str(said["status"])),
            remaining_nanos=cast("int", said["remaining"]),
        )

    @property
    def returned_nanos(self) -> int:
        """What went back to `available`."""
        return max(0, self.entry.available_nanos)


def said_of_placed(hold: Hold) -> Mapping[str, object]:
    """What the entry that places a hold says of it."""
    return {"hold": {"id": hold.id, "expires_at": format_instant(hold.expires_at)}}


def said_of_changed(hold: Hold) -> Mapping[str, object]:
    """What an entry that settles or ends a hold says of it, as the hold then is."""
    return {
        "hold": {
            "id": hold.id,
            "remaining": hold.remaining_nanos,
            "status": hold.status.value,
        }
    }


def placed_hold(entry: Entry) -> Hold:
    """The hold as it was placed, from the entry that keeps the answer."""
    said = cast("Mapping[str, str]", entry.details["hold"])
    return Hold(
        id=said["id"],
        organization_id=entry.organization_id,
        amount_nanos=entry.held_nanos,
        remaining_nanos=entry.held_nanos,
        created_at=entry.recorded_at,
        expires_at=parse_instant(said["expires_at"]),
    )
