"""The queue workers: a message that fails is delivered again, the others of its batch are not."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from aws_lambda_powertools import Logger
from chalice.app import Blueprint, SQSEvent, SQSRecord

from chalicelib.wiring import now, services
from chalicelib.workers.observing import following, identifiers, named_in
from chalicelib.workers.usage import apply_reports

#: Chalice names a Lambda's entry point after the blueprint: "app" makes it `app.<function>`.
workers = Blueprint("app")
logger = Logger(child=True)

PartialFailure = dict[str, list[dict[str, str]]]


@workers.on_sqs_message(
    queue="${UsageQueue.QueueName}", batch_size=10, name="usage_worker", maximum_concurrency=50
)
def usage_worker(event: SQSEvent) -> PartialFailure:
    """Apply usage reports: one transaction per organization and batch."""
    context: Any = event.context

    def seconds_left() -> float:
        milliseconds: int = context.get_remaining_time_in_millis()
        return milliseconds / 1000

    return _failures(apply_reports(list(event), seconds_left=seconds_left))


# So many at once are far from Stripe's limit of requests, and leave room for the API.
@workers.on_sqs_message(
    queue="${TopUpQueue.QueueName}", batch_size=10, name="top_up_worker", maximum_concurrency=10
)
def top_up_worker(event: SQSEvent) -> PartialFailure:
    """Look into top-up hints, one at a time."""

    def consider(body: Any) -> None:
        decision = services().topping_up.consider(body["organization_id"], now=now())
        logger.info(
            "A hint was looked into",
            organization_id=body["organization_id"],
            decision=decision.value,
        )

    return _each(event, consider)


@workers.on_sqs_message(
    queue="${PaymentEventQueue.QueueName}",
    batch_size=10,
    name="payment_event_worker",
    maximum_concurrency=10,
)
def payment_event_worker(event: SQSEvent) -> PartialFailure:
    """Act on Stripe's events."""

    def receive(body: Any) -> None:
        reception = services().receiving.receive(body, now=now())
        told = {**named_in(body), "reception": reception.value}
        logger.info("An event was received", extra=told)

    return _each(event, receive)


@workers.on_sqs_message(
    queue="${InvoiceQueue.QueueName}", batch_size=5, name="invoice_worker", maximum_concurrency=5
)
def invoice_worker(event: SQSEvent) -> PartialFailure:
    """Render invoices and store them; put them into archives."""

    def store(body: Any) -> None:
        organization_id = body["organization_id"]
        if "archive" in body:
            services().archiving.make(organization_id, body["month"], body["archive"], now=now())
            logger.info(
                "An archive was seen to", organization_id=organization_id, archive=body["archive"]
            )
        else:
            services().invoicing.store(organization_id, body["number"], now=now())
            logger.info(
                "An invoice was stored",
                organization_id=organization_id,
                invoice_number=body["number"],
            )

    return _each(event, store)


def _each(event: SQSEvent, work: Callable[[Any], None]) -> PartialFailure:
    failed: list[SQSRecord] = []
    for record in event:
        with following(record):
            try:
                work(json.loads(record.body))
            except Exception:
                logger.exception("A message failed", extra=identifiers(record))
                failed.append(record)
    return _failures(failed)


def _failures(records: Sequence[SQSRecord]) -> PartialFailure:
    services().meter.put({"MessagesFailed": len(records)})
    return {"batchItemFailures": [{"itemIdentifier": r.to_dict()["messageId"]} for r in records]}
