"""The world beside the tables: Stripe, queues, files, mails, tokens, prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from chalicelib.config import TEMPLATES
from chalicelib.domain.billing import BillingDetails
from chalicelib.domain.invoice import Invoice
from chalicelib.domain.tax import NO_TAX, Tax
from chalicelib.wiring.built_once import built_once
from chalicelib.wiring.secrets import Secrets

if TYPE_CHECKING:
    from stripe import StripeClient

    from chalicelib.adapters.dynamodb.table_copy import TableCopy
    from chalicelib.adapters.html_renderer import HtmlRenderer
    from chalicelib.adapters.jwt_tokens import JwtTokens
    from chalicelib.adapters.page_renderer import PageRenderer
    from chalicelib.adapters.price_catalogue import GenaiPricesCatalogue
    from chalicelib.adapters.sqs_dead_letters import SqsDeadLetters
    from chalicelib.adapters.typst_renderer import TypstRenderer
    from chalicelib.ports import (
        Documents,
        Events,
        Ids,
        Mail,
        Payments,
        Queue,
        Redelivery,
        Refunds,
        Renderer,
        Taxes,
        TaxIds,
    )

T = TypeVar("T")


class Outside(Secrets):
    """The other adapters, each imported and built on its first use."""

    def verify_token(self, token: str) -> Mapping[str, object] | None:
        """What a token says, or None if it proves nothing."""
        from chalicelib.adapters.jwt_tokens import TokenError

        try:
            return self._tokens.claims(token)
        except TokenError:
            return None

    def verify_stripe_event(self, raw: bytes, signature: str) -> Mapping[str, object] | None:
        """The event that Stripe sent, or None if nothing proves that it did."""
        event = self._signed_event(raw, signature)
        if event is None and self._stripe_secret.renew():
            # It may be signed with a secret that is newer than what we remember.
            event = self._signed_event(raw, signature)
        return event

    def _signed_event(self, raw: bytes, signature: str) -> Mapping[str, object] | None:
        from chalicelib.adapters.secrets import listed
        from chalicelib.adapters.stripe_webhooks import WebhookError, verified_event

        secrets = listed(self._stripe_secret.field("webhook_secrets"))
        try:
            return verified_event(raw, signature=signature, secrets=secrets)
        except WebhookError:
            return None

    @built_once
    def tax_ids(self) -> TaxIds:
        """Which kinds of tax ID there are."""
        from chalicelib.adapters.tax_ids import ListedTaxIds

        return ListedTaxIds(TEMPLATES / "tax-id-types.json")

    @built_once
    def payments(self) -> Payments:
        """Stripe."""
        from chalicelib.adapters.stripe_payments import StripePayments

        return StripePayments(self._stripe, publishable_key=self.settings.stripe_publishable_key)

    @built_once
    def _stripe(self) -> StripeClient:
        from chalicelib.adapters.stripe_client import stripe_client

        return stripe_client(self._stripe_secret, self.settings.stripe_api_base)

    @built_once
    def _refunds(self) -> Refunds:
        from chalicelib.adapters.stripe_refunds import StripeRefunds

        return StripeRefunds(self._stripe)

    @built_once
    def _taxes(self) -> Taxes:
        if not self.settings.taxes_by_stripe:
            return _NoTaxes()
        from chalicelib.adapters.stripe_tax import StripeTaxes

        return StripeTaxes(self._stripe, tax_code=self.settings.stripe_tax_code)

    @built_once
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

    def dead_letters(self, queue_url: str) -> SqsDeadLetters:
        """What a queue gave up; usage's is named by the address of its dead letters."""
        from chalicelib.adapters.sqs_dead_letters import SqsDeadLetters

        return SqsDeadLetters(self._client("sqs"), queue_url=queue_url)

    def table_copy(self, aggregate: str, *, source: str) -> TableCopy:
        """The table of an aggregate, to be made equal to another."""
        from chalicelib.adapters.dynamodb.table_copy import TableCopy

        target = self.settings.tables[aggregate]
        return TableCopy(self._client("dynamodb"), target=target, source=source)

    @built_once
    def page(self) -> PageRenderer:
        """The Credits page."""
        from chalicelib.adapters.page_renderer import PageRenderer

        return PageRenderer(TEMPLATES)

    @built_once
    def usage_redelivery(self) -> Redelivery:
        """The usage queue, for reports that failed."""
        from chalicelib.adapters.sqs import SqsRedelivery

        return SqsRedelivery(self._client("sqs"), queue_url=self.settings.usage_queue_url)

    @built_once
    def _tokens(self) -> JwtTokens:
        from chalicelib.adapters.jwt_tokens import JwtTokens

        return JwtTokens(
            issuer=self.settings.jwt_issuer,
            audience=self.settings.jwt_audience,
            jwks_url=self.settings.jwt_jwks_url,
        )

    @built_once
    def _catalogue(self) -> GenaiPricesCatalogue:
        from chalicelib.adapters.price_catalogue import GenaiPricesCatalogue

        return GenaiPricesCatalogue()

    @built_once
    def _events(self) -> Events:
        from chalicelib.adapters.eventbridge import EventBridgeEvents

        return EventBridgeEvents(self._client("events"), bus=self.settings.event_bus)

    @built_once
    def _mail(self) -> Mail | None:
        from chalicelib.adapters.ses_mail import MailTemplates, SesMail

        sender = self.settings.mail_sender
        if sender is None:
            return None
        templates = MailTemplates(
            TEMPLATES, seller=self.settings.seller.name, page_url=self.settings.page_url
        )
        return SesMail(self._client("sesv2"), sender=sender, templates=templates)

    @built_once
    def _documents(self) -> Documents:
        from chalicelib.adapters.s3_documents import S3Documents

        return S3Documents(self._client("s3"), bucket=self.settings.documents_bucket)

    @built_once
    def _renderer(self) -> Renderer:
        return _Renderers()

    @built_once
    def _ids(self) -> Ids:
        from chalicelib.adapters.ids import TimeOrderedIds

        return TimeOrderedIds()


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

    @built_once
    def _pdf(self) -> TypstRenderer:
        from chalicelib.adapters.typst_renderer import TypstRenderer

        return TypstRenderer(TEMPLATES)

    @built_once
    def _html(self) -> HtmlRenderer:
        from chalicelib.adapters.html_renderer import HtmlRenderer

        return HtmlRenderer(TEMPLATES)
