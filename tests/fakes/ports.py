"""All ports as one value, and the real use cases wired over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from chalicelib.ports import (
    Accounts,
    Archives,
    Books,
    CustomerRecords,
    Customers,
    Documents,
    Events,
    History,
    Holds,
    Ids,
    Invoices,
    Ledger,
    Mail,
    Notices,
    Pause,
    Payments,
    PurchaseDays,
    Purchases,
    Queue,
    Refunds,
    Renderer,
    Requests,
    Taxes,
    TaxIds,
    TopUps,
    TraceCounts,
)
from chalicelib.usecases.adjusting import Adjusting
from chalicelib.usecases.announcing import AnnouncingLedger
from chalicelib.usecases.archiving import Archiving
from chalicelib.usecases.auditing import Auditing
from chalicelib.usecases.card_tries import CardTries
from chalicelib.usecases.closing import Closing
from chalicelib.usecases.concluding import Concluding
from chalicelib.usecases.credit_notes import CreditNotes
from chalicelib.usecases.customers import Buyers
from chalicelib.usecases.holding import Holding
from chalicelib.usecases.idempotency import Answers
from chalicelib.usecases.invoicing import Invoicing
from chalicelib.usecases.keeping_cards import KeepingCards
from chalicelib.usecases.metering import Metering
from chalicelib.usecases.noticing import Noticing
from chalicelib.usecases.permitting import Permitting
from chalicelib.usecases.purchasing import Purchasing
from chalicelib.usecases.receiving import Receiving
from chalicelib.usecases.reconciling import Reconciling
from chalicelib.usecases.refunding import Refunding
from chalicelib.usecases.restoring import Restoring
from chalicelib.usecases.reversing import Reversing
from chalicelib.usecases.sampling import Sampling
from chalicelib.usecases.sending_back import SendingBack
from chalicelib.usecases.suspending import Suspending
from chalicelib.usecases.sweeping import Sweeping
from chalicelib.usecases.taking import Taking
from chalicelib.usecases.topping_up import ToppingUp
from tests.fakes.values import DAILY_MAXIMUM_NANOS, MOST_TRIES_PER_HOUR, SELLER, TAX_NOTES

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the use cases need of the world, by the names that they have for it."""

    ledger: Ledger
    accounts: Accounts
    history: History
    purchases: Purchases
    top_ups: TopUps
    customers: Customers
    requests: Requests
    invoices: Invoices
    notices: Notices
    archives: Archives
    holds: Holds
    trace_counts: TraceCounts
    purchase_days: PurchaseDays
    payments: Payments
    refunds: Refunds
    records: CustomerRecords
    books: Books
    tax_ids: TaxIds
    taxes: Taxes
    queue: Queue
    events: Events
    mail: Mail
    documents: Documents
    renderer: Renderer
    ids: Ids
    pause: Pause


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    """One process's use cases."""

    queue: Queue
    buyers: Buyers
    concluding: Concluding
    purchasing: Purchasing
    topping_up: ToppingUp
    metering: Metering
    holding: Holding
    receiving: Receiving
    reconciling: Reconciling
    reversing: Reversing
    refunding: Refunding
    adjusting: Adjusting
    noticing: Noticing
    sweeping: Sweeping
    invoicing: Invoicing
    archiving: Archiving
    auditing: Auditing
    sampling: Sampling
    restoring: Restoring
    suspending: Suspending
    closing: Closing


#: Each after those that it is made of.
_MADE: Mapping[str, type[Any]] = {
    "concluding": Concluding,
    "card_tries": CardTries,
    "buyers": Buyers,
    "purchasing": Purchasing,
    "topping_up": ToppingUp,
    "permitting": Permitting,
    "taking": Taking,
    "metering": Metering,
    "holding": Holding,
    "credit_notes": CreditNotes,
    "reversing": Reversing,
    "refunding": Refunding,
    "adjusting": Adjusting,
    "keeping_cards": KeepingCards,
    "receiving": Receiving,
    "reconciling": Reconciling,
    "noticing": Noticing,
    "sweeping": Sweeping,
    "invoicing": Invoicing,
    "archiving": Archiving,
    "auditing": Auditing,
    "sampling": Sampling,
    "restoring": Restoring,
    "suspending": Suspending,
    "sending_back": SendingBack,
    "closing": Closing,
}


def wire(ports: Ports) -> UseCases:
    """The use cases as `chalicelib.wiring` wires them: each part goes where its name is asked for.

    A new port joins `Ports`, a new use case `_MADE` and `UseCases`; nothing else changes.
    """
    parts: dict[str, Any] = {item.name: getattr(ports, item.name) for item in fields(ports)}
    parts["ledger"] = AnnouncingLedger(ports.ledger)
    parts["seller"] = SELLER
    parts["tax_notes"] = TAX_NOTES
    parts["daily_maximum_nanos"] = DAILY_MAXIMUM_NANOS
    parts["most_tries_per_hour"] = MOST_TRIES_PER_HOUR
    parts["answers"] = Answers(ports.ledger, ports.requests)
    for name, kind in _MADE.items():
        parts[name] = _make(kind, parts)
    return _make(UseCases, parts)


def _make(kind: type[T], parts: Mapping[str, object]) -> T:
    return kind(**{item.name: parts[item.name] for item in fields(kind)})  # type: ignore[arg-type]
