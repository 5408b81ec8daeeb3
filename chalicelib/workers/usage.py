"""What the usage worker does with a batch: nothing keeps a good report waiting for a bad one.

Order doesn't matter, since reports add up. So what can never be applied is set aside with its
reason, what failed comes again soon, and the rest is done, whatever order they came in.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aws_lambda_powertools import Logger
from chalice.app import SQSRecord

from chalicelib.domain.errors import BusyError, CreditsError
from chalicelib.domain.usage_parsing import parse_report
from chalicelib.usecases.metering import PricedReport, ReportResult
from chalicelib.wiring import now, services
from chalicelib.workers.observing import following, identifiers

logger = Logger(child=True)

#: What fails alone, and for no passing reason, as often as this is a bug: people must look at it.
_TRIES = 3
#: While a failed message is out of sight, its group waits: so it is for as short as it may be.
#: With ten receipts (resources.yaml) they last through an outage of ten minutes.
_FIRST_AGAIN_SECONDS = 2
_LAST_AGAIN_SECONDS = 120
#: One report takes seconds at most, even if the database is at its limits.
_TIME_FOR_ONE_SECONDS = 20
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """A report that was read and has a price, and what brought it."""

    record: SQSRecord
    report: PricedReport
    occurred_at: datetime


def apply_reports(
    records: Sequence[SQSRecord], *, seconds_left: Callable[[], float]
) -> list[SQSRecord]:
    """Apply the reports of a batch, by organization; gives those that must come again."""
    by_organization: dict[str, list[_Message]] = {}
    failed: list[SQSRecord] = []
    for record in records:
        with following(record):
            try:
                message = _read(record)
            except BusyError:
                logger.warning("A report can't be priced now", extra=identifiers(record))
                failed.append(record)
                continue
            except Exception as error:
                logger.exception("A report could not be read and priced", extra=identifiers(record))
                if not _given_up(record, error):
                    failed.append(record)
                continue
        if message is not None:
            organization_id = message.report.charge.organization_id
            by_organization.setdefault(organization_id, []).append(message)
    for organization_id, messages in by_organization.items():
        # What follows from a batch follows from its first report; the log names the others.
        with following(messages[0].record):
            failed += _apply_together(organization_id, messages, seconds_left=seconds_left)
    for record in failed:
        _let_come_again(record)
    return failed


def _read(record: SQSRecord) -> _Message | None:
    """The report with its price, or None after setting it aside: it would never become better."""
    try:
        report = parse_report(json.loads(record.body), now=now())
        priced = services().pricing.price(report)
        return _Message(record=record, report=priced, occurred_at=report.occurred_at)
    except (ValueError, RecursionError) as error:
        _set_aside(record, f"The message is not valid JSON: {error}", code="not_json")
    except BusyError:
        raise  # the prices can't be read: nothing is wrong with the report
    except CreditsError as error:
        reason = "; ".join(f"{e.field}: {e.detail}" for e in error.errors) or error.detail
        _set_aside(record, reason, code=error.code)
    return None


def _apply_together(
    organization_id: str, messages: Sequence[_Message], *, seconds_left: Callable[[], float]
) -> list[SQSRecord]:
    """Apply reports of one organization in one write; if that fails, each by itself."""
    try:
        _apply(organization_id, messages)
    except BusyError:
        logger.warning("The account is too busy", organization_id=organization_id)
        return [message.record for message in messages]
    except Exception:
        logger.exception("Reports were not applied", organization_id=organization_id)
    else:
        return []
    return [
        message.record
        for message in messages
        if seconds_left() < _TIME_FOR_ONE_SECONDS or not _apply_alone(organization_id, message)
    ]


def _apply_alone(organization_id: str, message: _Message) -> bool:
    """Apply a report by itself, or give it up; False if it must come again."""
    try:
        _apply(organization_id, [message])
    except BusyError:
        return False
    except Exception as error:
        logger.exception("A report was not applied", report_id=message.report.report_id)
        return _given_up(message.record, error)
    return True


def _given_up(record: SQSRecord, error: Exception) -> bool:
    """Set a message aside that has failed often enough, and say whether that was done."""
    if _receipts(record) < _TRIES:
        return False
    reason = f"It failed {_TRIES} times: {type(error).__name__}: {error}"
    _set_aside(record, reason, code="failed")
    return True


def _apply(organization_id: str, messages: Sequence[_Message]) -> None:
    reports = [message.report for message in messages]
    applied_at = now()
    results = services().metering.apply(organization_id, reports, now=applied_at)
    delays: list[float] = []
    for message, result in zip(messages, results, strict=True):
        if result is ReportResult.CONFLICT:
            reason = "The report_id was used before, for a report with other content."
            _set_aside(message.record, reason, code="conflict")
        elif result is ReportResult.APPLIED:
            delays.append((applied_at - message.occurred_at) / _MILLISECOND)
    counts = Counter(f"Reports{result.value.capitalize()}" for result in results)
    services().meter.put({**counts, "UsageDelay": delays})
    ids: dict[str, list[str]] = {}
    for message, result in zip(messages, results, strict=True):
        ids.setdefault(result.value, []).append(message.report.report_id)
    told = {"organization_id": organization_id, **ids}
    logger.info("Reports were applied", extra=told)


def _set_aside(record: SQSRecord, reason: str, *, code: str) -> None:
    """Keep it with its reason, which quotes it; the log has the reason's code alone."""
    services().queue.rejected_usage(record.body, reason=reason)
    services().meter.put({"ReportsRejected": 1}, dimension=code)
    logger.warning("A usage report was set aside", reason=code, extra=identifiers(record))


def _let_come_again(record: SQSRecord) -> None:
    """Show a failed message again before the queue itself would; if that fails, it will."""
    seconds = min(_FIRST_AGAIN_SECONDS * 4 ** (_receipts(record) - 1), _LAST_AGAIN_SECONDS)
    try:
        services().usage_redelivery.let_come_again(record.receipt_handle, seconds=seconds)
    except Exception:
        logger.exception("A message stays out of sight for the queue's own time")


def _receipts(record: SQSRecord) -> int:
    return int(record.to_dict()["attributes"]["ApproximateReceiveCount"])
