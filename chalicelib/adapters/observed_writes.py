"""Writes as operators watch them: what was committed is counted, and purchases are logged.

A write says what happened, and is committed once: so nothing is counted twice, whoever repeats
it, and no use case needs to count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from aws_lambda_powertools import Logger

from chalicelib.adapters.metrics import Meter
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.notices import Notice, NoticeKind
from chalicelib.domain.purchase import Purchase, PurchaseStatus, PurchaseType
from chalicelib.domain.topup import HARD_DECLINES
from chalicelib.domain.usage_day import TOPPING_UP
from chalicelib.domain.usage_sums import SPENDING
from chalicelib.domain.write import Write

logger = Logger(child=True)

#: A metric is a floating-point number; the exact one is in the ledger.
_NANOS_PER_DOLLAR = 1_000_000_000
_AUTHENTICATION = frozenset({"authentication_required", "authentication_not_handled"})
_TOP_UP_NOTICES = {
    NoticeKind.TOP_UP_PAUSED: "paused",
    NoticeKind.TOP_UP_ACTION_REQUIRED: "action_required",
}

#: A metric's name, and the value of its dimension.
Counted = tuple[str, str]


class ObservedWrites:
    """Called with each write that was committed."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def __call__(self, write: Write) -> None:
        """Count what it says, and log its purchases."""
        self._meter.put(_amounts(write.entries))
        for (name, value), count in Counter(_happened(write)).items():
            self._meter.put({name: count}, dimension=value)
        for saved in write.saves:
            if isinstance(saved, Purchase):
                _log(saved)


def _amounts(entries: Sequence[Entry]) -> dict[str, float]:
    spent = [-entry.amount_nanos for entry in entries if entry.kind in SPENDING]
    bought = [entry.amount_nanos for entry in entries if entry.kind in TOPPING_UP]
    expired = sum(entry.kind is EntryKind.EXPIRY for entry in entries)
    measured: dict[str, float] = {}
    if spent:
        measured["Deductions"] = len(spent)
        measured["DeductedAmount"] = sum(spent) / _NANOS_PER_DOLLAR
    if bought:
        measured["BoughtAmount"] = sum(bought) / _NANOS_PER_DOLLAR
    if expired:
        measured["HoldsExpired"] = expired
    return measured


def _happened(write: Write) -> Iterator[Counted]:
    """What the write brings about, by metric and dimension."""
    for entry in write.entries:
        if entry.kind is EntryKind.PURCHASE:
            yield "Purchases", "succeeded"
        elif entry.kind is EntryKind.AUTO_TOP_UP:
            yield "TopUps", "charged"
    for saved in write.saves:
        if isinstance(saved, Notice) and saved.version == 1 and saved.kind in _TOP_UP_NOTICES:
            yield "TopUps", _TOP_UP_NOTICES[saved.kind]
        if isinstance(saved, Purchase):
            yield from _ended(saved)


def _ended(purchase: Purchase) -> Iterator[Counted]:
    """How the purchase ended in vain: it is final then, and saved like that once."""
    if purchase.status is PurchaseStatus.CANCELED and purchase.type is PurchaseType.PURCHASE:
        yield "Purchases", "canceled"
    if purchase.status is not PurchaseStatus.FAILED:
        return
    kind = _decline_kind(purchase)
    if kind is not None:
        yield "Declines", kind
    automatic = purchase.type is PurchaseType.AUTO_TOP_UP
    yield "TopUps" if automatic else "Purchases", "failed" if kind is None else "declined"


def _decline_kind(purchase: Purchase) -> str | None:
    """Why the bank said no, in the few words of the policy; None if it was never asked."""
    failure = purchase.failure
    if failure is None:
        return None
    codes = {failure.code, failure.decline_code}
    if codes & _AUTHENTICATION or failure.code == "payment_intent_authentication_failure":
        return "authentication"
    if codes & HARD_DECLINES:
        return "hard"
    return "soft" if failure.decline_code or failure.code == "card_declined" else None


def _log(purchase: Purchase) -> None:
    """The purchase's id links what is done here and at Stripe, whoever does it."""
    logger.info(
        "A purchase was saved",
        purchase_id=purchase.id,
        organization_id=purchase.organization_id,
        purchase_type=purchase.type.value,
        status=purchase.status.value,
        payment_id=purchase.payment_id,
        invoice_number=purchase.invoice_number,
    )
