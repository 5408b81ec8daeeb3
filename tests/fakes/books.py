"""The fake provider's books, over its payments and refunds, in pages of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from chalicelib.domain.reconciliation import BookedPayment
from chalicelib.domain.reversal import ReversalKind
from chalicelib.ports import Page
from tests.fakes.payments import FakePayments
from tests.fakes.refunds import FakeRefunds

T = TypeVar("T")

_PAGE = 2


@dataclass(slots=True)
class FakeBooks:
    """The Books port; `after` is how many items came before."""

    provider: FakePayments
    refunds: FakeRefunds

    def payments(self, since: datetime, until: datetime, after: str | None) -> Page[BookedPayment]:
        """See the port."""
        with self.provider.call("books.payments"):
            found = [
                BookedPayment(payment=payment, refunded_cents=self._refunded(payment.id))
                for payment, at in reversed(self.provider.booked())
                if since <= at <= until
            ]
            return _page(found, after)

    def refunded(self, since: datetime, until: datetime, after: str | None) -> Page[str]:
        """See the port."""
        with self.provider.call("books.refunded"):
            return self._reversed(ReversalKind.REFUND, since, until, after)

    def disputed(self, since: datetime, until: datetime, after: str | None) -> Page[str]:
        """See the port."""
        with self.provider.call("books.disputed"):
            return self._reversed(ReversalKind.DISPUTE, since, until, after)

    def _reversed(
        self, kind: ReversalKind, since: datetime, until: datetime, after: str | None
    ) -> Page[str]:
        found = [
            payment_id
            for payment_id, reversal in reversed(self.refunds.booked())
            if reversal.kind is kind and since <= reversal.created_at <= until
        ]
        return _page(found, after)

    def _refunded(self, payment_id: str) -> int:
        return sum(
            reversal.amount_cents
            for of, reversal in self.refunds.booked()
            if of == payment_id and reversal.kind is ReversalKind.REFUND and reversal.in_force
        )


def _page(found: Sequence[T], after: str | None) -> Page[T]:
    start = int(after or 0)
    end = start + _PAGE
    return Page(items=found[start:end], after=str(end) if end < len(found) else None)
