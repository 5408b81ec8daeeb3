"""One usage report: opened by a first call, closed for good, and written as the contract has it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.journal import Journal, Record
from gateway.lines import Tally
from gateway.outbox import ClosedReport
from gateway.usage import Usage, decode, encode

#: Prices of the catalogue change at full and half hours, days and months: no report spans one.
_PERIOD_SECONDS = 1800


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose usage a report tells of, and which hold pays for it."""

    organization_id: str
    project_id: str | None = None
    hold_id: str | None = None


@dataclass(slots=True, kw_only=True)
class OpenReport:
    """A report that is being added to; `in_journal` once its opening is there."""

    report_id: str
    subject: Subject
    occurred_at: datetime
    tally: Tally
    in_journal: bool = False

    @classmethod
    def new(cls, subject: Subject, *, at: datetime, thresholds: Sequence[int]) -> OpenReport:
        """An empty one, with an id that it keeps for ever."""
        return cls(
            report_id=str(uuid.uuid4()),
            subject=subject,
            occurred_at=at.replace(microsecond=0),
            tally=Tally(thresholds),
        )

    @classmethod
    def of(
        cls, report_id: str, records: Sequence[Record], *, thresholds: Sequence[int]
    ) -> OpenReport | None:
        """The report that the records tell of; None if its beginning was never written."""
        report: OpenReport | None = None
        for record in records:
            if "open" in record:
                opened: Any = dict(record["open"])  # type: ignore[call-overload]
                at = datetime.fromisoformat(opened.pop("occurred_at"))
                report = cls(
                    report_id=report_id,
                    subject=Subject(**opened),
                    occurred_at=at,
                    tally=Tally(thresholds),
                )
            elif "use" in record and report is not None:
                report.tally.add(decode(record["use"]))  # type: ignore[arg-type]
        return report

    @property
    def opening(self) -> Record:
        """The record that it was opened."""
        subject = {
            "organization_id": self.subject.organization_id,
            "project_id": self.subject.project_id,
            "hold_id": self.subject.hold_id,
        }
        return {"open": {**subject, "occurred_at": self.occurred_at.isoformat()}}

    def spans(self, moment: datetime) -> bool:
        """Whether what is used at that moment costs the same as what the report tells of."""
        ours, theirs = (int(at.timestamp()) // _PERIOD_SECONDS for at in (self.occurred_at, moment))
        return ours == theirs

    def closed(self, journal: Journal, *, final: bool) -> ClosedReport:
        """The report as it is sent; `final` if its hold ends with it."""
        body = {
            "version": 1,
            "report_id": self.report_id,
            "organization_id": self.subject.organization_id,
            "project_id": self.subject.project_id,
            "occurred_at": self.occurred_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "hold_id": self.subject.hold_id,
            "final": final,
            "lines": self.tally.lines(),
        }
        return ClosedReport(
            report_id=self.report_id,
            organization_id=self.subject.organization_id,
            body=json.dumps(body, separators=(",", ":")),
            journal=journal,
        )


def use_record(usage: Usage) -> Record:
    """The record that something was used."""
    return {"use": encode(usage)}


def closing_record(report: ClosedReport) -> Record:
    """The record that a report will not change any more."""
    return {"close": report.body}


def closed_before(
    report_id: str, records: Sequence[Record], journal: Journal
) -> ClosedReport | None:
    """The report as it was closed by whoever wrote the records, or None if it wasn't."""
    for record in records:
        if "close" in record:
            body = str(record["close"])
            return ClosedReport(
                report_id=report_id,
                organization_id=json.loads(body)["organization_id"],
                body=body,
                journal=journal,
            )
    return None
