"""Bringing events to the webhook address: signed, in their own time, again until they arrive."""

from __future__ import annotations

import heapq
import itertools
import json
import threading
import time
from dataclasses import dataclass

from devstack.stripe.disturbances import Dispatch, Disturbances
from devstack.stripe.errors import Json
from devstack.stripe.sending import Endpoint, post
from devstack.stripe.state import State

_SENDERS = 4
_ACCEPTED = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an event is tried: at most `attempts`, waiting twice as long after each."""

    attempts: int = 8
    first_wait_seconds: float = 0.5
    timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt and how it ended; `status` is None where nobody answered."""

    event_id: str
    event_type: str
    attempt: int
    status: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Errand:
    event_ids: tuple[str, ...]
    attempt: int


class Deliverer:
    """Sends events from its own threads between `start` and `stop`."""

    def __init__(self, state: State, *, endpoint: Endpoint | None, patience: Patience) -> None:
        self.disturbances = Disturbances()
        self._state = state
        self._endpoint = endpoint
        self._patience = patience
        self._due: list[tuple[float, int, _Errand]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._busy = 0
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._deliveries: list[Delivery] = []

    def start(self) -> None:
        """Begin sending."""
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._send_all, name=f"webhooks-{number}", daemon=True)
            for number in range(_SENDERS)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop sending; what is under way ends first."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def point_at(self, endpoint: Endpoint | None) -> None:
        """Send to another address, or nowhere, from now on."""
        with self._changed:
            self._endpoint = endpoint

    @property
    def endpoint(self) -> Endpoint | None:
        """Where events go now."""
        return self._endpoint

    def record(self, event: Json) -> None:
        """Take charge of a new event."""
        if self._endpoint is None:
            return
        event["pending_webhooks"] = 1
        for dispatch in self.disturbances.apply(event["id"], event["type"]) or ():
            self.send(dispatch)

    def send(self, dispatch: Dispatch) -> None:
        """Send these events, whatever became of them before."""
        if dispatch.event_ids:
            self._push(_Errand(event_ids=dispatch.event_ids, attempt=1), dispatch.delay_seconds)

    def deliveries(self) -> list[Delivery]:
        """Every attempt so far, oldest first."""
        with self._changed:
            return list(self._deliveries)

    def wait_until_idle(self, timeout_seconds: float = 30.0) -> bool:
        """Wait until nothing is left to send or to try again; whether that came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._due and not self._busy, timeout_seconds)

    def clear(self) -> None:
        """Forget what is still to be sent, every rule and every past attempt."""
        self.disturbances.clear()
        with self._changed:
            self._due.clear()
            self._deliveries.clear()
            self._changed.notify_all()

    def _push(self, errand: _Errand, delay_seconds: float) -> None:
        with self._changed:
            due = time.monotonic() + delay_seconds
            heapq.heappush(self._due, (due, next(self._order), errand))
            self._changed.notify_all()

    def _send_all(self) -> None:
        while True:
            errand = self._next()
            if errand is None:
                return
            try:
                for event_id in errand.event_ids:
                    self._attempt(event_id, errand.attempt)
            finally:
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()

    def _next(self) -> _Errand | None:
        with self._changed:
            while not self._stopping:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    self._busy += 1
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
        return None

    def _attempt(self, event_id: str, attempt: int) -> None:
        endpoint = self._endpoint
        with self._state.lock:
            event = self._state.objects.get("event", {}).get(event_id)
            if event is None or endpoint is None:
                return
            payload = json.dumps(event, indent=2, ensure_ascii=False)
        status = post(endpoint, payload, timeout_seconds=self._patience.timeout_seconds)
        accepted = status in _ACCEPTED
        with self._state.lock:
            if accepted:
                event["pending_webhooks"] = 0
        with self._changed:
            self._deliveries.append(
                Delivery(
                    event_id=event_id, event_type=event["type"], attempt=attempt, status=status
                )
            )
        if not accepted and attempt < self._patience.attempts:
            wait = self._patience.first_wait_seconds * 2 ** (attempt - 1)
            self._push(_Errand(event_ids=(event_id,), attempt=attempt + 1), wait)
