"""From usage to what is charged for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.breakdown import compact_breakdown
from chalicelib.domain.charge import Charge
from chalicelib.domain.pricing import Tariff, price_lines
from chalicelib.domain.traces import month_of
from chalicelib.domain.usage import UsageLine, UsageReport, report_digest
from chalicelib.usecases.metering import PricedReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """Prices usage by the tariff in force."""

    tariff: Callable[[], Tariff]

    def charge(
        self,
        *,
        organization_id: str,
        project_id: str | None,
        lines: Sequence[UsageLine],
        digest: str,
        at: datetime,
        path: str = "lines",
    ) -> Charge:
        """What lines of usage cost, their traces as if they were the month's first.

        Whoever takes it counts the month's traces, and makes it right by `Charge.after_traces`.

        Raises:
            PricingError: for a model without a price; it is never charged as nothing.
        """
        priced = price_lines(
            lines,
            tariff=self.tariff(),
            organization_id=organization_id,
            at=at,
            traces_before=0,
            path=path,
        )
        return Charge(
            organization_id=organization_id,
            amount_nanos=priced.amount_nanos,
            digest=digest,
            project_id=project_id,
            details=compact_breakdown(priced.lines),
            usage=priced,
            month=month_of(at),
        )

    def price(self, report: UsageReport) -> PricedReport:
        """What a report costs, at the prices of the time it tells."""
        charge = self.charge(
            organization_id=report.organization_id,
            project_id=report.project_id,
            lines=report.lines,
            digest=report_digest(report),
            at=report.occurred_at,
        )
        return PricedReport(
            report_id=report.report_id,
            charge=charge,
            hold_id=report.hold_id,
            final=report.final,
        )
