"""The stream of the notices' table: whoever saved a notice, it is passed on from here."""

from __future__ import annotations

from aws_lambda_powertools import Logger
from chalice.app import DynamoDBEvent

from chalicelib.adapters.correlation import correlated
from chalicelib.wiring import now, services
from chalicelib.workers.queues import workers

logger = Logger(child=True)


@workers.on_dynamodb_record(
    # The template puts the stream's address here; Chalice knows none before the stack exists.
    stream_arn="arn:aws:dynamodb:::table/notices/stream/latest",
    batch_size=10,
    name="notice_worker",
)
def notice_worker(event: DynamoDBEvent) -> None:
    """Pass new notices on. What fails is the sweep's: a stream must not stand still for it."""
    for record in event.to_dict()["Records"]:
        if record["eventName"] != "INSERT":
            continue
        keys = record["dynamodb"]["Keys"]
        organization_id, name = keys["organization_id"]["S"], keys["name"]["S"]
        # Its name has the fact that it tells of, such as a purchase's id.
        with correlated(name):
            _pass_on(organization_id, name)


def _pass_on(organization_id: str, name: str) -> None:
    try:
        passing = services().noticing.pass_on(organization_id, name, now=now())
    except Exception:
        logger.exception("A notice failed", organization_id=organization_id, notice=name)
        services().meter.put({"NoticesFailed": 1})
    else:
        logger.info(
            "A notice was seen to",
            organization_id=organization_id,
            notice=name,
            passing=passing.value,
        )
