"""What the use cases need of the world, in our own words; adapters and fakes provide it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, Protocol, TypeVar

from chalicelib.domain.account import Account
from chalicelib.domain.archive import Archive
from chalicelib.domain.billing import BillingDetails, TaxId
from chalicelib.domain.customer import Customer
from chalicelib.domain.holds import Hold
from chalicelib.domain.invoice import Invoice
from chalicelib.domain.ledger import Entry
from chalicelib.domain.mandate import Agreement, CardSaving
from chalicelib.domain.notices import Notice
from chalicelib.domain.numbering import InvoiceSequence, IssuedInvoice
from chalicelib.domain.payment import Card, CardSetup, ChargeRequest, Payment
from chalicelib.domain.price_rules import PriceBook, PriceRule
from chalicelib.domain.purchase import Purchase, PurchaseType
from chalicelib.domain.purchase_day import PurchaseDay
from chalicelib.domain.reconciliation import BookedPayment
from chalicelib.domain.request import IdempotentRequest
from chalicelib.domain.reversal import RefundRequest, Reversal
from chalicelib.domain.stored_account import ListedWrite, StoredAccount
from chalicelib.domain.tax import Tax
from chalicelib.domain.topup import TopUp
from chalicelib.domain.traces import TraceCount
from chalicelib.domain.usage_day import HistoryWrite, UsageDay
from chalicelib.domain.write import Outcome, Write

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T_co]):
    """A part of a list; `after` is where the next part begins, None at the end."""

    items: Sequence[T_co]
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A part of a list to read: newest first, `since` included, `until` not."""

    limit: int
    after: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Ledger(Protocol):
    """Accounts and their entries. Every change of money goes through `commit`."""

    def commit(self, write: Write) -> Outcome:
        """Make the write, whole or not at all.

        Raises:
            BusyError: when the engine stays overloaded after its bounded retries. Whether the
                write was made is then unknown: the same write may be tried again.
        """
        ...

    def account(self, organization_id: str) -> Account:
        """The account as it is now; empty for an organization never heard of."""
        ...

    def entry(self, organization_id: str, key: str) -> Entry | None:
        """The entry with that idempotency key."""
        ...

    def entries(self, organization_id: str, window: Window) -> Page[Entry]:
        """The account's history, without refusals."""
        ...

    def low_accounts(self, limit: int) -> Sequence[str]:
        """Organizations whose account was marked low and not looked after since."""
        ...


class Accounts(Protocol):
    """The accounts as they are stored, for comparing them with the ledger, and setting right."""

    def stored(self, organization_id: str) -> StoredAccount | None:
        """The account as it is now; None if there is none."""
        ...

    def replace(self, before: StoredAccount | None, after: StoredAccount) -> bool:
        """Store `after` in the place of `before`; False if it isn't that any more."""
        ...

    def organizations(self) -> Iterator[str]:
        """Every organization that has an account or a history, each once, in any order."""
        ...

    def about_how_many(self) -> int:
        """How many accounts there are, or were some hours ago."""
        ...

    def in_part(self, part: int, *, of: int) -> Iterator[str]:
        """Those of the organizations with an account that are in the part; the first is 0."""
        ...


class History(Protocol):
    """The writes that the account's history consists of."""

    def writes(
        self, organization_id: str, first_keys: Sequence[str]
    ) -> Sequence[tuple[Entry, ...]]:
        """The entries of each write, which is known by the key of its first.

        Raises:
            LookupError: if there is no such write.
        """
        ...

    def count(self, organization_id: str, *, since: datetime, until: datetime) -> int:
        """How many writes were made in that time, `since` included, `until` not."""
        ...

    def listed(
        self, organization_id: str, *, since: datetime | None = None, after: str | None = None
    ) -> Page[ListedWrite]:
        """The writes with their entries, the oldest first, from `since` on.

        A write shows a moment after it is made.
        """
        ...


class UsageDays(Protocol):
    """The roll-ups of usage by day."""

    def add(self, organization_id: str, day: date, writes: Sequence[HistoryWrite]) -> UsageDay:
        """Add the entries of that day of each write, unless it has them already; gives the day.

        Of the day that is given, the groups may not be all.

        Raises:
            BusyError: when others were faster too often; what was added is then unknown, and the
                same may be added again.
        """
        ...

    def replace(self, day: UsageDay) -> bool:
        """Keep the day as it is, in the place of the version before it; False if that is gone."""
        ...

    def days(self, organization_id: str, *, first: date, last: date) -> Sequence[UsageDay]:
        """The days on which something happened, oldest first, both ends included."""
        ...

    def before(self, organization_id: str, day: date) -> UsageDay | None:
        """The latest day before that one on which something happened; not with all groups."""
        ...


class Prices(Protocol):
    """The operator's price rules, of which each is kept for ever."""

    def book(self) -> PriceBook:
        """The rules to price by. What was appended elsewhere joins them within seconds."""
        ...

    def rules(self) -> Sequence[PriceRule]:
        """All rules as they are now, by version."""
        ...

    def append(self, rule: PriceRule) -> bool:
        """Add a rule, whose version is the last one's successor; False if it is taken by now."""
        ...


class Holds(Protocol):
    """Credits set aside."""

    def get(self, organization_id: str, hold_id: str) -> Hold | None:
        """The hold, if it is that organization's."""
        ...

    def due(self, now: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """Organization and id of open holds whose `check_at` has come, the oldest first."""
        ...

    def open(self, organization_id: str) -> Sequence[Hold]:
        """The organization's holds that still hold."""
        ...


class TraceCounts(Protocol):
    """How many traces were used of each month's allowance."""

    def get(self, organization_id: str, month: str) -> TraceCount:
        """The organization's count as it is now; zero if it used none."""
        ...


class Purchases(Protocol):
    """Purchases of credits."""

    def get(self, organization_id: str, purchase_id: str) -> Purchase | None:
        """The purchase, if it is that organization's."""
        ...

    def succeeded(
        self,
        organization_id: str,
        window: Window,
        *,
        type: PurchaseType | None = None,  # noqa: A002 - the contract's word
    ) -> Page[Purchase]:
        """The purchases that were paid."""
        ...

    def due(self, now: datetime, limit: int) -> Sequence[Purchase]:
        """Purchases that are not final and whose `check_at` has come."""
        ...

    def open(self, organization_id: str) -> Sequence[Purchase]:
        """The organization's purchases that are not final, the oldest first."""
        ...


class PurchaseDays(Protocol):
    """What was bought by hand, by the day."""

    def get(self, organization_id: str, day: str) -> PurchaseDay:
        """The organization's day, such as "2026-11-23"; nothing, if it bought nothing."""
        ...


class TopUps(Protocol):
    """The standing orders."""

    def get(self, organization_id: str) -> TopUp:
        """The organization's; switched off if it never had one."""
        ...

    def due(self, now: datetime, limit: int) -> Sequence[str]:
        """Organizations whose `check_at` has come."""
        ...


class Customers(Protocol):
    """Who the organizations are as buyers."""

    def get(self, organization_id: str) -> Customer:
        """The organization's; empty if it never bought."""
        ...


class Requests(Protocol):
    """First requests by idempotency key, where no ledger entry keeps them."""

    def get(self, organization_id: str, operation: str, key: str) -> IdempotentRequest | None:
        """The first request with that key."""
        ...


class Invoices(Protocol):
    """Issued invoices and the numbers they take."""

    def sequence(self, year: int) -> InvoiceSequence:
        """The year's sequence as it is now."""
        ...

    def get(self, organization_id: str, number: str) -> IssuedInvoice | None:
        """The invoice with that number, if it is that organization's."""
        ...

    def issued(
        self, organization_id: str, *, since: datetime, until: datetime
    ) -> Sequence[IssuedInvoice]:
        """All invoices of the organization that were issued then, `since` included."""
        ...

    def due(self, now: datetime, limit: int) -> Sequence[IssuedInvoice]:
        """Invoices whose files should be stored by now and aren't."""
        ...


class Notices(Protocol):
    """What organizations are told."""

    def get(self, organization_id: str, name: str) -> Notice | None:
        """The organization's notice with that name."""
        ...

    def due(self, now: datetime, limit: int) -> Sequence[Notice]:
        """Notices that should have been passed on by now and aren't."""
        ...


class Events(Protocol):
    """The bus on which everybody who cares hears what happened."""

    def publish(self, notice: Notice) -> None:
        """Put it on the bus; twice is no harm, since it carries its id.

        Raises:
            NoticeFailedError: if it may not be there.
        """
        ...


class Mail(Protocol):
    """Letters to the people who pay."""

    def send(self, notice: Notice, *, to: str, name: str) -> None:
        """Write to `name` at the address `to` what the notice says.

        Raises:
            NoticeFailedError: if it may not have been sent.
        """
        ...


class Archives(Protocol):
    """Archives of invoices."""

    def get(self, organization_id: str, name: str) -> Archive | None:
        """The archive with that name, if it was requested."""
        ...

    def due(self, now: datetime, limit: int) -> Sequence[Archive]:
        """Archives that should be stored by now and aren't."""
        ...


class Payments(Protocol):
    """The payment provider.

    Every method may raise PaymentsUnavailableError (outcome unknown, ask again), and those that
    change something PaymentRefusedError.
    """

    def create_customer(self, organization_id: str, *, former: int = 0) -> str:
        """The organization's customer id; the same however often it is asked for.

        `former` is how many of its customers were deleted at the provider before.
        """
        ...

    def update_customer(self, customer_id: str, details: BillingDetails) -> None:
        """Keep the billing details at the provider, too."""
        ...

    def set_tax_id(self, customer_id: str, tax_id: TaxId | None) -> None:
        """Keep that tax ID at the provider, and no other."""
        ...

    def set_up_card(
        self, organization_id: str, customer_id: str, agreement: Agreement
    ) -> CardSetup:
        """Begin saving a card for payments without the customer present, who agreed to that."""
        ...

    def cards(self, customer_id: str) -> Sequence[Card]:
        """The customer's saved cards, newest first."""
        ...

    def card(self, customer_id: str, payment_method_id: str) -> Card | None:
        """The saved card, if it is that customer's."""
        ...

    def remove_card(self, payment_method_id: str) -> None:
        """Forget the card; it is not an error if it is gone."""
        ...

    def charge(self, request: ChargeRequest) -> Payment:
        """Take the money, at most once for the purchase. A decline is a Payment, no exception."""
        ...

    def payment(self, payment_id: str) -> Payment:
        """The payment as it is now."""
        ...

    def payment_of(self, customer_id: str, purchase_id: str, *, since: datetime) -> Payment | None:
        """The payment made for the purchase, found without its id."""
        ...

    def cancel(self, payment_id: str) -> Payment:
        """Make sure that it can't be paid any more; the answer tells if it was paid already."""
        ...


class TaxIds(Protocol):
    """Which kinds of tax ID there are."""

    def rows(self) -> Sequence[Mapping[str, str]]:
        """A row per country and type: country, country_name, type, label, example."""
        ...

    def listed(self, kind: str) -> bool:
        """Whether the payment provider knows the type."""
        ...

    def well_formed(self, kind: str, value: str) -> bool:
        """Whether the number can be one of its type; true where the format isn't known."""
        ...


class Taxes(Protocol):
    """Who asks what tax is due. May raise PaymentsUnavailableError and PaymentRefusedError."""

    def quote(self, amount_nanos: int, buyer: BillingDetails) -> Tax:
        """The tax on credits of that amount, calculated now."""


class CustomerRecords(Protocol):
    """What the provider keeps of customers and their cards. Raises as Payments does."""

    def card_saving(self, setup_id: str) -> CardSaving:
        """How the saving of a card stands."""
        ...

    def organization_of(self, customer_id: str) -> str | None:
        """Whose customer it is; None if it isn't ours, or is deleted."""
        ...

    def keeps_tax_id(self, customer_id: str, tax_id: TaxId) -> bool:
        """Whether the tax ID is kept with the customer."""
        ...


class Refunds(Protocol):
    """Money that goes back to cards. Raises as Payments does."""

    def of_payment(self, payment_id: str) -> Sequence[Reversal]:
        """Every refund and dispute of the payment, as they are now."""
        ...

    def payment_behind(self, object_id: str) -> str | None:
        """The payment that a charge, refund or dispute belongs to; None if it has none."""
        ...

    def refund(self, request: RefundRequest) -> Reversal:
        """Send money back to the card, at most once for the request."""
        ...


class Books(Protocol):
    """What the provider's books say, the newest first. Raises as Payments does."""

    def payments(self, since: datetime, until: datetime, after: str | None) -> Page[BookedPayment]:
        """Payments that were begun then, anybody's."""
        ...

    def refunded(self, since: datetime, until: datetime, after: str | None) -> Page[str]:
        """The payments of which something was refunded then."""
        ...

    def disputed(self, since: datetime, until: datetime, after: str | None) -> Page[str]:
        """The payments that were disputed then."""
        ...


class Queue(Protocol):
    """Work to be done soon, at least once each.

    Every method may raise BusyError: whether the work is queued is then unknown.
    """

    def top_up_hint(self, organization_id: str) -> None:
        """The account may be below its threshold."""
        ...

    def payment_event(self, event: Mapping[str, object]) -> None:
        """Something happened at the payment provider."""
        ...

    def invoice_job(self, organization_id: str, number: str) -> None:
        """The invoice is to be rendered and stored."""
        ...

    def archive_job(self, organization_id: str, month: str, name: str) -> None:
        """The archive of invoices is to be made."""
        ...

    def rejected_usage(self, body: str, *, reason: str) -> None:
        """A usage report that can't be applied, kept aside for a person to look at."""
        ...


class Redelivery(Protocol):
    """Messages of a queue that were received and are still to be done."""

    def let_come_again(self, receipt: str, *, seconds: int) -> None:
        """Deliver the message again after so many seconds."""
        ...


class Documents(Protocol):
    """Files that never change once they are stored."""

    def put_once(self, name: str, content: bytes, *, content_type: str) -> None:
        """Store it, unless something is stored under that name already."""
        ...

    def get(self, name: str) -> bytes:
        """What is stored under the name.

        Raises:
            LookupError: if nothing is.
        """
        ...

    def link(self, name: str, *, file_name: str, content_type: str, expires_in_seconds: int) -> str:
        """An address from which whoever has it can download the file until it expires."""
        ...


class Renderer(Protocol):
    """Makes the files of an invoice."""

    def render_pdf(self, invoice: Invoice) -> bytes:
        """The same invoice gives the same bytes."""
        ...

    def render_html(self, invoice: Invoice) -> str:
        """The same invoice for a browser."""
        ...


class Ids(Protocol):
    """Where new ids come from."""

    def new(self, prefix: str, at: datetime) -> str:
        """An id such as `pur_…`, that sorts by `at` and was never given before."""
        ...


class Pause(Protocol):
    """Waiting before another try."""

    def __call__(self, attempt: int) -> None:
        """Wait a random while that grows with the attempt."""
        ...
