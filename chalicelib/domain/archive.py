"""The archive of a month's invoices: a file that is made once its invoices are known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from chalicelib.domain.invoice import Invoice

#: A job that goes on tells its progress far more often than that; one that doesn't has died.
_FIRST_CHECK = timedelta(minutes=5)
#: Of this century, so that a month more is still a month.
_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """`done` of `total` invoices are in it; `check_at` is None once it is stored.

    Its name says which invoices it has. Invoices never change and their numbers rise, so an
    archive under its name never changes either; a month that goes on gets a further one.
    """

    organization_id: str
    month: str
    name: str
    total: int
    check_at: datetime | None
    done: int = 0
    version: int = 1

    @classmethod
    def of(
        cls, organization_id: str, month: str, invoices: Sequence[Invoice], *, now: datetime
    ) -> Archive:
        """The archive of these invoices, yet to be made."""
        last = max(invoice.number for invoice in invoices)
        return cls(
            organization_id=organization_id,
            month=month,
            name=f"{month}-{len(invoices)}-{last}",
            total=len(invoices),
            check_at=now + _FIRST_CHECK,
        )

    @property
    def stored(self) -> bool:
        """Whether it can be had."""
        return self.check_at is None

    @property
    def file_name(self) -> str:
        """What a person finds the saved file by."""
        return f"invoices-{self.month}.zip"

    def progressed(self, done: int, *, now: datetime) -> Archive:
        """The archive while it is being made."""
        return replace(self, done=done, check_at=now + _FIRST_CHECK, version=self.version + 1)

    def finished(self) -> Archive:
        """The archive once its file is stored."""
        return replace(self, done=self.total, check_at=None, version=self.version + 1)


def month_bounds(month: str) -> tuple[datetime, datetime]:
    """The first moment of a month such as "2026-11", and of the next, in UTC.

    Raises:
        ValueError: with a sentence for the caller.
    """
    if _MONTH.fullmatch(month) is None:
        raise ValueError('must be a month, such as "2026-11"')
    year, number = month.split("-")
    first = datetime(int(year), int(number), 1, tzinfo=UTC)
    return first, (first + timedelta(days=32)).replace(day=1)
