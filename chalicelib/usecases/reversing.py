"""Credits follow the money: what a refund or a dispute sends back is taken, or returned.

The webhook, the operator's refund and the reconciliation all come here. Each asks the provider
anew, so whoever comes late, twice or out of order finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.errors import BusyError
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.money import cents_to_nanos, format_usd
from chalicelib.domain.payment import Failure
from chalicelib.domain.payment_notices import dispute_opened, refund_created, top_up_paused
from chalicelib.domain.purchase import Purchase, PurchaseStatus
from chalicelib.domain.reversal import FollowedReversal, Reversal, ReversalKind
from chalicelib.domain.write import Committed, Cover, NotCovered, Outcome, Saved, Write
from chalicelib.ports import Ids, Ledger, Pause, Purchases, Refunds, TopUps
from chalicelib.usecases.credit_notes import CreditNotes

#: Rivals are other changes of the same purchase, and documents taking numbers; with this many
#: tries and jittered pauses, dozens of writers at once get through.
_ATTEMPTS = 40

_KINDS = {
    (ReversalKind.REFUND, True): EntryKind.REFUND,
    (ReversalKind.REFUND, False): EntryKind.REFUND_REVERSAL,
    (ReversalKind.DISPUTE, True): EntryKind.DISPUTE,
    (ReversalKind.DISPUTE, False): EntryKind.DISPUTE_REVERSAL,
}

DISPUTED = Failure(
    code="payment_disputed",
    decline_code=None,
    message="A payment of yours was disputed, so no card is charged automatically any more.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversing:
    """Keeps the credits of purchases in line with what went back to the cards."""

    ledger: Ledger
    purchases: Purchases
    top_ups: TopUps
    refunds: Refunds
    credit_notes: CreditNotes
    ids: Ids
    pause: Pause

    def follow(self, purchase: Purchase, *, now: datetime) -> Purchase:
        """Bring the purchase in line with its refunds and disputes; gives it as it then is.

        A purchase that was never credited has nothing to lose, and stays as it is.

        Raises:
            BusyError: when others were faster too often; nothing is lost, they did the same.
        """
        for attempt in range(_ATTEMPTS):
            if purchase.status is not PurchaseStatus.SUCCEEDED or purchase.payment_id is None:
                return purchase
            # Asked after the purchase was read: if somebody who knew more wrote meanwhile, the
            # version tells, and the provider is asked again.
            truth = self.refunds.of_payment(purchase.payment_id)
            purchase, in_line = self._catch_up(purchase, truth, now=now)
            if in_line:
                return purchase
            self.pause(attempt)
            purchase = self._reread(purchase)
        raise BusyError("The purchase is busy; please ask again.")

    def _catch_up(
        self, purchase: Purchase, truth: Sequence[Reversal], *, now: datetime
    ) -> tuple[Purchase, bool]:
        while reversal := purchase.reversals.next_change(truth):
            after, outcome = self._turn(purchase, reversal, now=now)
            if not isinstance(outcome, Committed):
                return purchase, False
            purchase = after
            turned = purchase.reversals.find(reversal.id)
            if turned is not None and turned.document_number is not None:
                self.credit_notes.render(purchase, turned.document_number)
        return purchase, True

    def _turn(
        self, before: Purchase, reversal: Reversal, *, now: datetime
    ) -> tuple[Purchase, Outcome]:
        turned = before.reversals.turned(reversal)
        saves: list[Saved] = []
        if turned.kind is ReversalKind.REFUND:
            number, documents = self.credit_notes.document(before, turned, reversal, now=now)
            turned = replace(turned, document_number=number)
            saves += documents
        after = before.reversed(turned)
        credits_nanos = after.taken_back_nanos - before.taken_back_nanos
        saves += [after, *self._news(after, turned, reversal, credits_nanos, now=now)]
        entry = self._entry(after, turned, reversal, credits_nanos, now=now)
        return after, self._commit(entry, tuple(saves), now=now)

    def _commit(self, entry: Entry, saves: tuple[Saved, ...], *, now: datetime) -> Outcome:
        """Taken even if it is spent already; the entry then says so."""
        write = Write(
            organization_id=entry.organization_id,
            at=now,
            entries=(entry,),
            cover=Cover.FUNDED if entry.amount_nanos < 0 else Cover.NONE,
            # What is taken may make a top-up due, and no usage may come to say so.
            mark_low=entry.amount_nanos < 0,
            saves=saves,
        )
        outcome = self.ledger.commit(write)
        if not isinstance(outcome, NotCovered):
            return outcome
        overdrawn = replace(entry, overdrawn=True)
        return self.ledger.commit(replace(write, entries=(overdrawn,), cover=Cover.OVERDRAWS))

    def _entry(
        self,
        after: Purchase,
        turned: FollowedReversal,
        reversal: Reversal,
        credits_nanos: int,
        *,
        now: datetime,
    ) -> Entry:
        details: dict[str, object] = {
            "purchase_id": after.id,
            f"{turned.kind.value}_id": turned.id,
            "amount": format_usd(cents_to_nanos(turned.amount_cents)),
            "reason": reversal.reason,
        }
        if turned.document_number is not None:
            details["document_number"] = turned.document_number
        return Entry(
            id=self.ids.new("ent", now),
            organization_id=after.organization_id,
            key=turned.key,
            kind=_KINDS[turned.kind, turned.in_force],
            amount_nanos=-credits_nanos,
            recorded_at=now,
            digest=turned.key,
            details=details,
        )

    def _news(
        self,
        after: Purchase,
        turned: FollowedReversal,
        reversal: Reversal,
        credits_nanos: int,
        *,
        now: datetime,
    ) -> tuple[Saved, ...]:
        if turned.turns != 1:
            # Told before; that it is undone shows in the balance.
            return ()
        amount_nanos = cents_to_nanos(turned.amount_cents)
        if turned.kind is ReversalKind.REFUND:
            notice = refund_created(
                after,
                refund_id=turned.id,
                amount_nanos=amount_nanos,
                credits_nanos=credits_nanos,
                credit_note_number=turned.document_number,
                at=now,
            )
            return (notice,)
        notice = dispute_opened(
            after,
            dispute_id=turned.id,
            amount_nanos=amount_nanos,
            credits_nanos=credits_nanos,
            reason=reversal.reason or "general",
            at=now,
        )
        top_up = self.top_ups.get(after.organization_id)
        if not top_up.enabled or top_up.paused:
            return (notice,)
        # Another charge of a cardholder who wants the last one back would be disputed, too.
        stopped = top_up.stopped(DISPUTED, now=now)
        return notice, stopped, top_up_paused(stopped, DISPUTED, purchase_id=after.id, at=now)

    def _reread(self, purchase: Purchase) -> Purchase:
        current = self.purchases.get(purchase.organization_id, purchase.id)
        if current is None:
            raise LookupError(f"purchase {purchase.id} has vanished")
        return current
