"""Stripe's events on the whole local stack: verified, kept, and set aside if they can't be used."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator

import pytest
import requests
from stripe import WebhookSignature

from devstack.settings import StackSettings
from devstack.stack import Stack
from scripts import redrive
from tests.support.buyer import Buyer, comes
from tests.support.contract import ContractSession


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack on which what fails comes again soon."""
    settings = StackSettings(
        home=tmp_path_factory.mktemp("webhooks"),
        port=0,
        visibility_timeout_seconds=1,
        schedule_speed=30.0,
    )
    with Stack(settings) as running:
        yield running


@pytest.fixture
def buyer(stack: Stack) -> Iterator[Buyer]:
    session = ContractSession(stack.url)
    yield Buyer(stack, session)
    session.close()


@pytest.fixture
def post(stack: Stack) -> Callable[[object, str], requests.Response]:
    """Send an event as Stripe does, signed with a secret."""

    def send(event: object, secret: str) -> requests.Response:
        text = json.dumps(event)
        header = WebhookSignature.generate_signature_header(text, secret)
        with requests.Session() as session:
            return session.post(
                f"{stack.url}/webhooks/stripe",
                data=text.encode(),
                headers={"Stripe-Signature": header, "Content-Type": "application/json"},
                timeout=120,
            )

    return send


def _waiting(stack: Stack, queue: str) -> int:
    url = stack.cloud.physical_ids()[queue]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = stack.cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return sum(int(count) for count in told["Attributes"].values())


def test_an_event_that_somebody_else_signed_is_refused_and_not_kept(
    stack: Stack, post: Callable[[object, str], requests.Response]
) -> None:
    refused = post({"id": "evt_1", "type": "x", "data": {"object": {"id": "pi_1"}}}, "whsec_other")
    assert refused.status_code == 400
    assert refused.json()["code"] == "invalid_signature"
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_events_that_tell_us_nothing_are_taken_and_forgotten(
    stack: Stack, post: Callable[[object, str], requests.Response]
) -> None:
    for kind in ("charge.succeeded", "invoice.paid", "something.of.the.future"):
        event = {"id": "evt_1", "type": kind, "data": {"object": {"id": "in_1"}}}
        assert post(event, stack.webhook_secret).status_code == 200
    comes(lambda: _waiting(stack, "PaymentEventQueue") == 0, "the worker")
    assert _waiting(stack, "PaymentEventDeadLetterQueue") == 0


def test_a_foreign_payment_of_the_same_stripe_account_is_let_be(stack: Stack, buyer: Buyer) -> None:
    buyer.stripe(
        "POST",
        "/v1/payment_intents",
        amount=1000,
        currency="usd",
        payment_method="pm_card_visa",
        confirm="true",
        **{"allowed_payment_method_types[]": "card"},
    )
    comes(lambda: _waiting(stack, "PaymentEventQueue") == 0, "the worker")
    assert _waiting(stack, "PaymentEventDeadLetterQueue") == 0


def test_an_event_that_cannot_be_used_is_set_aside_and_brought_back_by_one_command(
    stack: Stack,
    buyer: Buyer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    unknown = f"pur_{uuid.uuid4().hex}"
    buyer.stripe(
        "POST",
        "/v1/payment_intents",
        amount=1000,
        currency="usd",
        payment_method="pm_card_visa",
        confirm="true",
        **{
            "allowed_payment_method_types[]": "card",
            "metadata[organization_id]": buyer.organization,
            "metadata[purchase_id]": unknown,
        },
    )
    comes(lambda: _waiting(stack, "PaymentEventDeadLetterQueue") > 0, "the dead letter")
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    assert redrive.main(["payment-event", "--list"]) == 0
    assert "payment_intent.succeeded" in capsys.readouterr().out
    # It comes back as long as nothing is mended, and is never lost.
    comes(lambda: redrive.main(["payment-event"]) == 0, "the command")
    assert "moved back" in capsys.readouterr().out
    comes(lambda: _waiting(stack, "PaymentEventDeadLetterQueue") > 0, "the dead letter again")
