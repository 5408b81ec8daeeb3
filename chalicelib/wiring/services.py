"""The use cases, made of the repositories and the other adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from chalicelib.wiring.built_once import built_once
from chalicelib.wiring.outside import Outside

if TYPE_CHECKING:
    from chalicelib.usecases.adjusting import Adjusting
    from chalicelib.usecases.archiving import Archiving
    from chalicelib.usecases.auditing import Auditing
    from chalicelib.usecases.card_tries import CardTries
    from chalicelib.usecases.closing import Closing
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
    from chalicelib.usecases.restoring import Restoring
    from chalicelib.usecases.reversing import Reversing
    from chalicelib.usecases.rolling_up import RollingUp
    from chalicelib.usecases.sampling import Sampling
    from chalicelib.usecases.suspending import Suspending
    from chalicelib.usecases.sweeping import Sweeping
    from chalicelib.usecases.taking import Taking
    from chalicelib.usecases.topping_up import ToppingUp
    from chalicelib.usecases.usage_reporting import UsageReporting

T = TypeVar("T")


class Services(Outside):
    """The use cases, each imported and built on its first use."""

    @built_once
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
            card_tries=self._card_tries,
            daily_maximum_nanos=self.settings.purchase_daily_maximum_nanos,
            pause=JitteredPause(),
        )

    @built_once
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

    @built_once
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

    @built_once
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

    @built_once
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

    @built_once
    def price_keeping(self) -> PriceKeeping:
        """The operator's prices."""
        from chalicelib.usecases.price_keeping import PriceKeeping

        return PriceKeeping(
            prices=self._prices,
            find_price=self._catalogue.price,
            trace_terms=self.settings.trace_terms,
        )

    @built_once
    def rolling_up(self) -> RollingUp:
        """Summing usage as it arrives."""
        from chalicelib.adapters.dynamodb.history import DynamoHistory
        from chalicelib.usecases.rolling_up import RollingUp

        return RollingUp(history=self._connected(DynamoHistory), usage_days=self._usage_days)

    @built_once
    def rebuilding(self) -> Rebuilding:
        """Making sums anew from the ledger."""
        from chalicelib.adapters.dynamodb.history import DynamoHistory
        from chalicelib.usecases.rebuilding import Rebuilding

        return Rebuilding(
            ledger=self.ledger,
            history=self._connected(DynamoHistory),
            usage_days=self._usage_days,
        )

    @built_once
    def usage_reporting(self) -> UsageReporting:
        """What was used."""
        from chalicelib.usecases.usage_reporting import UsageReporting

        return UsageReporting(usage_days=self._usage_days)

    @built_once
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
            card_tries=self._card_tries,
        )

    @built_once
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

    @built_once
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

    @built_once
    def auditing(self) -> Auditing:
        """Comparing accounts with their ledger."""
        from chalicelib.adapters.dynamodb.history import DynamoHistory
        from chalicelib.adapters.pause import JitteredPause
        from chalicelib.usecases.auditing import Auditing

        return Auditing(
            accounts=self._accounts,
            history=self._connected(DynamoHistory),
            holds=self._holds,
            top_ups=self.top_ups,
            pause=JitteredPause(),
        )

    @built_once
    def sampling(self) -> Sampling:
        """Auditing by schedule."""
        from chalicelib.usecases.sampling import Sampling

        return Sampling(accounts=self._accounts, auditing=self.auditing)

    @built_once
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

    @built_once
    def adjusting(self) -> Adjusting:
        """Adjustments by operators."""
        from chalicelib.usecases.adjusting import Adjusting

        return Adjusting(ledger=self.ledger, ids=self._ids)

    @built_once
    def suspending(self) -> Suspending:
        """What accounts may do."""
        from chalicelib.usecases.suspending import Suspending

        return Suspending(ledger=self.ledger, queue=self.queue, ids=self._ids)

    @built_once
    def closing(self) -> Closing:
        """Closing accounts for good."""
        from chalicelib.usecases.closing import Closing
        from chalicelib.usecases.sending_back import SendingBack

        return Closing(
            ledger=self.ledger,
            purchases=self.purchases,
            holds=self._holds,
            top_ups=self.top_ups,
            customers=self.customers,
            payments=self.payments,
            ids=self._ids,
            concluding=self._concluding,
            holding=self.holding,
            sending_back=SendingBack(
                ledger=self.ledger,
                purchases=self.purchases,
                ids=self._ids,
                refunding=self.refunding,
            ),
            adjusting=self.adjusting,
        )

    @built_once
    def restoring(self) -> Restoring:
        """Setting accounts right by their ledger."""
        from chalicelib.usecases.restoring import Restoring

        return Restoring(accounts=self._accounts, auditing=self.auditing)

    @built_once
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

    @built_once
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

    @built_once
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

    @built_once
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

    @built_once
    def _card_tries(self) -> CardTries:
        from chalicelib.adapters.pause import JitteredPause
        from chalicelib.usecases.card_tries import CardTries

        return CardTries(
            ledger=self.ledger,
            purchases=self.purchases,
            purchase_days=self._purchase_days,
            pause=JitteredPause(),
            most_tries_per_hour=self.settings.card_tries_per_hour,
        )

    @built_once
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

    @built_once
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

    @built_once
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

    @built_once
    def _permitting(self) -> Permitting:
        from chalicelib.usecases.permitting import Permitting

        return Permitting(ledger=self.ledger, queue=self.queue, pause=self._rivalry_pause)

    @built_once
    def _taking(self) -> Taking:
        from chalicelib.usecases.taking import Taking

        return Taking(
            ledger=self.ledger,
            holds=self._holds,
            trace_counts=self._trace_counts,
            ids=self._ids,
            pause=self._rivalry_pause,
        )
