"""The object graph: built once per container, each part on its first use.

What a function doesn't use it doesn't import: rendering stays out of the gateway's way, and
Stripe out of the worker's that deducts usage.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.config import TEMPLATES, Settings
from chalicelib.domain.billing import BillingDetails
from chalicelib.domain.invoice import Invoice
from chalicelib.domain.tax import NO_TAX, Tax

if TYPE_CHECKING:
    from stripe import StripeClient

    from chalicelib.adapters.html_renderer import HtmlRenderer
    from chalicelib.adapters.jwt_tokens import JwtTokens
    from chalicelib.adapters.page_renderer import PageRenderer
    from chalicelib.adapters.price_catalogue import GenaiPricesCatalogue
    from chalicelib.adapters.typst_renderer import TypstRenderer
    from chalicelib.ports import (
        Archives,
        Customers,
        Documents,
        Events,
        Holds,
        Ids,
        Invoices,
        Ledger,
        Mail,
        Notices,
        Pause,
        Payments,
        Prices,
        PurchaseDays,
        Purchases,
        Queue,
        Redelivery,
        Refunds,
        Renderer,
        Requests,
        Taxes,
        TaxIds,
        TopUps,
        TraceCounts,
        UsageDays,
    )
    from chalicelib.usecases.adjusting import Adjusting
    from chalicelib.usecases.archiving import Archiving
    from chalicelib.usecases.concluding import Concluding
    from chalicelib.usecases.customers import Buyers
    from chalicelib.usecases.holding import Holding
    from chalicelib.usecases.invoicing import Invoicing
    from chalicelib.usecases.keeping_cards import KeepingCards
    from chalicelib.usecases.metering import Metering
    from chalicelib.usecases.noticing import Noticing
    from chalicelib.usecases.permitting import Permitting
    from chalicelib.usecases.price_keeping import PriceKeeping
    from chalicelib.usecases.pricing import Pricing
    from chalicelib.usecases.purchasing import Purchasing
    from chalicelib.usecases.rebuilding import Rebuilding
    from chalicelib.usecases.receiving import Receiving
    from chalicelib.usecases.reconciling import Reconciling
    from chalicelib.usecases.refunding import Refunding
    from chalicelib.usecases.reversing import Reversing
    from chalicelib.usecases.rolling_up import RollingUp
    from chalicelib.usecases.sweeping import Sweeping
    from chalicelib.usecases.taking import Taking
    from chalicelib.usecases.topping_up import ToppingUp
    from chalicelib.usecases.usage_reporting import UsageReporting

T = TypeVar("T")


def now() -> datetime:
    """The time; handlers hand it in, so that nothing below reads a clock."""
    return datetime.now(UTC)


class Services:
    """The use cases, and what they are made of."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def verify_token(self, token: str) -> Mapping[str, object] | None:
        """What a token says, or None if it proves nothing."""
        from chalicelib.adapters.jwt_tokens import TokenError

        try:
            return self._tokens.claims(token)
        except TokenError:
            return None

    def verify_stripe_event(self, raw: bytes, signature: str) -> Mapping[str, object] | None:
        """The event that Stripe sent, or None if nothing proves that it did."""
        from chalicelib.adapters.stripe_webhooks import WebhookError, verified_event

        secrets = self.settings.stripe_webhook_secrets
        try:
            return verified_event(raw, signature=signature, secrets=secrets)
        except WebhookError:
            return None

    @cached_property
    def purchasing(self) -> Purchasing:
        """Buying by hand."""
        from chalicelib.adapters.pause import JitteredPause
        from chalicelib.usecases.idempotency import Answers
        from chalicelib.usecases.purchasing import Purchasing

        return Purchasing(
            ledger=self.ledger,
            purchases=self.purchases,
            payments=self.payments,
            ids=self._ids,
            answers=Answers(self.ledger, self._requests),
            buyers=self.buyers,
            concluding=self._concluding,
            taxes=self._taxes,
            purchase_days=self._purchase_days,
            daily_maximum_nanos=self.settings.purchase_daily_maximum_nanos,
            pause=JitteredPause(),
        )

    @cached_property
    def topping_up(self) -> ToppingUp:
        """Auto top-up."""
        from chalicelib.usecases.topping_up import ToppingUp

        return ToppingUp(
            ledger=self.ledger,
            top_ups=self.top_ups,
            customers=self.customers,
            payments=self.payments,
            queue=self.queue,
            ids=self._ids,
            concluding=self._concluding,
            taxes=self._taxes,
        )

    @cached_property
    def metering(self) -> Metering:
        """Deducting usage."""
        from chalicelib.usecases.metering import Metering

        return Metering(
            ledger=self.ledger,
            trace_counts=self._trace_counts,
            permitting=self._permitting,
            taking=self._taking,
            queue=self.queue,
            ids=self._ids,
        )

    @cached_property
    def holding(self) -> Holding:
        """Setting credits aside."""
        from chalicelib.usecases.holding import Holding

        return Holding(
            ledger=self.ledger,
            holds=self._holds,
            permitting=self._permitting,
            taking=self._taking,
            queue=self.queue,
            ids=self._ids,
            pause=self._rivalry_pause,
        )

    @cached_property
    def pricing(self) -> Pricing:
        """Pricing usage."""
        from chalicelib.domain.pricing import Tariff
        from chalicelib.usecases.pricing import Pricing

        return Pricing(
            tariff=lambda: Tariff(
                find_price=self._catalogue.price,
                book=self._prices.book(),
                trace_terms=self.settings.trace_terms,
            )
        )

    @cached_property
    def price_keeping(self) -> PriceKeeping:
        """The operator's prices."""
        from chalicelib.usecases.price_keeping import PriceKeeping

        return PriceKeeping(
            prices=self._prices,
            find_price=self._catalogue.price,
            trace_terms=self.settings.trace_terms,
        )

    @cached_property
    def rolling_up(self) -> RollingUp:
        """Summing usage as it arrives."""
        from chalicelib.adapters.dynamodb.history import DynamoHistory
        from chalicelib.usecases.rolling_up import RollingUp

        return RollingUp(history=self._connected(DynamoHistory), usage_days=self._usage_days)

    @cached_property
    def rebuilding(self) -> Rebuilding:
        """Making sums anew from the ledger."""
        from chalicelib.adapters.dynamodb.history import DynamoHistory
        from chalicelib.usecases.rebuilding import Rebuilding

        return Rebuilding(
            ledger=self.ledger,
            history=self._connected(DynamoHistory),
            usage_days=self._usage_days,
        )

    @cached_property
    def usage_reporting(self) -> UsageReporting:
        """What was used."""
        from chalicelib.usecases.usage_reporting import UsageReporting

        return UsageReporting(usage_days=self._usage_days)

    @cached_property
    def buyers(self) -> Buyers:
        """Billing details and cards."""
        from chalicelib.usecases.customers import Buyers

        return Buyers(
            ledger=self.ledger,
            customers=self.customers,
            top_ups=self.top_ups,
            payments=self.payments,
            tax_ids=self.tax_ids,
            queue=self.queue,
        )

    @cached_property
    def tax_ids(self) -> TaxIds:
        """Which kinds of tax ID there are."""
        from chalicelib.adapters.tax_ids import ListedTaxIds

        return ListedTaxIds(TEMPLATES / "tax-id-types.json")

    @cached_property
    def receiving(self) -> Receiving:
        """Acting on Stripe's events."""
        from chalicelib.usecases.receiving import Receiving

        return Receiving(
            purchases=self.purchases,
            payments=self.payments,
            refunds=self._refunds,
            concluding=self._concluding,
            reversing=self._reversing,
            keeping_cards=self._keeping_cards,
        )

    @cached_property
    def reconciling(self) -> Reconciling:
        """Comparing with Stripe's books."""
        from chalicelib.adapters.stripe_books import StripeBooks
        from chalicelib.usecases.reconciling import Reconciling

        return Reconciling(
            ledger=self.ledger,
            purchases=self.purchases,
            payments=self.payments,
            books=StripeBooks(self._stripe),
            concluding=self._concluding,
            reversing=self._reversing,
        )

    @cached_property
    def refunding(self) -> Refunding:
        """Refunds by operators."""
        from chalicelib.usecases.idempotency import Answers
        from chalicelib.usecases.refunding import Refunding

        return Refunding(
            ledger=self.ledger,
            purchases=self.purchases,
            refunds=self._refunds,
            ids=self._ids,
            answers=Answers(self.ledger, self._requests),
            reversing=self._reversing,
        )

    @cached_property
    def adjusting(self) -> Adjusting:
        """Adjustments by operators."""
        from chalicelib.usecases.adjusting import Adjusting

        return Adjusting(ledger=self.ledger, ids=self._ids)

    @cached_property
    def sweeping(self) -> Sweeping:
        """Finishing what was left undone."""
        from chalicelib.usecases.sweeping import Sweeping

        return Sweeping(
            ledger=self.ledger,
            purchases=self.purchases,
            top_ups=self.top_ups,
            invoices=self._invoices,
            archives=self._archives,
            payments=self.payments,
            queue=self.queue,
            concluding=self._concluding,
            notices=self._notices,
            noticing=self.noticing,
            holds=self._holds,
            holding=self.holding,
        )

    @cached_property
    def noticing(self) -> Noticing:
        """Passing notices on."""
        from chalicelib.usecases.noticing import Noticing

        return Noticing(
            ledger=self.ledger,
            notices=self._notices,
            customers=self.customers,
            events=self._events,
            mail=self._mail,
        )

    @cached_property
    def invoicing(self) -> Invoicing:
        """The files of invoices."""
        from chalicelib.usecases.invoicing import Invoicing

        return Invoicing(
            ledger=self.ledger,
            purchases=self.purchases,
            invoices=self._invoices,
            documents=self._documents,
            renderer=self._renderer,
        )

    @cached_property
    def archiving(self) -> Archiving:
        """A month's invoices in one file."""
        from chalicelib.usecases.archiving import Archiving

        return Archiving(
            ledger=self.ledger,
            invoices=self._invoices,
            archives=self._archives,
            documents=self._documents,
            queue=self.queue,
            invoicing=self.invoicing,
        )

    @cached_property
    def ledger(self) -> Ledger:
        """Accounts and entries."""
        from chalicelib.adapters.dynamodb.commit import Committer
        from chalicelib.adapters.dynamodb.models import connect
        from chalicelib.adapters.dynamodb.repositories import DynamoLedger
        from chalicelib.usecases.announcing import AnnouncingLedger

        connection = connect(self.settings.tables, region=self.settings.region)
        committer = Committer(connection, self._counted_pause("Conflicts"))
        return AnnouncingLedger(DynamoLedger(committer))

    @cached_property
    def purchases(self) -> Purchases:
        """Purchases of credits."""
        from chalicelib.adapters.dynamodb.repositories import DynamoPurchases

        return self._connected(DynamoPurchases)

    @cached_property
    def top_ups(self) -> TopUps:
        """Standing orders."""
        from chalicelib.adapters.dynamodb.repositories import DynamoTopUps

        return self._connected(DynamoTopUps)

    @cached_property
    def customers(self) -> Customers:
        """Buyers."""
        from chalicelib.adapters.dynamodb.repositories import DynamoCustomers

        return self._connected(DynamoCustomers)

    @cached_property
    def payments(self) -> Payments:
        """Stripe."""
        from chalicelib.adapters.stripe_payments import StripePayments

        return StripePayments(self._stripe, publishable_key=self.settings.stripe_publishable_key)

    @cached_property
    def _stripe(self) -> StripeClient:
        from chalicelib.adapters.stripe_payments import stripe_client

        return stripe_client(self.settings.stripe_api_key, self.settings.stripe_api_base)

    @cached_property
    def _refunds(self) -> Refunds:
        from chalicelib.adapters.stripe_refunds import StripeRefunds

        return StripeRefunds(self._stripe)

    @cached_property
    def _taxes(self) -> Taxes:
        if not self.settings.taxes_by_stripe:
            return _NoTaxes()
        from chalicelib.adapters.stripe_tax import StripeTaxes

        return StripeTaxes(self._stripe, tax_code=self.settings.stripe_tax_code)

    @cached_property
    def queue(self) -> Queue:
        """SQS."""
        from chalicelib.adapters.sqs import SqsQueue

        return SqsQueue(
            self._client("sqs"),
            top_up_url=self.settings.top_up_queue_url,
            payment_event_url=self.settings.payment_event_queue_url,
            invoice_url=self.settings.invoice_queue_url,
            rejected_usage_url=self.settings.rejected_usage_queue_url,
        )

    @cached_property
    def page(self) -> PageRenderer:
        """The Credits page."""
        from chalicelib.adapters.page_renderer import PageRenderer

        return PageRenderer(TEMPLATES)

    @cached_property
    def usage_redelivery(self) -> Redelivery:
        """The usage queue, for reports that failed."""
        from chalicelib.adapters.sqs import SqsRedelivery

        return SqsRedelivery(self._client("sqs"), queue_url=self.settings.usage_queue_url)

    @cached_property
    def _tokens(self) -> JwtTokens:
        from chalicelib.adapters.jwt_tokens import JwtTokens

        return JwtTokens(
            issuer=self.settings.jwt_issuer,
            audience=self.settings.jwt_audience,
            jwks_url=self.settings.jwt_jwks_url,
        )

    @cached_property
    def _concluding(self) -> Concluding:
        from chalicelib.adapters.pause import JitteredPause
        from chalicelib.usecases.concluding import Concluding

        return Concluding(
            ledger=self.ledger,
            purchases=self.purchases,
            top_ups=self.top_ups,
            invoices=self._invoices,
            payments=self.payments,
            purchase_days=self._purchase_days,
            queue=self.queue,
            ids=self._ids,
            pause=JitteredPause(),
            seller=self.settings.seller,
            tax_notes=self.settings.tax_notes,
        )

    @cached_property
    def _prices(self) -> Prices:
        from chalicelib.adapters.dynamodb.prices import DynamoPrices

        max_age_seconds = self.settings.prices_max_age_seconds
        return self._connected(lambda: DynamoPrices(max_age_seconds=max_age_seconds))

    @cached_property
    def _catalogue(self) -> GenaiPricesCatalogue:
        from chalicelib.adapters.price_catalogue import GenaiPricesCatalogue

        return GenaiPricesCatalogue()

    @cached_property
    def _usage_days(self) -> UsageDays:
        from chalicelib.adapters.dynamodb.usage_days import DynamoUsageDays
        from chalicelib.adapters.pause import JitteredPause

        return self._connected(lambda: DynamoUsageDays(JitteredPause()))

    @cached_property
    def _keeping_cards(self) -> KeepingCards:
        from chalicelib.adapters.stripe_records import StripeRecords
        from chalicelib.usecases.keeping_cards import KeepingCards

        return KeepingCards(
            ledger=self.ledger,
            customers=self.customers,
            top_ups=self.top_ups,
            payments=self.payments,
            records=StripeRecords(self._stripe),
            queue=self.queue,
        )

    @cached_property
    def _reversing(self) -> Reversing:
        from chalicelib.usecases.credit_notes import CreditNotes
        from chalicelib.usecases.reversing import Reversing

        return Reversing(
            ledger=self.ledger,
            purchases=self.purchases,
            top_ups=self.top_ups,
            refunds=self._refunds,
            credit_notes=CreditNotes(invoices=self._invoices, queue=self.queue),
            ids=self._ids,
            pause=self._rivalry_pause,
        )

    @cached_property
    def _requests(self) -> Requests:
        from chalicelib.adapters.dynamodb.repositories import DynamoRequests

        return self._connected(DynamoRequests)

    @cached_property
    def _invoices(self) -> Invoices:
        from chalicelib.adapters.dynamodb.repositories import DynamoInvoices

        return self._connected(DynamoInvoices)

    @cached_property
    def _notices(self) -> Notices:
        from chalicelib.adapters.dynamodb.notices import DynamoNotices

        return self._connected(DynamoNotices)

    @cached_property
    def _events(self) -> Events:
        from chalicelib.adapters.eventbridge import EventBridgeEvents

        return EventBridgeEvents(self._client("events"), bus=self.settings.event_bus)

    @cached_property
    def _mail(self) -> Mail | None:
        from chalicelib.adapters.ses_mail import MailTemplates, SesMail

        sender = self.settings.mail_sender
        if sender is None:
            return None
        templates = MailTemplates(
            TEMPLATES, seller=self.settings.seller.name, page_url=self.settings.page_url
        )
        return SesMail(self._client("sesv2"), sender=sender, templates=templates)

    @cached_property
    def _archives(self) -> Archives:
        from chalicelib.adapters.dynamodb.archives import DynamoArchives

        return self._connected(DynamoArchives)

    @cached_property
    def _documents(self) -> Documents:
        from chalicelib.adapters.s3_documents import S3Documents

        return S3Documents(self._client("s3"), bucket=self.settings.documents_bucket)

    @cached_property
    def _renderer(self) -> Renderer:
        return _Renderers()

    @cached_property
    def _ids(self) -> Ids:
        from chalicelib.adapters.ids import TimeOrderedIds

        return TimeOrderedIds()

    @cached_property
    def _permitting(self) -> Permitting:
        from chalicelib.usecases.permitting import Permitting

        return Permitting(ledger=self.ledger, queue=self.queue, pause=self._rivalry_pause)

    @cached_property
    def _taking(self) -> Taking:
        from chalicelib.usecases.taking import Taking

        return Taking(
            ledger=self.ledger,
            holds=self._holds,
            trace_counts=self._trace_counts,
            ids=self._ids,
            pause=self._rivalry_pause,
        )

    @cached_property
    def _holds(self) -> Holds:
        from chalicelib.adapters.dynamodb.holds import DynamoHolds

        return self._connected(DynamoHolds)

    @cached_property
    def _purchase_days(self) -> PurchaseDays:
        from chalicelib.adapters.dynamodb.purchase_days import DynamoPurchaseDays

        return self._connected(DynamoPurchaseDays)

    @cached_property
    def _trace_counts(self) -> TraceCounts:
        from chalicelib.adapters.dynamodb.trace_counts import DynamoTraceCounts

        return self._connected(DynamoTraceCounts)

    @cached_property
    def _rivalry_pause(self) -> Pause:
        """Between tries that failed since a rival had changed the same hold or count."""
        return self._counted_pause("Rivalries")

    def _counted_pause(self, metric: str) -> Pause:
        from chalicelib.adapters.metrics import counter
        from chalicelib.adapters.pause import JitteredPause

        return JitteredPause(counter(metric, namespace=self.settings.metrics_namespace))

    def _connected(self, repository: Callable[[], T]) -> T:
        """A repository, once the models know their tables."""
        _ = self.ledger
        return repository()

    @cached_property
    def _session(self) -> Any:
        import boto3

        return boto3.Session()

    def _client(self, service: str) -> Any:
        from botocore.config import Config

        config = Config(
            connect_timeout=2,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": 3},
            # S3 would sign links in an old way, which doesn't cover headers of the answer.
            signature_version="s3v4" if service == "s3" else None,
        )
        return self._session.client(service, config=config)


class _NoTaxes:
    """The Taxes port while tax is off."""

    def quote(self, amount_nanos: int, buyer: BillingDetails) -> Tax:  # noqa: ARG002 - the port's
        return NO_TAX


class _Renderers:
    """The Renderer port: Typst for the PDF, Jinja2 for the page."""

    def render_pdf(self, invoice: Invoice) -> bytes:
        return self._pdf.render_pdf(invoice)

    def render_html(self, invoice: Invoice) -> str:
        return self._html.render_html(invoice)

    @cached_property
    def _pdf(self) -> TypstRenderer:
        from chalicelib.adapters.typst_renderer import TypstRenderer

        return TypstRenderer(TEMPLATES)

    @cached_property
    def _html(self) -> HtmlRenderer:
        from chalicelib.adapters.html_renderer import HtmlRenderer

        return HtmlRenderer(TEMPLATES)


@cache
def services() -> Services:
    """This container's object graph."""
    return Services(Settings(dict(os.environ)))
