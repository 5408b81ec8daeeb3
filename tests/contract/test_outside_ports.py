"""The Queue and Documents ports, over the fakes and over SQS and S3."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from chalicelib.adapters.sqs import SqsQueue
from chalicelib.config import Settings
from chalicelib.ports import Documents, Queue
from chalicelib.wiring import Services
from devstack.emulator import Account, Emulator
from tests.contract.databases import in_environment
from tests.fakes.outside import FakeDocuments, FakeQueue, Work
from tests.support.stack import NOBODY


@pytest.fixture(scope="module")
def account(emulator: Emulator) -> Account:
    return emulator.account(given=NOBODY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A queue port, and what arrived: the bodies per kind of work, and the reports set aside."""

    queue: Queue
    bodies: Callable[[Work], list[dict[str, Any]]]
    rejected: Callable[[], list[tuple[str, str]]]


_URLS = {
    Work.TOP_UP: "TOP_UP_QUEUE_URL",
    Work.PAYMENT_EVENT: "PAYMENT_EVENT_QUEUE_URL",
    Work.INVOICE: "INVOICE_QUEUE_URL",
}


@pytest.fixture(params=["fake", "sqs"])
def sent(request: pytest.FixtureRequest) -> Sent:
    if request.param == "fake":
        fake = FakeQueue()
        return Sent(
            queue=fake,
            bodies=lambda work: [dict(message.body) for message in fake.waiting(work)],
            rejected=lambda: fake.rejected,
        )
    account: Account = request.getfixturevalue("account")
    sqs, environment = account.cloud.client("sqs"), account.environment

    def receive(variable: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            answer = sqs.receive_message(
                QueueUrl=environment[variable],
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
            )
            if not answer.get("Messages"):
                return found
            for message in answer["Messages"]:
                found.append(message)
                sqs.delete_message(
                    QueueUrl=environment[variable], ReceiptHandle=message["ReceiptHandle"]
                )

    return Sent(
        queue=SqsQueue(
            sqs,
            top_up_url=environment["TOP_UP_QUEUE_URL"],
            payment_event_url=environment["PAYMENT_EVENT_QUEUE_URL"],
            invoice_url=environment["INVOICE_QUEUE_URL"],
            rejected_usage_url=environment["REJECTED_USAGE_QUEUE_URL"],
        ),
        bodies=lambda work: [json.loads(m["Body"]) for m in receive(_URLS[work])],
        rejected=lambda: [
            (m["Body"], m["MessageAttributes"]["reason"]["StringValue"])
            for m in receive("REJECTED_USAGE_QUEUE_URL")
        ],
    )


def test_every_kind_of_work_arrives_where_its_worker_looks(sent: Sent) -> None:
    event = {"id": "evt_1", "type": "payment_intent.succeeded", "object_id": "pi_1"}
    sent.queue.top_up_hint("acme")
    sent.queue.payment_event(event)
    sent.queue.invoice_job("acme", "2026-000001")
    assert sent.bodies(Work.TOP_UP) == [{"organization_id": "acme"}]
    assert sent.bodies(Work.PAYMENT_EVENT) == [event]
    assert sent.bodies(Work.INVOICE) == [{"organization_id": "acme", "number": "2026-000001"}]


def test_a_rejected_report_is_kept_as_it_came_with_its_reason(sent: Sent) -> None:
    body = '{"report_id": "ü", "lines": [1.0e5] }'
    sent.queue.rejected_usage(body, reason="lines[0]: must be an object")
    assert sent.rejected() == [(body, "lines[0]: must be an object")]


def test_a_reason_of_any_length_is_taken(sent: Sent) -> None:
    sent.queue.rejected_usage('{"another": "report"}', reason="x" * 100_000)
    ((body, reason),) = sent.rejected()
    assert body == '{"another": "report"}'
    assert reason.startswith("xxx")


@pytest.fixture(params=["fake", "s3"])
def documents(request: pytest.FixtureRequest) -> Iterator[Documents]:
    if request.param == "fake":
        yield FakeDocuments()
        return
    yield s3(request.getfixturevalue("account"))


def s3(account: Account) -> Documents:
    """The adapter as the application wires it."""
    with in_environment(account.environment):
        return Services(Settings(account.environment))._documents


def test_a_document_is_stored_once_and_never_changes(documents: Documents) -> None:
    documents.put_once("invoices/a/1.pdf", b"first", content_type="application/pdf")
    documents.put_once("invoices/a/1.pdf", b"second", content_type="application/pdf")
    documents.put_once("invoices/a/2.pdf", b"other", content_type="application/pdf")
    assert documents.get("invoices/a/1.pdf") == b"first"
    assert documents.get("invoices/a/2.pdf") == b"other"


def test_what_was_never_stored_is_not_there(documents: Documents) -> None:
    with pytest.raises(LookupError):
        documents.get("invoices/a/never.pdf")


def test_of_many_writers_of_one_document_one_wins(documents: Documents) -> None:
    contents = [f"{number}".encode() for number in range(16)]

    def put(content: bytes) -> None:
        documents.put_once("race.pdf", content, content_type="application/pdf")

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(put, contents))
    kept = documents.get("race.pdf")
    assert kept in contents
    put(b"late")
    assert documents.get("race.pdf") == kept


def test_a_link_leads_to_the_document_under_its_own_name(account: Account) -> None:
    documents = s3(account)
    documents.put_once("linked.pdf", b"%PDF-", content_type="application/pdf")
    link = documents.link(
        "linked.pdf",
        file_name="invoice-2026-000001.pdf",
        content_type="application/pdf",
        expires_in_seconds=60,
    )
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(link, timeout=10)
        forged = session.get(link.replace("linked.pdf", "race.pdf", 1), timeout=10)
    assert (answer.status_code, answer.content) == (200, b"%PDF-")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert 'filename="invoice-2026-000001.pdf"' in answer.headers["Content-Disposition"]
    assert forged.status_code == requests.codes.forbidden
