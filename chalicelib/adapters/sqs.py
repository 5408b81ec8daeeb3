"""The Queue port on SQS: one queue per kind of work."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.correlation import ATTRIBUTE, current_correlation_id
from chalicelib.domain.errors import BusyError

if TYPE_CHECKING:
    from botocore.client import BaseClient


#: Reasons quote what was sent, and that can be long.
_MAX_REASON = 1_000


class SqsRedelivery:
    """The Redelivery port, for one queue."""

    def __init__(self, client: BaseClient, *, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def let_come_again(self, receipt: str, *, seconds: int) -> None:
        """See the port."""
        self._client.change_message_visibility(
            QueueUrl=self._queue_url, ReceiptHandle=receipt, VisibilityTimeout=seconds
        )


class SqsQueue:
    """The Queue port. Messages take the correlation id along, as an attribute."""

    def __init__(
        self,
        client: BaseClient,
        *,
        top_up_url: str,
        payment_event_url: str,
        invoice_url: str,
        rejected_usage_url: str,
    ) -> None:
        self._client = client
        self._top_up_url = top_up_url
        self._payment_event_url = payment_event_url
        self._invoice_url = invoice_url
        self._rejected_usage_url = rejected_usage_url

    def top_up_hint(self, organization_id: str) -> None:
        """See the port."""
        self._send(self._top_up_url, {"organization_id": organization_id})

    def payment_event(self, event: Mapping[str, object]) -> None:
        """See the port."""
        self._send(self._payment_event_url, event)

    def invoice_job(self, organization_id: str, number: str) -> None:
        """See the port."""
        self._send(self._invoice_url, {"organization_id": organization_id, "number": number})

    def archive_job(self, organization_id: str, month: str, name: str) -> None:
        """See the port. Archives and invoices are the same worker's."""
        body = {"organization_id": organization_id, "month": month, "archive": name}
        self._send(self._invoice_url, body)

    def rejected_usage(self, body: str, *, reason: str) -> None:
        """See the port. It keeps the report as it came, the reason beside it."""
        # One group each, since rejected reports have no order; the same one is kept once.
        fingerprint = hashlib.sha256(body.encode()).hexdigest()
        with _reached():
            self._client.send_message(
                QueueUrl=self._rejected_usage_url,
                MessageBody=body,
                MessageGroupId=fingerprint,
                MessageDeduplicationId=fingerprint,
                MessageAttributes={**_attributes(), "reason": _text(reason[:_MAX_REASON])},
            )

    def _send(self, url: str, body: Mapping[str, object]) -> None:
        with _reached():
            self._client.send_message(
                QueueUrl=url, MessageBody=json.dumps(body), MessageAttributes=_attributes()
            )


@contextmanager
def _reached() -> Iterator[None]:
    """What isn't queued is either asked for again, or found by the sweep."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise BusyError("The queue can't be reached; please try again.") from error


def _attributes() -> dict[str, Any]:
    correlation_id = current_correlation_id()
    return {} if correlation_id is None else {ATTRIBUTE: _text(correlation_id)}


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}
