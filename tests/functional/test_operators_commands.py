"""Dead letters and invoices by the operator's commands, run as an operator runs them."""

from __future__ import annotations

import json
import time
import uuid

import pytest
import requests

from chalicelib.cli.main import main
from chalicelib.domain.payment import Payment, PaymentStatus
from chalicelib.domain.write import Write
from chalicelib.wiring import graph, services
from devstack.emulator import Account
from devstack.stack import Stack
from tests.integration.test_invoice_numbers import NOW, purchase


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, stack: Stack) -> Stack:
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    return stack


def dead_letter(stack: Stack, body: str) -> None:
    stack.cloud.client("sqs").send_message(
        QueueUrl=stack.environment["REJECTED_USAGE_QUEUE_URL"],
        MessageBody=body,
        MessageGroupId="g",
        MessageDeduplicationId=uuid.uuid4().hex,
        MessageAttributes={
            "reason": {"DataType": "String", "StringValue": "no such model"},
            "correlation_id": {"DataType": "String", "StringValue": "of the first time"},
        },
    )


def test_dead_letters_are_listed_with_their_reason_and_moved_back(
    operator: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    organization = f"dead-{uuid.uuid4().hex[:8]}"
    report = {
        "version": 1,
        "report_id": uuid.uuid4().hex,
        "organization_id": organization,
        "occurred_at": "2026-11-23T10:00:00Z",
        "lines": [{"kind": "amount", "amount": "1.25"}],
    }
    dead_letter(operator, json.dumps(report))
    assert main(["redrive", "usage", "--yes"]) == 0
    told = capsys.readouterr().out
    assert organization in told
    assert "no such model" in told
    assert "1 moved back." in told
    token = operator.token(organization_id="gateway", scope="gateway")
    for _ in range(100):
        access = _access(operator, organization, token)
        if access["available"] == "-1.25":
            return
        time.sleep(0.1)
    raise AssertionError("the report was never applied")


def test_an_empty_dead_letter_queue_is_said_to_be(
    operator: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["redrive", "invoice", "--list"]) == 0
    assert capsys.readouterr().out == "0 listed.\n"


def test_missing_invoices_are_stored(
    aws: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    graph.cache_clear()
    try:
        one = purchase(1)
        services().ledger.commit(Write(organization_id=one.organization_id, at=NOW, saves=(one,)))
        paid = Payment(id="pi_1", status=PaymentStatus.SUCCEEDED, amount_cents=one.charge_cents)
        services().purchasing.concluding.conclude(one, paid, now=NOW)
        assert main(["store-invoices", "--yes"]) == 0
        assert "1 stored, 0 failed." in capsys.readouterr().out
        assert main(["store-invoices", "--yes"]) == 0
        assert "0 stored, 0 failed." in capsys.readouterr().out
    finally:
        graph.cache_clear()
    stored = aws.cloud.client("s3").list_objects_v2(Bucket=aws.environment["DOCUMENTS_BUCKET"])
    names = {item["Key"].rpartition(".")[2] for item in stored["Contents"]}
    assert names == {"pdf", "html"}


def _access(stack: Stack, organization: str, token: str) -> dict[str, object]:
    answer = requests.get(
        f"{stack.url}/v1/organizations/{organization}/access",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    found: dict[str, object] = answer.json()
    return found
