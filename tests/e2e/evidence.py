"""What is found in a deployment: its tables' ages, its queues, an organization's ledger."""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import Any

from tests.e2e.deployment import Deployment
from tests.support.actor import Actor, Json, wait_for

logger = logging.getLogger(__name__)


def births(deployment: Deployment) -> dict[str, Any]:
    """When each table was made: one that was replaced under its name would be younger."""
    dynamodb = deployment.cloud.client("dynamodb")
    return {
        name: dynamodb.describe_table(TableName=deployment.physical_ids[name])["Table"][
            "CreationDateTime"
        ]
        for name, resource in deployment.template["Resources"].items()
        if resource["Type"] == "AWS::DynamoDB::Table"
    }


def messages_in(deployment: Deployment) -> Counter[str]:
    """How many messages are in each queue, whether they are visible or not."""
    sqs, found = deployment.cloud.client("sqs"), Counter[str]()
    for name, resource in deployment.template["Resources"].items():
        if resource["Type"] == "AWS::SQS::Queue":
            answer = sqs.get_queue_attributes(
                QueueUrl=deployment.physical_ids[name], AttributeNames=["All"]
            )
            counts = answer["Attributes"].items()
            found[name] = sum(
                int(count) for kind, count in counts if kind.startswith("ApproximateNumberOf")
            )
    return found


def wait_until_quiet(deployment: Deployment) -> None:
    """Wait until the queues are empty, but for those of dead letters."""

    def empty() -> bool:
        found = messages_in(deployment)
        return not any(n for name, n in found.items() if not name.endswith("DeadLetterQueue"))

    started = time.monotonic()
    wait_for("the queues' end", empty)
    logger.info("The queues were empty %.1f s later", time.monotonic() - started)


def entries(actor: Actor) -> list[Json]:
    """The whole ledger of the organization."""
    found: list[Json] = []
    query = {"limit": "100"}
    while True:
        page = actor.customer.get("/ledger", **query)
        found += page["data"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]
