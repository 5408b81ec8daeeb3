"""The Payments port on Stripe, by its own client: cards, charges, and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from stripe import StripeClient, StripeError

from chalicelib.adapters.stripe_errors import DeclinedError, translated
from chalicelib.domain.billing import BillingDetails, TaxId
from chalicelib.domain.instant import format_instant
from chalicelib.domain.mandate import Agreement
from chalicelib.domain.payment import (
    Card,
    CardSetup,
    ChargeRequest,
    Failure,
    Payment,
    PaymentRefusedError,
    PaymentStatus,
    PaymentsUnavailableError,
)

if TYPE_CHECKING:
    from stripe import PaymentIntent, PaymentMethod
    from stripe.params import (
        CustomerUpdateParams,
        CustomerUpdateParamsAddress,
        PaymentIntentCreateParams,
    )

_ORGANIZATION = "organization_id"
_PURCHASE = "purchase_id"
#: Metadata of a SetupIntent.
MANDATE_VERSION, AGREED_BY, AGREED_AT = "mandate_version", "agreed_by", "agreed_at"
_MAX_METADATA = 500

#: Stripe keeps its 500s under their keys for a day; more in a row than this are an outage.
_CUSTOMER_KEYS = 3
_INTERNAL_ERROR = 500

_NEEDS_CUSTOMER = "authentication_required"


class StripePayments:
    """The Payments port."""

    def __init__(self, client: StripeClient, *, publishable_key: str) -> None:
        self._api = client.v1
        self._publishable_key = publishable_key

    def create_customer(self, organization_id: str, *, former: int = 0) -> str:
        """See the port. A deleted customer's key would answer with that customer for a day.

        So would a key that was answered 500 answer 500: then the next one serves, and the same
        for everybody. What the first may have made has no cards, and harms nobody.
        """
        key = f"customer-{organization_id}" + (f"-{former}" if former else "")
        for spoiled in range(_CUSTOMER_KEYS):
            try:
                with translated():
                    customer = self._api.customers.create(
                        params={"metadata": {_ORGANIZATION: organization_id}},
                        options={"idempotency_key": f"{key}~{spoiled}" if spoiled else key},
                    )
            except PaymentsUnavailableError as error:
                if not _answered_500(error.__cause__):
                    raise
            else:
                return customer.id
        raise PaymentsUnavailableError(f"Stripe fails to make a customer of {organization_id}")

    def update_customer(self, customer_id: str, details: BillingDetails) -> None:
        """See the port. Stripe's copy serves its own receipts, risk checks and tax."""
        address = details.address
        sent: CustomerUpdateParamsAddress = {
            "line1": address.line1,
            "city": address.city,
            "postal_code": address.postal_code,
            "country": address.country,
        }
        # Stripe takes an empty value for "unset", and can't unset a part of an address.
        if address.line2:
            sent["line2"] = address.line2
        if address.state:
            sent["state"] = address.state
        params: CustomerUpdateParams = {"name": details.name, "address": sent}
        if details.email:
            params["email"] = details.email
        with translated():
            self._api.customers.update(customer_id, params=params)

    def set_tax_id(self, customer_id: str, tax_id: TaxId | None) -> None:
        """See the port. Stripe verifies some types by and by; that changes nothing here."""
        with translated():
            kept = self._api.customers.tax_ids.list(customer_id, params={"limit": 100}).data
        wanted = None if tax_id is None else (tax_id.type, tax_id.value)
        if wanted is not None and wanted not in {(one.type, one.value) for one in kept}:
            # The types are as many as Stripe lists; that it is one of them is checked before.
            kind: Any = wanted[0]
            with translated():
                self._api.customers.tax_ids.create(
                    customer_id, params={"type": kind, "value": wanted[1]}
                )
        for one in kept:
            if (one.type, one.value) != wanted:
                with translated():
                    self._api.customers.tax_ids.delete(customer_id, one.id)

    def set_up_card(
        self, organization_id: str, customer_id: str, agreement: Agreement
    ) -> CardSetup:
        """See the port."""
        metadata = {_ORGANIZATION: organization_id, **agreement_metadata(agreement)}
        with translated():
            intent = self._api.setup_intents.create(
                params={
                    "customer": customer_id,
                    "usage": "off_session",
                    "allowed_payment_method_types": ["card"],
                    "payment_method_options": {"card": {"setup_credential_usage": "unscheduled"}},
                    "metadata": metadata,
                }
            )
        if intent.client_secret is None:
            raise PaymentsUnavailableError("a SetupIntent came without its client_secret")
        return CardSetup(
            client_secret=intent.client_secret,
            customer_id=customer_id,
            publishable_key=self._publishable_key,
        )

    def cards(self, customer_id: str) -> Sequence[Card]:
        """See the port."""
        with translated():
            methods = self._api.customers.payment_methods.list(
                customer_id, params={"type": "card", "limit": 100}
            )
        return [card for method in methods.data if (card := card_of(method))]

    def card(self, customer_id: str, payment_method_id: str) -> Card | None:
        """See the port."""
        try:
            with translated():
                method = self._api.customers.payment_methods.retrieve(
                    customer_id, payment_method_id
                )
        except PaymentRefusedError:
            # Stripe answers alike for a method that isn't there and for somebody else's.
            return None
        return card_of(method)

    def remove_card(self, payment_method_id: str) -> None:
        """See the port."""
        try:
            with translated():
                self._api.payment_methods.detach(payment_method_id)
        except PaymentRefusedError:
            # Stripe gives no code to the refusal of a card that is gone already.
            if self._attached(payment_method_id):
                raise

    def charge(self, request: ChargeRequest) -> Payment:
        """See the port. The purchase id is Stripe's idempotency key, too."""
        metadata = {_ORGANIZATION: request.organization_id, _PURCHASE: request.purchase_id}
        params: PaymentIntentCreateParams = {
            "amount": request.amount_cents,
            "currency": "usd",
            "customer": request.customer_id,
            "payment_method": request.payment_method_id,
            "allowed_payment_method_types": ["card"],
            "confirm": True,
            "off_session": request.off_session,
            "description": request.description,
            "metadata": metadata,
            "expand": ["latest_charge"],
        }
        if request.off_session:
            # What card networks call a charge whose time and amount nobody knew beforehand.
            params["payment_method_options"] = {"card": {"stored_credential_usage": "unscheduled"}}
        if request.tax_calculation_id is not None:
            # The payment reports the tax, and its refunds take it back, without further calls.
            params["hooks"] = {"inputs": {"tax": {"calculation": request.tax_calculation_id}}}
        try:
            with translated():
                intent = self._api.payment_intents.create(
                    params=params, options={"idempotency_key": request.purchase_id}
                )
        except DeclinedError as declined:
            return payment_of(declined.intent)
        return payment_of(intent)

    def payment(self, payment_id: str) -> Payment:
        """See the port."""
        with translated():
            intent = self._api.payment_intents.retrieve(
                payment_id, params={"expand": ["latest_charge", "payment_method"]}
            )
        return payment_of(intent)

    def payment_of(self, customer_id: str, purchase_id: str, *, since: datetime) -> Payment | None:
        """See the port. Lists are consistent at Stripe, searches are not."""
        # A second is Stripe's resolution, and our clocks may differ by some more.
        created_after = int(since.timestamp()) - 60
        with translated():
            intents = self._api.payment_intents.list(
                params={
                    "customer": customer_id,
                    "created": {"gte": created_after},
                    "limit": 100,
                    "expand": ["data.latest_charge"],
                }
            )
            for intent in intents.auto_paging_iter():
                if _metadata(intent).get(_PURCHASE) == purchase_id:
                    return payment_of(intent)
        return None

    def cancel(self, payment_id: str) -> Payment:
        """See the port."""
        try:
            with translated():
                intent = self._api.payment_intents.cancel(
                    payment_id, params={"cancellation_reason": "abandoned"}
                )
        except PaymentRefusedError:
            # It can't be cancelled in the state it has reached: that state is the answer.
            return self.payment(payment_id)
        return payment_of(intent)

    def _attached(self, payment_method_id: str) -> bool:
        try:
            with translated():
                method = self._api.payment_methods.retrieve(payment_method_id)
        except PaymentRefusedError:
            return False
        return method.customer is not None


def payment_of(intent: PaymentIntent) -> Payment:
    """A PaymentIntent in the port's words."""
    metadata = _metadata(intent)
    failure = _failure_of(intent)
    return Payment(
        id=intent.id,
        status=_status_of(intent, failure),
        amount_cents=intent.amount,
        organization_id=metadata.get(_ORGANIZATION),
        purchase_id=metadata.get(_PURCHASE),
        client_secret=intent.client_secret,
        failure=failure,
    )


def _answered_500(error: BaseException | None) -> bool:
    return isinstance(error, StripeError) and error.http_status == _INTERNAL_ERROR


def _metadata(intent: PaymentIntent) -> dict[str, str]:
    return dict(intent.metadata.to_dict()) if intent.metadata else {}


def _status_of(intent: PaymentIntent, failure: Failure | None) -> PaymentStatus:
    match intent.status:
        case "succeeded":
            return PaymentStatus.SUCCEEDED
        case "processing" | "requires_capture":
            return PaymentStatus.PROCESSING
        case "canceled":
            return PaymentStatus.CANCELED
        case "requires_payment_method" if failure and failure.code != _NEEDS_CUSTOMER:
            return PaymentStatus.DECLINED
    # Off-session, the bank asked for the customer; or on-session, 3-D Secure is under way.
    return PaymentStatus.REQUIRES_ACTION


def _failure_of(intent: PaymentIntent) -> Failure | None:
    if intent.last_payment_error is None:
        return None
    # Stripe leaves out what doesn't apply, such as the decline code of a failed 3-D Secure.
    error = intent.last_payment_error.to_dict()
    return Failure(
        code=error.get("code") or "card_declined",
        decline_code=error.get("decline_code"),
        message=error.get("message") or "The card was declined.",
    )


def agreement_metadata(agreement: Agreement) -> dict[str, str]:
    """An agreement as a SetupIntent keeps it, beside our own record."""
    return {
        MANDATE_VERSION: agreement.text_version,
        AGREED_BY: agreement.agreed_by[:_MAX_METADATA],
        AGREED_AT: format_instant(agreement.agreed_at),
    }


def card_of(method: PaymentMethod) -> Card | None:
    """A payment method in the port's words; None if it is no card."""
    card = method.card
    if card is None:
        return None
    return Card(
        payment_method_id=method.id,
        brand=card.brand,
        last4=card.last4 or "",
        exp_month=card.exp_month,
        exp_year=card.exp_year,
        fingerprint=card.fingerprint or method.id,
    )
