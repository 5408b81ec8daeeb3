"""Gateways and usage workers as processes of their own, to be killed at any moment.

`python -m tests.support.soak gateway --number 3 …` makes the calls of one gateway, and goes on
from its last note when it is started again; `… worker` serves the usage queue for ever. What a
gateway does follows from its number alone, so its ids are the same whenever it does it again, and
what it should cost is known beforehand.
"""

from __future__ import annotations

import argparse
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chalicelib.domain.charge import Charge
from chalicelib.domain.money import format_usd
from chalicelib.usecases.holding import HoldRequest
from chalicelib.wiring import now, services

#: What the next calls are, again and again: reports of one call and of five, a request that is
#: charged at once, and a lease of ten calls that is settled by one report.
_SHAPES = ("one",) * 7 + ("five", "deduction", "lease")
CALLS = {"one": 1, "five": 5, "deduction": 1, "lease": 10}
CALLS_PER_ROUND = sum(CALLS[shape] for shape in _SHAPES)
_SQS_BATCH = 10
_EVERY_NTH_TWICE = 5
_MOST_NANOS = 10**7
#: The emulated queue gets slow when it is long, so the gateways wait for the workers.
_MOST_WAITING = 300
_WAIT_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that a gateway does: what for, what it costs, and how many traces it keeps."""

    id: str
    shape: str
    organization_id: str
    nanos: tuple[int, ...]
    traces: int
    twice: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much is done, and in how many organizations."""

    steps: int
    gateways: int
    organizations: int

    def steps_of(self, gateway: int, *, start: int = 0) -> Iterator[Step]:
        """What a gateway does, from its `start`-th step on."""
        for number in range(gateway + start * self.gateways, self.steps, self.gateways):
            chance = random.Random(number)
            shape = _SHAPES[(number // self.gateways) % len(_SHAPES)]
            yield Step(
                id=f"step-{number}",
                shape=shape,
                organization_id=f"org-{chance.randrange(self.organizations)}",
                nanos=tuple(chance.randint(1, _MOST_NANOS) for _ in range(CALLS[shape])),
                traces=chance.choice((0, 0, 0, 1, 7)),
                twice=number % _EVERY_NTH_TWICE == 0,
            )

    def expected(self) -> Expected:
        """What all of it comes to."""
        expected = Expected()
        for gateway in range(self.gateways):
            for step in self.steps_of(gateway):
                expected.nanos[step.organization_id] += sum(step.nanos)
                expected.traces[step.organization_id] += step.traces
                expected.entries[step.organization_id] += 2 if step.shape == "lease" else 1
                expected.calls += CALLS[step.shape]
        return expected


@dataclass(slots=True)
class Expected:
    """What organizations should have used, by organization; the entries are those of usage."""

    nanos: Counter[str] = field(default_factory=Counter)
    traces: Counter[str] = field(default_factory=Counter)
    entries: Counter[str] = field(default_factory=Counter)
    calls: int = 0


class SoakGateway:
    """One gateway: it reports by the queue, and deducts and leases by the use cases themselves."""

    def __init__(self, load: Load, number: int, *, notes: Path, occurred_at: str) -> None:
        import boto3

        self._load = load
        self._number = number
        self._notes = notes
        self._at = occurred_at
        self._sqs: Any = boto3.client("sqs")
        self._unsent: list[tuple[str, Mapping[str, object]]] = []

    def run(self) -> None:
        """Do what is left to do since the last note."""
        done = int(self._notes.read_text()) if self._notes.exists() else 0
        for step in self._load.steps_of(self._number, start=done):
            self._do(step)
            done += 1
            if len(self._unsent) >= _SQS_BATCH:
                self._flush()
                self._note(done)
        self._flush()
        self._note(done)

    def _do(self, step: Step) -> None:
        if step.shape == "deduction":
            for _ in range(1 + step.twice):
                services().metering.deduct(self._charge(step), key=step.id, now=now())
            return
        hold_id = self._lease(step) if step.shape == "lease" else None
        body = {
            "version": 1,
            "report_id": step.id,
            "organization_id": step.organization_id,
            "project_id": f"gateway-{self._number}",
            "occurred_at": self._at,
            "hold_id": hold_id,
            "final": hold_id is not None,
            "lines": _lines(step),
        }
        self._unsent += [(step.organization_id, body)] * (1 + step.twice)

    def _lease(self, step: Step) -> str:
        # Too small at times, so that some usage is above its hold.
        request = HoldRequest(
            organization_id=step.organization_id,
            amount_nanos=len(step.nanos) * _MOST_NANOS // 2,
            seconds=86_400,
            digest=step.id,
        )
        for _ in range(1 + step.twice):
            hold, _ = services().holding.place(request, key=step.id, now=now())
        return hold.id

    def _charge(self, step: Step) -> Charge:
        from chalicelib.domain.usage_parsing import parse_lines

        return services().pricing.charge(
            organization_id=step.organization_id,
            project_id=f"gateway-{self._number}",
            lines=parse_lines(_lines(step), path="usage"),
            digest=step.id,
            at=datetime.fromisoformat(self._at),
        )

    def _flush(self) -> None:
        url = services().settings.usage_queue_url
        while self._unsent:
            while waiting(self._sqs, url) > _MOST_WAITING:
                time.sleep(_WAIT_SECONDS)
            batch, self._unsent = self._unsent[:_SQS_BATCH], self._unsent[_SQS_BATCH:]
            answer = self._sqs.send_message_batch(QueueUrl=url, Entries=list(_entries(batch)))
            if answer.get("Failed"):
                raise RuntimeError(f"not sent: {answer['Failed']}")

    def _note(self, done: int) -> None:
        # Replaced in one go: a note that was cut short would be worse than an old one.
        draft = self._notes.with_suffix(".new")
        draft.write_text(str(done))
        draft.replace(self._notes)


def waiting(sqs: Any, url: str) -> int:
    """How many messages are in the queue or in somebody's hands."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def _entries(batch: Sequence[tuple[str, Mapping[str, object]]]) -> Iterator[Mapping[str, str]]:
    for index, (organization_id, body) in enumerate(batch):
        yield {
            "Id": str(index),
            "MessageGroupId": organization_id,
            # New each time, so that only the application can tell a duplicate.
            "MessageDeduplicationId": uuid.uuid4().hex,
            "MessageBody": json.dumps(body),
        }


def _lines(step: Step) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = [
        {"kind": "amount", "amount": format_usd(nanos)} for nanos in step.nanos
    ]
    return [*lines, {"kind": "traces", "count": step.traces}] if step.traces else lines


def main() -> None:
    """Be one process of a soak."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.soak")
    parser.add_argument("role", choices=["gateway", "worker"])
    parser.add_argument("--number", type=int, default=0)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--gateways", type=int, default=1)
    parser.add_argument("--organizations", type=int, default=1)
    parser.add_argument("--notes", type=Path)
    parser.add_argument("--occurred-at", default=datetime.now(UTC).isoformat())
    arguments = parser.parse_args()
    if arguments.role == "worker":
        import boto3

        from tests.support.worker import usage_poller

        usage_poller(boto3.client("sqs"), services().settings.usage_queue_url).run()
        return
    load = Load(
        steps=arguments.steps,
        gateways=arguments.gateways,
        organizations=arguments.organizations,
    )
    SoakGateway(
        load, arguments.number, notes=arguments.notes, occurred_at=arguments.occurred_at
    ).run()


if __name__ == "__main__":
    main()
