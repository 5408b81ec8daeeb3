"""What the client talks to, in memory: a service, a queue and a clock that tests can disturb."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import EndpointConnectionError

from gateway.clock import Clock
from gateway.http_connection import Answer
from gateway.metrics import Metric
from gateway.money import format_usd
from gateway.service import Access, ServiceRefusalError, ServiceUnavailableError

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


class FakeTime:
    """A clock that stands still until it is told to go on."""

    def __init__(self, start: datetime = START) -> None:
        self.steady_seconds = 1000.0
        self.wall_seconds = start.timestamp()
        self.clock = Clock(steady=lambda: self.steady_seconds, wall=lambda: self.wall_seconds)

    def pass_by(self, seconds: float) -> None:
        self.steady_seconds += seconds
        self.wall_seconds += seconds


@dataclass
class Counts:
    """What was counted."""

    times: Counter[Metric] = field(default_factory=Counter)

    def __call__(self, metric: Metric, times: int) -> None:
        self.times[metric] += times


@dataclass
class FakeService:
    """Accounts with holds, by the rules of the contract; `down` and `lost_answers` disturb it."""

    available_nanos: dict[str, int] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    holds: dict[str, int] = field(default_factory=dict)
    holds_by_key: dict[str, str] = field(default_factory=dict)
    released: list[str] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    down: bool = False
    lost_answers: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def access(self, organization_id: str) -> Access:
        with self.lock:
            self._ask("access")
            available_nanos = self.available_nanos.get(organization_id, 0)
            reason = "exhausted" if available_nanos <= 0 else None
            if organization_id in self.suspended:
                reason = "suspended"
            return Access(allowed=reason is None, reason=reason, available_nanos=available_nanos)

    def place_hold(self, organization_id: str, *, amount_nanos: int, seconds: int, key: str) -> str:
        with self.lock:
            self._ask("hold")
            if key not in self.holds_by_key:
                self._place(organization_id, amount_nanos, key)
            if self.lost_answers:
                self.lost_answers -= 1
                raise ServiceUnavailableError("the answer was lost")
            return self.holds_by_key[key]

    def release_hold(self, organization_id: str, hold_id: str) -> None:
        with self.lock:
            self._ask("release")
            self.available_nanos[organization_id] += self.holds.pop(hold_id)
            self.released.append(hold_id)

    def close(self) -> None:
        self.asked["close"] += 1

    def _ask(self, what: str) -> None:
        self.asked[what] += 1
        if self.down:
            raise ServiceUnavailableError("nobody answers")

    def _place(self, organization_id: str, amount_nanos: int, key: str) -> None:
        if organization_id in self.suspended:
            raise refusal(403, "forbidden")
        available_nanos = self.available_nanos.get(organization_id, 0)
        if available_nanos < amount_nanos:
            raise refusal(402, "insufficient_credits")
        self.available_nanos[organization_id] = available_nanos - amount_nanos
        hold_id = f"hold_{len(self.holds_by_key)}"
        self.holds[hold_id] = amount_nanos
        self.holds_by_key[key] = hold_id


def refusal(status: int, code: str) -> ServiceRefusalError:
    return ServiceRefusalError(Answer(status=status, body={"code": code, "detail": code}))


@dataclass
class FakeQueue:
    """A FIFO queue: what it took, in order; `failures` says what to do with the next requests.

    A failure is "down" for a whole request, or what each report id is to be failed with: "theirs"
    for a fault of the queue, "ours" for a message that it will never take.
    """

    taken: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str | dict[str, str]] = field(default_factory=list)
    requests: list[list[str]] = field(default_factory=list)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        failure = self.failures.pop(0) if self.failures else {}
        self.requests.append([entry["MessageDeduplicationId"] for entry in Entries])
        if isinstance(failure, str):
            raise EndpointConnectionError(endpoint_url=QueueUrl)
        failed = []
        for entry in Entries:
            blame = failure.get(entry["MessageDeduplicationId"])
            if blame is None:
                self.taken.append(entry)
            else:
                fault = {"SenderFault": blame == "ours", "Code": "X", "Message": "no"}
                failed.append({"Id": entry["Id"], **fault})
        return {"Failed": failed} if failed else {}

    @property
    def reports(self) -> list[dict[str, Any]]:
        return [json.loads(entry["MessageBody"]) for entry in self.taken]


def exhausted_event(organization_id: str, event_id: str) -> dict[str, Any]:
    return _event("credits.exhausted", organization_id, event_id, available_nanos=0)


def restored_event(organization_id: str, event_id: str) -> dict[str, Any]:
    return _event("credits.restored", organization_id, event_id, available_nanos=10**10)


def _event(
    kind: str, organization_id: str, event_id: str, *, available_nanos: int
) -> dict[str, Any]:
    return {
        "version": 1,
        "id": event_id,
        "type": kind,
        "organization_id": organization_id,
        "created_at": "2026-11-23T10:00:00Z",
        "data": {"available": format_usd(available_nanos), "auto_top_up": False},
    }
