"""The queue workers: a message that fails is delivered again, the others of its batch are not."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from chalice.app import Blueprint, SQSEvent, SQSRecord

from chalicelib.domain.errors import CreditsError
from chalicelib.domain.usage import UsageReport
from chalicelib.domain.usage_parsing import parse_report
from chalicelib.usecases.metering import PricedReport, ReportResult
from chalicelib.wiring import now, services

#: Chalice names a Lambda's entry point after the blueprint: "app" makes it `app.<function>`.
workers = Blueprint("app")
logger = Logger(child=True)
metrics = Metrics()

PartialFailure = dict[str, list[dict[str, str]]]


@workers.on_sqs_message(
    queue="${UsageQueue.QueueName}", batch_size=10, name="usage_worker", maximum_concurrency=50
)
def usage_worker(event: SQSEvent) -> PartialFailure:
    """Apply usage reports: one transaction per organization and batch."""
    records = list(event)
    by_organization: dict[str, list[tuple[SQSRecord, UsageReport]]] = {}
    for record in records:
        report = _read_report(record)
        if report is not None:
            by_organization.setdefault(report.organization_id, []).append((record, report))
    failed: list[SQSRecord] = []
    for organization_id, batch in by_organization.items():
        try:
            _apply(organization_id, batch)
        except Exception:
            logger.exception("Reports were not applied", organization_id=organization_id)
            failed += [record for record, _ in batch]
    return _failures(failed)


@workers.on_sqs_message(queue="${TopUpQueue.QueueName}", batch_size=10, name="top_up_worker")
def top_up_worker(event: SQSEvent) -> PartialFailure:
    """Look into top-up hints, one at a time."""

    def consider(body: Any) -> None:
        decision = services().topping_up.consider(body["organization_id"], now=now())
        logger.info("A hint was looked into", extra={**body, "decision": decision.value})

    return _each(event, consider)


@workers.on_sqs_message(
    queue="${PaymentEventQueue.QueueName}", batch_size=10, name="payment_event_worker"
)
def payment_event_worker(event: SQSEvent) -> PartialFailure:
    """Act on Stripe's events."""

    def receive(body: Any) -> None:
        reception = services().receiving.receive(body, now=now())
        logger.info("An event was received", extra={**body, "reception": reception.value})

    return _each(event, receive)


@workers.on_sqs_message(queue="${InvoiceQueue.QueueName}", batch_size=5, name="invoice_worker")
def invoice_worker(event: SQSEvent) -> PartialFailure:
    """Render invoices and store them; put them into archives."""

    def store(body: Any) -> None:
        if "archive" in body:
            services().archiving.make(
                body["organization_id"], body["month"], body["archive"], now=now()
            )
        else:
            services().invoicing.store(body["organization_id"], body["number"], now=now())
        logger.info("An invoice or an archive was stored", extra=body)

    return _each(event, store)


def _read_report(record: SQSRecord) -> UsageReport | None:
    """The report, or None after setting it aside: no redelivery would make it readable."""
    try:
        return parse_report(json.loads(record.body), now=now())
    except (ValueError, RecursionError) as error:
        _reject(record, f"The message is not valid JSON: {error}")
    except CreditsError as error:
        _reject(record, "; ".join(f"{e.field}: {e.detail}" for e in error.errors) or error.detail)
    return None


def _apply(organization_id: str, batch: Sequence[tuple[SQSRecord, UsageReport]]) -> None:
    priced: list[PricedReport] = []
    priced_records: list[SQSRecord] = []
    for record, report in batch:
        try:
            priced.append(services().pricing.price(report))
        except CreditsError as error:
            _reject(record, error.detail)
        else:
            priced_records.append(record)
    results = services().metering.apply(organization_id, priced, now=now())
    for record, result in zip(priced_records, results, strict=True):
        if result is ReportResult.CONFLICT:
            _reject(record, "The report_id was used before, for a report with other content.")
        metrics.add_metric(f"Reports{result.value.capitalize()}", MetricUnit.Count, 1)


def _reject(record: SQSRecord, reason: str) -> None:
    services().queue.rejected_usage(record.body, reason=reason)
    metrics.add_metric("ReportsRejected", MetricUnit.Count, 1)
    logger.warning("A usage report was set aside", reason=reason)


def _each(event: SQSEvent, work: Callable[[Any], None]) -> PartialFailure:
    failed: list[SQSRecord] = []
    for record in event:
        try:
            work(json.loads(record.body))
        except Exception:
            logger.exception("A message failed", body=record.body)
            failed.append(record)
    return _failures(failed)


def _failures(records: Sequence[SQSRecord]) -> PartialFailure:
    metrics.add_metric("MessagesFailed", MetricUnit.Count, len(records))
    return {"batchItemFailures": [{"itemIdentifier": r.to_dict()["messageId"]} for r in records]}
