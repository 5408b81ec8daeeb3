"""Money that went back to a card, by refunds and by disputes, and what of it is known here.

The payment provider says what is in force. Here it is followed change by change, each once; the
credits that a purchase loses follow from the sum, whatever the order in which changes were met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class ReversalKind(StrEnum):
    """Who sent the money back: we did, or the cardholder's bank took it."""

    REFUND = "refund"
    DISPUTE = "dispute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """A refund or a dispute as it is at the payment provider; `amount_cents` of the charge.

    `in_force` says whether the money is on the customer's side: not so for a refund that failed,
    for a dispute that was won, nor for one that is only an inquiry yet. `request_id` is that of
    the request of ours that made it, if one did.
    """

    id: str
    kind: ReversalKind
    amount_cents: int
    in_force: bool
    created_at: datetime
    reason: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """What the payment provider is asked to send back; without an amount, all that is left.

    `id` is also its idempotency key, and is kept with the refund.
    """

    id: str
    organization_id: str
    purchase_id: str
    payment_id: str
    amount_cents: int | None
    reason: str
    ordered_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedReversal:
    """What was followed of a reversal so far: it has been in and out of force `turns` times.

    `document_number` is the last document about it: a credit note, or the invoice that took a
    refund's credit note back when the refund failed.
    """

    id: str
    kind: ReversalKind
    amount_cents: int
    turns: int
    document_number: str | None = None

    @property
    def in_force(self) -> bool:
        """Whether the money was on the customer's side when last heard of."""
        return self.turns % 2 == 1

    @property
    def key(self) -> str:
        """The key of the entry that records the last turn: "refund#re_1", then "refund#re_1#2"."""
        turn = "" if self.turns == 1 else f"#{self.turns}"
        return f"{self.kind.value}#{self.id}{turn}"


@dataclass(frozen=True, slots=True)
class Reversals:
    """All that was followed for one purchase, in the order in which it was first met."""

    followed: tuple[FollowedReversal, ...] = ()

    def in_force_cents(self, kind: ReversalKind) -> int:
        """What refunds, or disputes, have sent back and not returned."""
        return sum(r.amount_cents for r in self.followed if r.kind is kind and r.in_force)

    def sent_back_cents(self, charge_cents: int) -> int:
        """What of a charge went back. A refund of what a dispute took, too, counts once."""
        refunded_cents = self.in_force_cents(ReversalKind.REFUND)
        disputed_cents = self.in_force_cents(ReversalKind.DISPUTE)
        return min(charge_cents, refunded_cents + disputed_cents)

    def find(self, reversal_id: str) -> FollowedReversal | None:
        """What was followed of that reversal."""
        return next((r for r in self.followed if r.id == reversal_id), None)

    def next_change(self, truth: Sequence[Reversal]) -> Reversal | None:
        """The first of them, by age, that isn't here as it is there."""
        for reversal in sorted(truth, key=lambda r: (r.created_at, r.id)):
            followed = self.find(reversal.id)
            if reversal.in_force != (followed is not None and followed.in_force):
                return reversal
        return None

    def turned(self, reversal: Reversal) -> FollowedReversal:
        """What is to be known of a reversal that isn't here as it is there."""
        followed = self.find(reversal.id)
        if followed is None:
            return FollowedReversal(
                id=reversal.id, kind=reversal.kind, amount_cents=reversal.amount_cents, turns=1
            )
        return replace(followed, turns=followed.turns + 1)

    def with_turn(self, turned: FollowedReversal) -> Reversals:
        """The reversals with that one as it is now."""
        if self.find(turned.id) is None:
            return Reversals((*self.followed, turned))
        return Reversals(tuple(turned if r.id == turned.id else r for r in self.followed))


NO_REVERSALS = Reversals()
