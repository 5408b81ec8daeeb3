"""A gateway's day on a whole stack: leases, late usage, and the events that let it cache access."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from devstack.stack import Stack
from tests.support.contract import ContractSession
from tests.support.worker import amount, report

PATIENCE_SECONDS = 120.0


def ear(stack: Stack, organization: str) -> str:
    """A queue that hears what the bus tells of an organization's access."""
    events, sqs = stack.cloud.client("events"), stack.cloud.client("sqs")
    url: str = sqs.create_queue(QueueName=organization)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    pattern = {
        "detail-type": ["credits.exhausted", "credits.restored"],
        "detail": {"organization_id": [organization]},
    }
    bus = stack.environment["EVENT_BUS"]
    events.put_rule(Name=organization, EventBusName=bus, EventPattern=json.dumps(pattern))
    events.put_targets(
        Rule=organization, EventBusName=bus, Targets=[{"Id": "ear", "Arn": arn["QueueArn"]}]
    )
    return url


def until(found: Callable[[], Any], what: str) -> Any:
    """The first answer that is something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answer = found()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(what)


def test_a_lease_is_settled_by_a_report_and_access_ends_and_returns_with_an_event_each(
    stack: Stack,
) -> None:
    session = ContractSession(stack.url)
    org = f"lease-{uuid.uuid4().hex[:8]}"
    base = f"/v1/organizations/{org}"
    gateway = stack.token(organization_id="the-gateway", scope="gateway")
    operator = stack.token(organization_id="us", scope="operator")
    sqs, url = stack.cloud.client("sqs"), ear(stack, org)

    def call(path: str, body: object = None, *, token: str = gateway) -> Any:
        key = uuid.uuid4().hex
        answer = session.call("POST", f"{base}/{path}", body=body, token=token, key=key)
        assert answer.ok, answer.text
        return answer.json()

    def access() -> Any:
        return session.call("GET", f"{base}/access", token=gateway).json()

    def heard() -> str:
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=1)
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return str(json.loads(message["Body"])["detail-type"])
        return ""

    def send(*lines: dict[str, object], **fields: object) -> None:
        body = report(org, uuid.uuid4().hex, *lines, **fields)
        sqs.send_message(
            QueueUrl=stack.description()["usage_queue_url"],
            MessageGroupId=org,
            MessageDeduplicationId=str(body["report_id"]),
            MessageBody=json.dumps(body),
        )

    call("adjustments", {"amount": "5.00", "reason": "a gift"}, token=operator)
    assert until(heard, "restored") == "credits.restored"
    lease = call("holds", {"amount": "1.00"})
    part = call(f"holds/{lease['id']}/settle", {"amount": "0.25", "final": False})
    assert part["remaining"] == "0.75"
    send(*(amount("0.005") for _ in range(50)), hold_id=lease["id"], final=True)
    until(lambda: access()["available"] == "4.50", "the lease's rest is back")
    send(amount("6.00"))
    assert until(heard, "exhausted") == "credits.exhausted"
    assert access() == {"allowed": False, "reason": "exhausted", "available": "-1.50"}
    assert (
        session.call(
            "POST", f"{base}/holds", body={"amount": "0.01"}, token=gateway, key="k"
        ).status_code
        == 402
    )
    call("adjustments", {"amount": "3.00", "reason": "another"}, token=operator)
    assert until(heard, "restored again") == "credits.restored"
    released = call(f"holds/{call('holds', {'amount': '1.00'})['id']}/release")
    assert released["returned"] == "1.00"
    assert access()["allowed"] is True
    assert heard() == "", "each is told once"
    session.close()
