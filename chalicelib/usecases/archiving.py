"""A month's invoices in one file: made at once when few, by a worker when many."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.archive import Archive, month_bounds
from chalicelib.domain.errors import NotFoundError
from chalicelib.domain.invoice import Invoice
from chalicelib.domain.numbering import IssuedInvoice
from chalicelib.domain.write import Committed, Write
from chalicelib.ports import Archives, Documents, Invoices, Ledger, Queue
from chalicelib.usecases.invoicing import LINK_SECONDS, InvoiceFormat, Invoicing, document_name

#: So many files are read and packed well within the time that a request may take.
_AT_ONCE = 20
#: How many invoices lie between two notes of progress.
_PROGRESS_EVERY = 25
_ZIP = "application/zip"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLink:
    """Where the archive can be had until `expires_at`; without `url`, it is being made."""

    archive: Archive
    url: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Archiving:
    """Makes and gives out archives."""

    ledger: Ledger
    invoices: Invoices
    archives: Archives
    documents: Documents
    queue: Queue
    invoicing: Invoicing

    def request(self, organization_id: str, month: str, *, now: datetime) -> ArchiveLink:
        """The archive of the month's invoices so far, or how far its making is.

        Raises:
            NotFoundError: if no invoice was issued in the month.
            ValueError: if it isn't a month.
        """
        issued = self._issued(organization_id, month)
        if not issued:
            raise NotFoundError("No invoice was issued in that month.")
        wanted = Archive.of(organization_id, month, [one.invoice for one in issued], now=now)
        archive = self.archives.get(organization_id, wanted.name)
        if archive is None:
            archive = wanted
            if self._save(archive, now=now) and archive.total > _AT_ONCE:
                self.queue.archive_job(organization_id, month, archive.name)
        if not archive.stored and archive.total <= _AT_ONCE:
            archive = self._make(archive, issued, now=now)
        url = None
        if archive.stored:
            url = self.documents.link(
                _document_name(archive),
                file_name=archive.file_name,
                content_type=_ZIP,
                expires_in_seconds=LINK_SECONDS,
            )
        expires_at = now + timedelta(seconds=LINK_SECONDS)
        return ArchiveLink(archive=archive, url=url, expires_at=expires_at)

    def make(self, organization_id: str, month: str, name: str, *, now: datetime) -> Archive:
        """Make an archive that was requested. Done twice, the first file stays.

        Raises:
            LookupError: if nobody requested it; no job should exist then.
        """
        archive = self.archives.get(organization_id, name)
        if archive is None:
            raise LookupError(f"there is no archive {name} of {organization_id}")
        if archive.stored:
            return archive
        # What was issued since belongs to the next archive.
        issued = self._issued(organization_id, month)[: archive.total]
        return self._make(archive, issued, now=now)

    def _make(self, archive: Archive, issued: Sequence[IssuedInvoice], *, now: datetime) -> Archive:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as file:
            for done, one in enumerate(issued, start=1):
                self._pack(file, one, now=now)
                if done % _PROGRESS_EVERY == 0 and done < archive.total:
                    archive = archive.progressed(done, now=now)
                    if not self._save(archive, now=now):
                        # Another job makes the same file; this one only makes sure of it.
                        archive = (
                            self.archives.get(archive.organization_id, archive.name) or archive
                        )
        self.documents.put_once(_document_name(archive), packed.getvalue(), content_type=_ZIP)
        finished = archive.finished()
        self._save(finished, now=now)
        return finished

    def _pack(self, file: zipfile.ZipFile, issued: IssuedInvoice, *, now: datetime) -> None:
        invoice = issued.invoice
        if not issued.rendered:
            self.invoicing.store(invoice.organization_id, invoice.number, now=now)
        content = self.documents.get(document_name(invoice, InvoiceFormat.PDF))
        # The time of issue rather than of packing: the same invoices make the same file.
        entry = zipfile.ZipInfo(invoice.file_name(), invoice.issued_at.timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        file.writestr(entry, content)

    def _issued(self, organization_id: str, month: str) -> Sequence[IssuedInvoice]:
        since, until = month_bounds(month)
        issued = self.invoices.issued(organization_id, since=since, until=until)
        return sorted(issued, key=_order)

    def _save(self, archive: Archive, *, now: datetime) -> bool:
        write = Write(organization_id=archive.organization_id, at=now, saves=(archive,))
        return isinstance(self.ledger.commit(write), Committed)


def _order(issued: IssuedInvoice) -> tuple[datetime, str]:
    invoice: Invoice = issued.invoice
    return invoice.issued_at, invoice.number


def _document_name(archive: Archive) -> str:
    return f"archives/{archive.organization_id}/{archive.name}.zip"
