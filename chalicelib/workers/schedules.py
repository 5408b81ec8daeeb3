"""The schedules: finishing what was left undone, and comparing with Stripe's books."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta

from aws_lambda_powertools import Logger
from chalice.app import CloudWatchEvent, Rate

from chalicelib.domain.reconciliation import Difference
from chalicelib.domain.stored_account import StoredAccount
from chalicelib.usecases.sweeping import PASSING
from chalicelib.wiring import now, services
from chalicelib.workers.queues import workers

logger = Logger(child=True)

#: Each payment is compared a few times before it is let be; refunds and disputes for longer.
_RECONCILED_DAYS = 3


@workers.schedule(Rate(1, unit=Rate.MINUTES), name="sweep")
def sweep(event: CloudWatchEvent) -> dict[str, int]:  # noqa: ARG001 - the schedule says nothing
    """Finish what a crash, an outage or a lost message left undone.

    Raises:
        ExceptionGroup: of what failed for no passing reason, after all else was done.
    """
    swept = services().sweeping.sweep(now=now())
    for subject, error in swept.failures:
        logger.error("It could not be finished", subject=subject, exc_info=error)
    found = {
        "purchases": swept.purchases,
        "hints": swept.hints,
        "invoices": swept.invoices,
        "notices": swept.notices,
        "notices_given_up": swept.notices_given_up,
        "holds": swept.holds,
    }
    services().meter.put(
        {
            "SweptPurchases": swept.purchases,
            "SweptHints": swept.hints,
            "SweptInvoices": swept.invoices,
            "SweptNotices": swept.notices,
            "SweptNoticesGivenUp": swept.notices_given_up,
            "SweptHolds": swept.holds,
        }
    )
    logger.info("Swept", extra={**found, "failures": len(swept.failures)})
    bugs = [error for _, error in swept.failures if not isinstance(error, PASSING)]
    if bugs:
        raise ExceptionGroup("the sweep met errors that won't pass by themselves", bugs)
    return found


@workers.schedule(Rate(6, unit=Rate.HOURS), name="reconcile")
def reconcile(event: CloudWatchEvent) -> Mapping[str, object]:
    """Compare with Stripe's books, repair, and report what a person must look at."""
    days = event.detail.get("days", _RECONCILED_DAYS)
    report = services().reconciling.reconcile(window=timedelta(days=days), now=now())
    for finding in report.findings:
        told = logger.info if finding.repaired else logger.error
        # How something failed is an error's text, and may quote what nobody may read.
        failed = finding.difference is Difference.FAILED
        detail = "make reconcile tells" if failed else finding.detail
        told("A difference was found", finding={**asdict(finding), "detail": detail})
    repaired = len(report.findings) - len(report.open)
    services().meter.put({"DifferencesRepaired": repaired, "DifferencesOpen": len(report.open)})
    body = report.body()
    logger.info("Reconciled", extra={**body, "findings": len(report.findings)})
    _audit()
    return body


def _audit() -> None:
    """Compare accounts with their entries, as many as there is time for."""
    sample = services().sampling.sample(now=now())
    for compared in sample.mismatches:
        logger.error(
            "An account is not what its entries make of it",
            organization_id=compared.organization_id,
            faults=compared.faults,
            account=_told(compared.stored),
            by_the_ledger=_told(compared.expected),
            entries=compared.entries,
            missing=len(compared.missing),
            open_holds_nanos=compared.open_holds_nanos,
        )
    for organization_id, error in sample.failures:
        logger.error("It was not audited", organization_id=organization_id, exc_info=error)
    not_checked = [*sample.unsettled, *sample.too_long]
    if not_checked:
        logger.warning("Audit these one by one", organization_ids=not_checked)
    services().meter.put(
        {
            "AccountsChecked": sample.checked,
            "AccountsNotChecked": len(not_checked) + len(sample.failures),
            "LedgerMismatches": len(sample.mismatches),
        }
    )
    logger.info("Audited", checked=sample.checked, complete=sample.complete)


def _told(account: StoredAccount | None) -> Mapping[str, object] | None:
    """What the log has of an account: not its last write, whose key is a caller's words."""
    if account is None:
        return None
    found = asdict(account)
    return {name: found[name] for name in found if name not in {"last_write", "low_since"}}
