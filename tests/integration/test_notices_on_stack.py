"""A notice's whole way: a request commits it, the stream's worker puts it on the bus."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import requests

from devstack.stack import Stack

PATIENCE_SECONDS = 120.0


def _call(stack: Stack, organization: str, method: str, path: str, **options: Any) -> Any:
    token = stack.token(organization_id=organization, scope="credits:read credits:write")
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid.uuid4())}
    url = f"{stack.url}/v1/organizations/{organization}{path}"
    with requests.Session() as session:
        response = session.request(method, url, headers=headers, timeout=120, **options)
    assert response.ok, response.text
    return response.json()


def _saved_card(stack: Stack, organization: str) -> str:
    setup = _call(stack, organization, "POST", "/payment-methods/setup")
    intent = setup["client_secret"].partition("_secret_")[0]
    with requests.Session() as session:
        confirmed = session.post(
            f"{stack.addresses.stripe}/v1/setup_intents/{intent}/confirm",
            data={"payment_method": "pm_card_visa"},
            auth=(stack.environment["STRIPE_API_KEY"], ""),
            timeout=120,
        )
    assert confirmed.ok, confirmed.text
    method: str = confirmed.json()["payment_method"]
    return method


def test_a_purchase_is_heard_of_on_the_bus(stack: Stack) -> None:
    events, sqs = stack.cloud.client("events"), stack.cloud.client("sqs")
    url = sqs.create_queue(QueueName="ear")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    bus = stack.environment["EVENT_BUS"]
    pattern = json.dumps({"detail-type": ["purchase.succeeded"]})
    events.put_rule(Name="bought", EventBusName=bus, EventPattern=pattern)
    events.put_targets(
        Rule="bought", EventBusName=bus, Targets=[{"Id": "ear", "Arn": arn["QueueArn"]}]
    )
    card = _saved_card(stack, "heard")
    details = {
        "name": "Acme GmbH",
        "address": {
            "line1": "Hauptstr. 1",
            "city": "Berlin",
            "postal_code": "10115",
            "country": "DE",
        },
    }
    bought = _call(
        stack,
        "heard",
        "POST",
        "/purchases",
        json={"amount": "50.00", "payment_method_id": card, "billing_details": details},
    )
    heard: list[Any] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not heard and time.monotonic() < deadline:
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
        heard += [json.loads(message["Body"]) for message in answer.get("Messages", [])]
    (event,) = heard
    assert event["detail"]["organization_id"] == "heard"
    assert event["detail"]["data"]["purchase_id"] == bought["id"]
    assert event["detail"]["data"]["amount"] == "50.00"
