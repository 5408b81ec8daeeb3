"""The usage worker tells trouble that passes from reports that can never be applied."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from chalice.app import SQSRecord

from chalicelib.domain.errors import BusyError
from chalicelib.workers import usage


@dataclass
class PricesOutOfReach:
    """The services of a container that can't read its prices."""

    rejected: list[str] = field(default_factory=list)
    again: list[int] = field(default_factory=list)

    @property
    def pricing(self) -> PricesOutOfReach:
        return self

    @property
    def queue(self) -> PricesOutOfReach:
        return self

    @property
    def usage_redelivery(self) -> PricesOutOfReach:
        return self

    def price(self, report: object) -> None:
        raise BusyError("The prices can't be read now; please try again.")

    def rejected_usage(self, body: str, *, reason: str) -> None:
        self.rejected.append(reason)

    def let_come_again(self, receipt: str, *, seconds: int) -> None:
        self.again.append(seconds)


def record(receipts: int) -> SQSRecord:
    body = {
        "version": 1,
        "report_id": "r-1",
        "organization_id": "acme",
        "occurred_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lines": [{"kind": "amount", "amount": "1.00"}],
    }
    content: dict[str, Any] = {
        "messageId": "m-1",
        "receiptHandle": "handle",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": str(receipts)},
    }
    return SQSRecord(content, None)


@pytest.mark.parametrize("receipts", [1, 5])
def test_a_report_whose_price_cannot_be_read_now_comes_again(
    monkeypatch: pytest.MonkeyPatch, receipts: int
) -> None:
    container = PricesOutOfReach()
    monkeypatch.setattr(usage, "services", lambda: container)
    message = record(receipts)
    assert usage.apply_reports([message], seconds_left=lambda: 60.0) == [message]
    assert container.rejected == [], "an outage of the database is no fault of the report"
    assert len(container.again) == 1
