"""Sends usage reports to the queue, as a gateway does."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from devstack.aws import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQueue:
    """The queue of usage reports, for one organization."""

    sqs: Any
    url: str
    organization_id: str
    occurred_at: str

    @classmethod
    def of(cls, description: Mapping[str, str], *, organization_id: str) -> UsageQueue:
        """Return the queue of a running stack, as its `stack.json` describes it."""
        cloud = Cloud(
            endpoint_url=description["aws_endpoint_url"],
            account_id=description["aws_access_key_id"],
        )
        return cls(
            sqs=cloud.client("sqs"),
            url=description["usage_queue_url"],
            organization_id=organization_id,
            # One time for all reports, so that a repeated one is equal to the first.
            occurred_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )

    def send(self, report_id: str, *, amount: str) -> None:
        """Send a report of one line; one sent before is sent again, byte for byte.

        The deduplication id is new each time: a producer that resends after five minutes gets
        past the queue's own deduplication too, so that only the application can tell.
        """
        self.sqs.send_message(
            QueueUrl=self.url,
            MessageGroupId=self.organization_id,
            MessageDeduplicationId=str(uuid.uuid4()),
            MessageBody=json.dumps(self._report(report_id, amount=amount)),
        )

    def _report(self, report_id: str, *, amount: str) -> dict[str, object]:
        return {
            "version": 1,
            "report_id": report_id,
            "organization_id": self.organization_id,
            "project_id": "demo",
            "occurred_at": self.occurred_at,
            "hold_id": None,
            "final": False,
            "lines": [{"kind": "amount", "amount": amount, "description": "demo"}],
        }
