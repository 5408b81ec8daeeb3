"""The application in this process with all its queues, and whatever it writes to its log."""

from __future__ import annotations

import io
import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from stripe import WebhookSignature

from app import app, logger
from devstack.aws import Cloud
from devstack.emulator import Emulator
from devstack.invocation import Function
from devstack.queues import QueuePoller, QueueSource
from devstack.stripe import control_objects
from tests.functional.api import Answer, Api, running_api
from tests.support.measured import log_lines

#: The queues by their workers, as the environment names them.
QUEUES = {
    "usage_worker": "USAGE_QUEUE_URL",
    "top_up_worker": "TOP_UP_QUEUE_URL",
    "payment_event_worker": "PAYMENT_EVENT_QUEUE_URL",
    "invoice_worker": "INVOICE_QUEUE_URL",
}
_MOST_POLLS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Calls the API, lets workers work, and reads the log."""

    api: Api
    sqs: Any
    log: io.StringIO

    @property
    def environment(self) -> Mapping[str, str]:
        """What the application was told."""
        return self.api.services.settings.environment

    def work(self, worker: str) -> None:
        """Let a worker take one batch from its queue."""
        url = self.environment[QUEUES[worker]]
        function = Function(
            name=worker, handler=app.handler_map[worker], timeout_seconds=60, memory_mb=512
        )
        source = QueueSource(
            queue_url=url,
            queue_arn="arn:aws:sqs:us-east-1:100000000001:queue",
            batch_size=10,
            window_seconds=0.0,
            reports_item_failures=True,
        )
        poller = QueuePoller(
            sqs=self.sqs, source=source, function=function, stopping=threading.Event()
        )
        before = self.log.tell()
        for _ in range(_MOST_POLLS):
            poller.poll()
            if self.log.tell() > before:
                return
        raise AssertionError(f"{worker} had nothing to do")

    def run_schedule(self, name: str) -> None:
        """Let a schedule's time come."""
        event = {
            "version": "0",
            "id": f"event-of-{name}",
            "account": "1",
            "region": "us-east-1",
            "detail": {},
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "time": "2026-11-23T10:00:00Z",
            "resources": [],
        }
        function = Function(
            name=name, handler=app.handler_map[name], timeout_seconds=60, memory_mb=512
        )
        function(event)

    def stream_notices(self, *keys: tuple[str, str], kind: str = "INSERT") -> None:
        """Hand the notice worker a batch of the stream: what became of the rows of these keys."""
        records = [
            {
                "eventName": kind,
                "eventSource": "aws:dynamodb",
                "dynamodb": {"Keys": {"organization_id": {"S": organization}, "name": {"S": name}}},
            }
            for organization, name in keys
        ]
        function = Function(
            name="notice_worker",
            handler=app.handler_map["notice_worker"],
            timeout_seconds=60,
            memory_mb=512,
        )
        function({"Records": records})

    def send(self, worker: str, body: object, *, correlation_id: str = "") -> None:
        """Put a message into a worker's queue; text goes as it is."""
        url = self.environment[QUEUES[worker]]
        more: dict[str, Any] = {}
        if url.endswith(".fifo"):
            more = {"MessageGroupId": "acme", "MessageDeduplicationId": uuid.uuid4().hex}
        if correlation_id:
            attribute = {"DataType": "String", "StringValue": correlation_id}
            more["MessageAttributes"] = {"correlation_id": attribute}
        text = body if isinstance(body, str) else json.dumps(body)
        self.sqs.send_message(QueueUrl=url, MessageBody=text, **more)

    def tell_of(self, payment_id: str) -> Answer:
        """Post Stripe's event of a payment that succeeded."""
        payment = self.api.stripe.state.objects["payment_intent"][payment_id]
        event = {
            "id": f"evt_{uuid.uuid4().hex}",
            "type": "payment_intent.succeeded",
            "data": {"object": payment},
        }
        text = json.dumps(event, default=str)
        header = WebhookSignature.generate_signature_header(
            text, self.api.stripe.webhook_secrets[0]
        )
        return self.api.call(
            "POST", "//webhooks/stripe", raw=text.encode(), headers={"Stripe-Signature": header}
        )

    def card_that_asks(self, organization_id: str) -> str:
        """A saved card whose bank asks its holder each time, and has done so for the saving."""
        card = self.api.card(organization_id, "pm_card_authenticationRequired")
        state = self.api.stripe.state
        for setup in list(state.objects["setup_intent"].values()):
            if setup["status"] == "requires_action":
                control_objects.authenticate_setup(state, setup["id"], outcome="accept")
        return card

    def authenticate(self, payment_id: str) -> None:
        """The cardholder says yes to their bank."""
        control_objects.authenticate_payment(self.api.stripe.state, payment_id, outcome="accept")

    def said(self, message: str, **having: object) -> list[dict[str, Any]]:
        """The lines with that message, and these fields."""
        return [
            line
            for line in self.lines()
            if line.get("message") == message and having.items() <= line.items()
        ]

    def lines(self) -> list[dict[str, Any]]:
        """All lines that are JSON."""
        return list(log_lines(self.log.getvalue()))


@contextmanager
def watched_application(emulator: Emulator) -> Iterator[Watched]:
    """The application on tables, queues and a Stripe of its own; only one at a time."""
    log = io.StringIO()
    handler = logger.registered_handler
    before = handler.setStream(log)  # type: ignore[attr-defined]
    try:
        with running_api(emulator) as api:
            api.services.__dict__["meter"] = replace(api.services.meter, write=log.write)
            environment = api.services.settings.environment
            cloud = Cloud(
                endpoint_url=environment["AWS_ENDPOINT_URL"],
                account_id=environment["AWS_ACCESS_KEY_ID"],
            )
            yield Watched(api=api, sqs=cloud.client("sqs"), log=log)
    finally:
        handler.setStream(before)  # type: ignore[attr-defined]
