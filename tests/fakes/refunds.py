"""The fake provider's refunds and disputes, over its payments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.reversal import RefundRequest, Reversal, ReversalKind
from tests.fakes.payments import FakePayments, refused


@dataclass(slots=True)
class FakeRefunds:
    """The Refunds port; what the world does to it tells by events, as the payments do."""

    payments: FakePayments
    _by_id: dict[str, tuple[str, Reversal]] = field(default_factory=dict)
    _requests: dict[str, tuple[RefundRequest, Reversal]] = field(default_factory=dict)
    _serial: int = 0

    # What the world does to it.

    def refund_by_hand(self, payment_id: str, cents: int) -> Reversal:
        """Somebody refunds in the provider's dashboard."""
        return self._refund(payment_id, cents, reason=None, request_id=None)

    def fail(self, refund_id: str) -> None:
        """The customer's bank sends a refund back."""
        self._change(refund_id, in_force=False)
        self._tell("refund.failed", refund_id)
        self._tell("charge.refund.updated", refund_id)

    def open_dispute(self, payment_id: str, cents: int, *, inquiry: bool = False) -> Reversal:
        """The cardholder disputes so much of a payment; an inquiry takes no money yet."""
        dispute = self._new("du", ReversalKind.DISPUTE, payment_id, cents, reason="fraudulent")
        dispute = self._change(dispute.id, in_force=not inquiry)
        self._tell("charge.dispute.created", dispute.id)
        if not inquiry:
            self._tell("charge.dispute.funds_withdrawn", dispute.id)
        return dispute

    def escalate(self, dispute_id: str) -> None:
        """An inquiry becomes a chargeback."""
        self._change(dispute_id, in_force=True)
        self._tell("charge.dispute.updated", dispute_id)
        self._tell("charge.dispute.funds_withdrawn", dispute_id)

    def decide(self, dispute_id: str, *, won: bool) -> None:
        """The bank decides."""
        self._change(dispute_id, in_force=not won)
        self._tell("charge.dispute.closed", dispute_id)
        if won:
            self._tell("charge.dispute.funds_reinstated", dispute_id)

    def all(self) -> Sequence[Reversal]:
        """Every refund and dispute, in order."""
        return [reversal for _, reversal in self._by_id.values()]

    def booked(self) -> list[tuple[str, Reversal]]:
        """Every refund and dispute with its payment, in order."""
        return list(self._by_id.values())

    # The port.

    def of_payment(self, payment_id: str) -> Sequence[Reversal]:
        """See the port."""
        with self.payments.call("of_payment"):
            return [reversal for of, reversal in self._by_id.values() if of == payment_id]

    def payment_behind(self, object_id: str) -> str | None:
        """See the port. A charge is named after its payment here."""
        with self.payments.call("payment_behind"):
            if object_id.startswith("ch_"):
                return f"pi_{object_id.removeprefix('ch_')}"
            found = self._by_id.get(object_id)
            return None if found is None else found[0]

    def refund(self, request: RefundRequest) -> Reversal:
        """See the port."""
        with self.payments.call("refund"):
            if request.id in self._requests:
                first, reversal = self._requests[request.id]
                if first != request:
                    raise refused("idempotency_key_in_use")
                return reversal
            payment = self.payments.of(request.payment_id)
            left = payment.amount_cents - self._refunded(payment)
            amount = left if request.amount_cents is None else request.amount_cents
            reversal = self._refund(
                payment.id, amount, reason=request.reason, request_id=request.id
            )
            self._requests[request.id] = request, reversal
            return reversal

    def _refund(
        self, payment_id: str, cents: int, *, reason: str | None, request_id: str | None
    ) -> Reversal:
        payment = self.payments.of(payment_id)
        if payment.status is not PaymentStatus.SUCCEEDED:
            raise refused("charge_not_paid")
        if any(r.kind is ReversalKind.DISPUTE and r.in_force for r in self._of(payment_id)):
            raise refused("charge_disputed")
        if not 0 < cents <= payment.amount_cents - self._refunded(payment):
            raise refused("amount_too_large")
        refund = self._new("re", ReversalKind.REFUND, payment_id, cents, reason=reason)
        refund = self._change(refund.id, request_id=request_id)
        self._tell("refund.created", refund.id)
        self._tell("charge.refunded", payment_id.replace("pi_", "ch_"))
        return refund

    def _refunded(self, payment: Payment) -> int:
        return sum(
            reversal.amount_cents
            for reversal in self._of(payment.id)
            if reversal.kind is ReversalKind.REFUND and reversal.in_force
        )

    def _of(self, payment_id: str) -> list[Reversal]:
        return [reversal for of, reversal in self._by_id.values() if of == payment_id]

    def _new(
        self, prefix: str, kind: ReversalKind, payment_id: str, cents: int, *, reason: str | None
    ) -> Reversal:
        self._serial += 1
        reversal = Reversal(
            id=f"{prefix}_{self._serial}",
            kind=kind,
            amount_cents=cents,
            in_force=True,
            created_at=self.payments.clock(),
            reason=reason,
        )
        self._by_id[reversal.id] = payment_id, reversal
        return reversal

    def _change(self, reversal_id: str, **changes: object) -> Reversal:
        payment_id, reversal = self._by_id[reversal_id]
        changed = replace(reversal, **changes)  # type: ignore[arg-type]
        self._by_id[reversal_id] = payment_id, changed
        return changed

    def _tell(self, kind: str, object_id: str) -> None:
        self.payments.tell(kind, object_id)
