"""The Refunds port on Stripe: refunds that we or the Dashboard made, disputes that banks opened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stripe import StripeClient

from chalicelib.adapters.stripe_errors import translated
from chalicelib.domain.payment import PaymentRefusedError
from chalicelib.domain.reversal import RefundRequest, Reversal, ReversalKind

if TYPE_CHECKING:
    from stripe import Dispute, PaymentIntent, Refund
    from stripe.params import RefundCreateParams

_PAGE = 100
#: Metadata of a refund of ours; Stripe takes up to 500 characters each.
_REQUEST = "refund_request_id"
_REASON = "reason"
_MAX_METADATA = 500
#: A refund that is pending has left the balance already; it comes back if it fails.
_IN_FORCE_REFUNDS = frozenset({"succeeded", "pending", "requires_action"})
#: The money is withdrawn when a dispute opens, and returned when it is won. Inquiries
#: (`warning_…`) and what was prevented never took any.
_IN_FORCE_DISPUTES = frozenset({"needs_response", "under_review", "lost"})


class StripeRefunds:
    """The Refunds port."""

    def __init__(self, client: StripeClient) -> None:
        self._api = client.v1

    def of_payment(self, payment_id: str) -> Sequence[Reversal]:
        """See the port. Lists are consistent at Stripe, and never long for one payment."""
        with translated():
            refunds = self._api.refunds.list(
                params={"payment_intent": payment_id, "limit": _PAGE}
            ).auto_paging_iter()
            disputes = self._api.disputes.list(
                params={"payment_intent": payment_id, "limit": _PAGE}
            ).auto_paging_iter()
            return [*map(reversal_of_refund, refunds), *map(reversal_of_dispute, disputes)]

    def payment_behind(self, object_id: str) -> str | None:
        """See the port."""
        retrieve = {
            "ch": self._of_charge,
            "py": self._of_charge,
            "re": self._of_refund,
            "pyr": self._of_refund,
        }.get(object_id.partition("_")[0], self._of_dispute)
        try:
            with translated():
                return retrieve(object_id)
        except PaymentRefusedError as error:
            if error.failure.code == "resource_missing":
                return None
            raise

    def refund(self, request: RefundRequest) -> Reversal:
        """See the port."""
        known = next(
            (r for r in self.of_payment(request.payment_id) if r.request_id == request.id), None
        )
        if known is not None:
            # Stripe forgets idempotency keys after a day; the refund remembers its own.
            return known
        params: RefundCreateParams = {
            "payment_intent": request.payment_id,
            "metadata": {
                "organization_id": request.organization_id,
                "purchase_id": request.purchase_id,
                _REQUEST: request.id,
                _REASON: request.reason[:_MAX_METADATA],
                "ordered_by": request.ordered_by[:_MAX_METADATA],
            },
        }
        if request.amount_cents is not None:
            params["amount"] = request.amount_cents
        with translated():
            refund = self._api.refunds.create(
                params=params, options={"idempotency_key": request.id}
            )
        return reversal_of_refund(refund)

    def _of_charge(self, charge_id: str) -> str | None:
        return _id_of(self._api.charges.retrieve(charge_id).payment_intent)

    def _of_refund(self, refund_id: str) -> str | None:
        return _id_of(self._api.refunds.retrieve(refund_id).payment_intent)

    def _of_dispute(self, dispute_id: str) -> str | None:
        return _id_of(self._api.disputes.retrieve(dispute_id).payment_intent)


def reversal_of_refund(refund: Refund) -> Reversal:
    """A refund in the port's words."""
    metadata = dict(refund.metadata.to_dict()) if refund.metadata else {}
    return Reversal(
        id=refund.id,
        kind=ReversalKind.REFUND,
        amount_cents=refund.amount,
        in_force=refund.status in _IN_FORCE_REFUNDS,
        created_at=datetime.fromtimestamp(refund.created, UTC),
        reason=metadata.get(_REASON) or refund.reason,
        request_id=metadata.get(_REQUEST),
    )


def reversal_of_dispute(dispute: Dispute) -> Reversal:
    """A dispute in the port's words."""
    return Reversal(
        id=dispute.id,
        kind=ReversalKind.DISPUTE,
        amount_cents=dispute.amount,
        in_force=dispute.status in _IN_FORCE_DISPUTES,
        created_at=datetime.fromtimestamp(dispute.created, UTC),
        reason=dispute.reason,
    )


def _id_of(reference: str | PaymentIntent | None) -> str | None:
    """The id in a reference that could have been expanded."""
    return reference if reference is None or isinstance(reference, str) else reference.id
