"""Ready-made values for tests: each takes only what the test is about."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from chalicelib.domain.billing import Address, BillingDetails, TaxId
from chalicelib.domain.charge import Charge
from chalicelib.domain.invoice import Seller
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.mandate import Agreement
from chalicelib.domain.money import parse_usd
from chalicelib.domain.payment import Card, Failure
from chalicelib.domain.purchase import Purchase, PurchaseType
from chalicelib.domain.tax import NO_TAX, TaxNotes
from chalicelib.usecases.metering import PricedReport

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
ORG = "acme"

SELLER = Seller(
    name="Gateway Ltd",
    address=Address(line1="1 High St", city="Dublin", postal_code="D01", country="IE"),
)

DAILY_MAXIMUM_NANOS = 20_000 * 1_000_000_000
MOST_TRIES_PER_HOUR = 20
TAX_NOTES = TaxNotes(general=None, reverse_charge="Reverse charge.")

_serial = count(1)


def usd(text: str) -> int:
    """Nano-dollars of "12.50" or "-12.50"."""
    return parse_usd(text, signed=True)


def billing_details(name: str = "Acme GmbH", tax_id: TaxId | None = None) -> BillingDetails:
    """A buyer."""
    return BillingDetails(
        name=name,
        address=Address(line1="Hauptstr. 1", city="Berlin", postal_code="10115", country="DE"),
        email="billing@acme.example",
        tax_id=tax_id,
    )


def card(payment_method_id: str = "pm_1", *, fingerprint: str = "") -> Card:
    """A saved card; its fingerprint is its own unless one is given."""
    return Card(
        payment_method_id=payment_method_id,
        brand="visa",
        last4="4242",
        exp_month=12,
        exp_year=2030,
        fingerprint=fingerprint or f"fp_{payment_method_id}",
    )


def agreement(at: datetime = NOW) -> Agreement:
    """That Ada agreed to have her card charged."""
    return Agreement(text_version="test", agreed_by="ada", agreed_at=at)


def failure(
    decline_code: str | None = "insufficient_funds", code: str = "card_declined"
) -> Failure:
    """Why a payment failed."""
    return Failure(code=code, decline_code=decline_code, message="Your card was declined.")


def purchase(
    id: str = "pur_1",  # noqa: A002 - the field's name
    *,
    organization_id: str = ORG,
    type: PurchaseType = PurchaseType.PURCHASE,  # noqa: A002 - the field's name
    amount: str = "50.00",
    created_at: datetime = NOW,
) -> Purchase:
    """A purchase that is about to be charged."""
    return Purchase.new(
        id=id,
        organization_id=organization_id,
        type=type,
        amount_nanos=usd(amount),
        created_at=created_at,
        created_by="ada",
        customer_id="cus_1",
        card=card(),
        billing_details=billing_details(),
        tax=NO_TAX,
    )


def entry(
    key: str,
    amount: str,
    *,
    organization_id: str = ORG,
    at: datetime = NOW,
    kind: EntryKind = EntryKind.ADJUSTMENT,
    held: str = "0.00",
    digest: str = "",
    id: str = "",  # noqa: A002 - the field's name
) -> Entry:
    """An entry; its digest stands for its key unless one is given."""
    return Entry(
        id=id or f"ent_{int(at.timestamp() * 1000):012x}{next(_serial):016x}",
        organization_id=organization_id,
        key=key,
        kind=kind,
        amount_nanos=usd(amount),
        held_nanos=usd(held),
        recorded_at=at,
        digest=digest or f"digest of {key}",
    )


def charge(amount: str, *, organization_id: str = ORG, digest: str = "") -> Charge:
    """Something to be taken for usage; equal amounts are equal requests."""
    return Charge(
        organization_id=organization_id,
        amount_nanos=usd(amount),
        digest=digest or f"amount {amount}",
    )


def report(
    report_id: str, amount: str, *, organization_id: str = ORG, digest: str = ""
) -> PricedReport:
    """A usage report with its price."""
    return PricedReport(
        report_id=report_id,
        charge=charge(amount, organization_id=organization_id, digest=digest),
    )
