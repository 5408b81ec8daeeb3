"""What a closing sends back: the payments behind the credits that are left, the newest first.

It is planned in an entry before it is done. So a run that was broken off is repeated with the same
keys and amounts, whatever the balance is by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from chalicelib.domain.errors import ConflictError, ValidationFailedError
from chalicelib.domain.ledger import EntryKind, closure_plan_key
from chalicelib.domain.money import cents_to_nanos, format_usd
from chalicelib.domain.purchase import Purchase
from chalicelib.domain.request import Answer
from chalicelib.domain.write import Write
from chalicelib.ports import Ids, Ledger, Purchases, Window
from chalicelib.usecases.refunding import Refunded, Refunding, RefundOrder
from chalicelib.usecases.suspending import Act, standing_entry

#: So many payments fit into one entry and, a second each, into one run.
_REFUNDS_AT_ONCE = 200
#: No account needs as many plans; each but the first is for what was paid after the one before.
_MOST_PLANS = 50
_PAGE = 100
_REFUNDED, _REFUSED = 201, 409


@dataclass(slots=True, kw_only=True)
class SentBack:
    """What was sent back by purchase, in nano-dollars, and what keeps the rest from it."""

    nanos: dict[str, int] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingBack:
    """Plans refunds, and makes them."""

    ledger: Ledger
    purchases: Purchases
    ids: Ids
    refunding: Refunding

    def send(self, act: Act, *, now: datetime) -> SentBack:
        """Refund what was planned before, then plan what is left until nothing is.

        Raises:
            BusyError: if the provider doesn't answer; send again.
        """
        sent = SentBack()
        planned: set[str] = set()
        for number in range(1, _MOST_PLANS + 1):
            plan = self._plan(act, number, planned, now=now)
            for purchase_id, cents in plan.items():
                planned.add(purchase_id)
                self._refund(act, purchase_id, cents, sent, now=now)
            if not plan:
                return sent
        sent.left.append("too many payments came meanwhile: close again")
        return sent

    def _plan(
        self, act: Act, number: int, planned: set[str], *, now: datetime
    ) -> Mapping[str, int]:
        """What to send back, by purchase: kept before it is done, so that it is done once."""
        key = closure_plan_key(number)
        kept = self.ledger.entry(act.organization_id, key)
        if kept is None:
            found = self._refundable(act.organization_id, planned)
            if not found:
                return {}
            entry = standing_entry(act, EntryKind.CLOSURE, ids=self.ids, now=now)
            entry = replace(entry, key=key, details={**entry.details, "refund_cents": found})
            self.ledger.commit(Write(organization_id=act.organization_id, at=now, entries=(entry,)))
            # Whoever was first has planned.
            kept = self.ledger.entry(act.organization_id, key)
        return {} if kept is None else cast("Mapping[str, int]", kept.details["refund_cents"])

    def _refundable(self, organization_id: str, planned: set[str]) -> dict[str, int]:
        """Cents by purchase, the newest first, for as many credits as there are."""
        left_nanos = self.ledger.account(organization_id).available_nanos
        found: dict[str, int] = {}
        for purchase in self._bought(organization_id):
            if left_nanos <= 0 or len(found) == _REFUNDS_AT_ONCE:
                break
            cents = 0 if purchase.id in planned else purchase.cents_for(left_nanos)
            if cents:
                found[purchase.id] = cents
                left_nanos -= purchase.credits_in(cents)
        return found

    def _bought(self, organization_id: str) -> Iterator[Purchase]:
        window = Window(limit=_PAGE)
        while True:
            page = self.purchases.succeeded(organization_id, window)
            yield from page.items
            if page.after is None:
                return
            window = replace(window, after=page.after)

    def _refund(
        self, act: Act, purchase_id: str, cents: int, sent: SentBack, *, now: datetime
    ) -> None:
        order = RefundOrder(
            organization_id=act.organization_id,
            purchase_id=purchase_id,
            amount_nanos=cents_to_nanos(cents),
            reason=act.reason,
            ordered_by=act.author,
        )
        try:
            answer, _ = self.refunding.refund(
                order, key=f"closure of {purchase_id}", present=_kept_answer, now=now
            )
        except (ConflictError, ValidationFailedError) as error:
            # Less was left of it: its money went back otherwise meanwhile, and its credits too.
            answer = Answer(status=_REFUSED, body={"detail": error.detail})
        if answer.status == _REFUNDED:
            sent.nanos[purchase_id] = cents_to_nanos(cents)
        elif self.ledger.account(act.organization_id).available_nanos > 0:
            sent.left.append(
                f"{purchase_id}: {answer.body['detail']} Pay {format_usd(cents_to_nanos(cents))} "
                "USD back otherwise, take its credits by an adjustment, then close again"
            )


def _kept_answer(refunded: Refunded) -> Answer:
    """What is kept of a refund: whether it was made, and if not, why."""
    if refunded.reversal is not None:
        return Answer(status=_REFUNDED, body={"id": refunded.reversal.id})
    message = refunded.failure.message if refunded.failure else "Nothing was refunded."
    return Answer(status=_REFUSED, body={"detail": message})
