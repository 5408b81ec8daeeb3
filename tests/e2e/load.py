"""Gateways and customers that keep calling a deployment, and know to the nano-dollar what they did.

Each caller repeats what it got no answer for, with the same key, as callers are told to. So
whatever happens meanwhile, what they did is known, and must be found in the ledger once.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import requests

from devstack.client import Json, request
from gateway import (
    Amount,
    ClientSettings,
    CreditsClient,
    CreditsUnavailableError,
    HttpService,
    JournalFolder,
    LeasePolicy,
)
from tests.e2e.deployment import Deployment
from tests.support.actor import Actor

#: A purchase whose process died is taken over after 45 seconds.
PATIENCE_SECONDS = 240.0
PAUSE_SECONDS = 0.1
PURCHASE = "5.00"
NANOS = 10**9


@dataclass(slots=True)
class Done:
    """What one caller did: `steps` so far, and what of it must be found."""

    steps: int = 0
    spent: Decimal = Decimal(0)
    keys: dict[str, str] = field(default_factory=dict)
    """What was answered: the id of an entry or a purchase, by the key it was asked for with."""
    unserved: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that made somebody ask again."""

    status: int
    body: str


class Load:
    """Callers of one organization, each in a thread of its own; a context manager."""

    def __init__(self, deployment: Deployment, *, folder: Path) -> None:
        self._deployment = deployment
        self._folder = folder
        self.actor = Actor(deployment, "busy")
        self.card = self.actor.save_card()
        self.actor.operator.post("/adjustments", {"amount": "500.00", "reason": "a present"})
        self.done = {
            name: Done() for name in ("deducting", "reporting", "serving", "buying", "asking")
        }
        self.refusals: list[Refusal] = []
        self.lost_connections = 0
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(len(self.done))
        self._callers: list[Future[None]] = []

    def __enter__(self) -> Load:
        for name in self.done:
            self._callers.append(self._pool.submit(getattr(self, f"_keep_{name}")))
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._pool.shutdown()
        for caller in self._callers:
            caller.result()

    def wait_for_steps(self, count: int) -> None:
        """Wait until each caller but the buyer has done so many more steps."""
        # The buyer may have to wait for a purchase that nobody is at work on any more.
        wanted = {name: done.steps + count for name, done in self.done.items() if name != "buying"}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(self.done[name].steps < steps for name, steps in wanted.items()):
            for caller in self._callers:
                if caller.done():
                    caller.result()
            assert time.monotonic() < deadline, {n: d.steps for n, d in self.done.items()}
            time.sleep(0.1)

    @property
    def spent(self) -> Decimal:
        """What all of them used up."""
        return sum((done.spent for done in self.done.values()), Decimal(0))

    def _going_on(self, done: Done) -> bool:
        """Count a step, and whether there is to be another."""
        done.steps += 1
        return not self._stopping.wait(PAUSE_SECONDS)

    def _keep_deducting(self) -> None:
        done, chance = self.done["deducting"], random.Random(1)
        while self._going_on(done):
            amount, key = Decimal(chance.randint(1, 20_000_000)) / NANOS, str(uuid.uuid4())
            body = {"amount": f"{amount:.9f}"}
            answer = self._insist("/deductions", body, key=key, token=self.actor.gateway.token)
            done.keys[key] = answer["id"]
            done.spent += amount
            if chance.random() < 0.2:
                again = self._insist("/deductions", body, key=key, token=self.actor.gateway.token)
                assert again["id"] == answer["id"], "a repetition was answered otherwise"

    def _keep_buying(self) -> None:
        done = self.done["buying"]
        order = {"amount": PURCHASE, "payment_method_id": self.card}
        while self._going_on(done):
            key = str(uuid.uuid4())
            bought = self._insist("/purchases", order, key=key, token=self.actor.customer.token)
            assert bought["status"] in {"succeeded", "processing"}, bought
            done.keys[key] = bought["id"]

    def _keep_reporting(self) -> None:
        done, chance = self.done["reporting"], random.Random(2)
        before: Json | None = None
        while self._going_on(done):
            amount = Decimal(chance.randint(1, 20_000_000)) / NANOS
            line = {"kind": "amount", "amount": f"{amount:.9f}", "description": "search"}
            report = self.actor.report(line)
            # Each is sent again with the next, as by a gateway that got no answer.
            self.actor.send(*(r for r in (before, report) if r is not None))
            before = report
            done.keys[report["report_id"]] = ""
            done.spent += amount

    def _keep_serving(self) -> None:
        """Make model calls with the gateway's client: by leases, its usage by the queue."""
        done, chance = self.done["serving"], random.Random(3)
        with self._gateway() as client:
            while self._going_on(done):
                nanos = chance.randint(1, 20_000_000)
                try:
                    call = client.reserve(self.actor.name, amount_nanos=nanos)
                except CreditsUnavailableError:
                    done.unserved += 1
                    continue
                with call:
                    call.record(Amount(amount_nanos=nanos, description="a call"))
                done.spent += Decimal(nanos) / NANOS
            assert client.flush(timeout_seconds=PATIENCE_SECONDS)

    def _gateway(self) -> CreditsClient:
        token = self._deployment.token(organization_id="gateway", scope="gateway")
        policy = LeasePolicy(amount_nanos=NANOS // 10)
        return CreditsClient(
            service=HttpService(self._deployment.url, token=lambda: token, timeout_seconds=20.0),
            queue=self._deployment.cloud.client("sqs"),
            queue_url=self._deployment.physical_ids["UsageQueue"],
            journals=JournalFolder(self._folder / "journals"),
            settings=ClientSettings(leases=policy, report_seconds=1.0),
        )

    def _keep_asking(self) -> None:
        token = self.actor.gateway.token
        while self._going_on(self.done["asking"]):
            answer = self._until_answered(lambda: self._send("GET", "/access", token=token))
            assert answer["allowed"] is True

    def _insist(self, path: str, body: Json, *, key: str, token: str) -> Json:
        return self._until_answered(
            lambda: self._send("POST", path, token=token, body=body, key=key)
        )

    def _until_answered(self, ask: Callable[[], requests.Response]) -> Json:
        """Ask until there is an answer that says what happened."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = ask()
            except requests.RequestException:
                self.lost_connections += 1
            else:
                if answer.ok:
                    found: Json = answer.json()
                    return found
                self.refusals.append(Refusal(status=answer.status_code, body=answer.text))
                assert answer.status_code >= 500 or answer.status_code in {409, 429}, answer.text
            time.sleep(0.5)
        raise AssertionError(f"no answer in {PATIENCE_SECONDS:.0f} s: {self.refusals[-1:]}")

    def _send(
        self, method: str, path: str, *, token: str, body: Json | None = None, key: str = ""
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        url = f"{self._deployment.url}/v1/organizations/{self.actor.name}{path}"
        return request(method, url, json=body, headers=headers)

    def told(self) -> Counter[str]:
        """What made callers ask again, and how often."""
        told = Counter(f"{refusal.status} {refusal.body[:80]}" for refusal in self.refusals)
        return told + Counter({"no answer": self.lost_connections})
