"""The fake queue, bus, mail, documents, renderer, tax IDs, ids and pause."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import count

from chalicelib.domain.billing import BillingDetails
from chalicelib.domain.invoice import Invoice
from chalicelib.domain.invoice_record import invoice_to_dict
from chalicelib.domain.notices import Notice, NoticeFailedError
from chalicelib.domain.tax import NO_TAX, Tax


class Work(StrEnum):
    """What a message asks for."""

    TOP_UP = "top_up"
    PAYMENT_EVENT = "payment_event"
    INVOICE = "invoice"
    ARCHIVE = "archive"


@dataclass(slots=True, kw_only=True)
class Message:
    """A message and how often it was received."""

    work: Work
    body: Mapping[str, object]
    receipts: int = 0


@dataclass(slots=True)
class FakeQueue:
    """The Queue port: `messages` wait here until somebody takes them, in no promised order.

    The next `drops` messages are lost, as if their sender had died before; the next `duplicates`
    come twice. `dead` are those that failed too often, `rejected` usage has its reason.
    """

    messages: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    drops: int = 0
    duplicates: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def top_up_hint(self, organization_id: str) -> None:
        """See the port."""
        self._send(Work.TOP_UP, {"organization_id": organization_id})

    def payment_event(self, event: Mapping[str, object]) -> None:
        """See the port."""
        self._send(Work.PAYMENT_EVENT, event)

    def invoice_job(self, organization_id: str, number: str) -> None:
        """See the port."""
        self._send(Work.INVOICE, {"organization_id": organization_id, "number": number})

    def archive_job(self, organization_id: str, month: str, name: str) -> None:
        """See the port."""
        body = {"organization_id": organization_id, "month": month, "name": name}
        self._send(Work.ARCHIVE, body)

    def rejected_usage(self, body: str, *, reason: str) -> None:
        """See the port."""
        with self._lock:
            self.rejected.append((body, reason))

    def waiting(self, work: Work) -> list[Message]:
        """The messages of one kind that nobody has taken yet."""
        with self._lock:
            return [message for message in self.messages if message.work is work]

    def take(self) -> list[Message]:
        """Every waiting message, out of the queue."""
        with self._lock:
            taken, self.messages = self.messages, []
        return taken

    def _send(self, work: Work, body: Mapping[str, object]) -> None:
        copied = json.loads(json.dumps(body))
        with self._lock:
            if self.drops:
                self.drops -= 1
                return
            copies = 2 if self.duplicates else 1
            self.duplicates = max(0, self.duplicates - 1)
            self.messages += [Message(work=work, body=copied) for _ in range(copies)]


@dataclass(slots=True)
class FakeEvents:
    """The Events port; the next `failures` calls don't reach the bus."""

    published: list[Notice] = field(default_factory=list)
    failures: int = 0

    def publish(self, notice: Notice) -> None:
        """See the port."""
        if self.failures:
            self.failures -= 1
            raise NoticeFailedError("the bus didn't answer")
        self.published.append(notice)


@dataclass(slots=True)
class FakeMail:
    """The Mail port: each letter's notice and address; the next `failures` aren't sent."""

    sent: list[tuple[Notice, str]] = field(default_factory=list)
    failures: int = 0

    def send(self, notice: Notice, *, to: str, name: str) -> None:
        """See the port."""
        if self.failures:
            self.failures -= 1
            raise NoticeFailedError("the mail server didn't answer")
        self.sent.append((notice, to))


class FakeTaxes:
    """The Taxes port where no tax is due."""

    def quote(self, amount_nanos: int, buyer: BillingDetails) -> Tax:
        """See the port."""
        return NO_TAX


class FakeTaxIds:
    """The TaxIds port: German and British numbers, well formed where they begin as they should."""

    def rows(self) -> Sequence[Mapping[str, str]]:
        """See the port."""
        return [
            {
                "country": country,
                "country_name": name,
                "type": kind,
                "label": label,
                "example": example,
            }
            for country, name, kind, label, example in (
                ("DE", "Germany", "eu_vat", "EU VAT number", "DE123456789"),
                ("GB", "United Kingdom", "gb_vat", "UK VAT number", "GB123456789"),
            )
        ]

    def listed(self, kind: str) -> bool:
        """See the port."""
        return any(row["type"] == kind for row in self.rows())

    def well_formed(self, kind: str, value: str) -> bool:
        """See the port."""
        examples = [row["example"] for row in self.rows() if row["type"] == kind]
        return any(value[:2] == example[:2] for example in examples)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A document as it was stored."""

    content: bytes
    content_type: str


@dataclass(slots=True)
class FakeDocuments:
    """The Documents port; `refused` counts the writes that came too late."""

    files: dict[str, StoredFile] = field(default_factory=dict)
    refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put_once(self, name: str, content: bytes, *, content_type: str) -> None:
        """See the port."""
        with self._lock:
            if name in self.files:
                self.refused += 1
                return
            self.files[name] = StoredFile(content=content, content_type=content_type)

    def get(self, name: str) -> bytes:
        """See the port."""
        with self._lock:
            if name not in self.files:
                raise LookupError(f"nothing is stored as {name}")
            return self.files[name].content

    def link(self, name: str, *, file_name: str, content_type: str, expires_in_seconds: int) -> str:
        """See the port."""
        return f"https://documents.invalid/{name}?as={file_name}&seconds={expires_in_seconds}"


class FakeRenderer:
    """The Renderer port: a file is the invoice's record."""

    def render_pdf(self, invoice: Invoice) -> bytes:
        """See the port."""
        return b"%PDF-" + json.dumps(invoice_to_dict(invoice)).encode()

    def render_html(self, invoice: Invoice) -> str:
        """See the port."""
        return f"<title>{invoice.number}</title>"


class SequentialIds:
    """The Ids port: as the real ones, with a count where those have chance."""

    def __init__(self) -> None:
        self._serial = count(1)

    def new(self, prefix: str, at: datetime) -> str:
        """See the port."""
        return f"{prefix}_{int(at.timestamp() * 1000):012x}{next(self._serial):016x}"


@dataclass(slots=True)
class NoPause:
    """The Pause port; it doesn't wait but counts."""

    pauses: int = 0

    def __call__(self, attempt: int) -> None:
        """See the port."""
        self.pauses += 1
