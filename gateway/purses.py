"""The purses of all organizations that this process makes calls for, and who works for them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from gateway.clock import Clock
from gateway.errors import CreditsUnavailableError
from gateway.leases import Lease, LeasePolicy, Lessor, Purse

logger = logging.getLogger(__name__)

#: Leases are granted and ended by so many threads, so that a slow answer delays few others.
_BACKGROUND_THREADS = 4
#: Between two tries of giving back what may have been granted.
_TRY_AGAIN_SECONDS = 0.2


class Purses:
    """A purse for each organization that has an open lease. Safe to use from several threads."""

    def __init__(self, lessor: Lessor, *, policy: LeasePolicy, clock: Clock) -> None:
        self._lessor = lessor
        self._policy = policy
        self._clock = clock
        self._giving_back = threading.Lock()
        self._purses: dict[str, Purse] = {}
        self._closed = False
        self._lock = threading.Lock()
        self._background = ThreadPoolExecutor(_BACKGROUND_THREADS, "credits")

    def reserve(self, organization_id: str, amount_nanos: int) -> tuple[Purse, Lease]:
        """The lease that will pay for a call of at most so much, and the purse that it is in.

        Raises:
            CallRefusedError: if no lease has room and none is granted.
        """
        while True:  # a purse that was closed for being idle is replaced, once
            purse = self._purse(organization_id)
            lease = purse.reserve(amount_nanos)
            if lease is not None:
                return purse, lease
            self._remove(organization_id, purse)

    def tend(self) -> None:
        """End the leases whose time is over, and forget the organizations that have none.

        Whoever waited for an answer has given up by now: what it may have granted goes back.
        """
        with self._lock:
            purses = list(self._purses.items())
        for organization_id, purse in purses:
            purse.tend()
            if purse.close(only_if_idle=True):
                self._remove(organization_id, purse)
        if self._giving_back.acquire(blocking=False):
            self._in_background(self._give_back)

    def close(self, *, calls_end_by: float) -> None:
        """End all leases, those of running calls at that time (`time.monotonic`) at the latest.

        So long it also tries to give back what may have been granted although no answer came.
        """
        with self._lock:
            self._closed = True
            purses = list(self._purses.values())
        for purse in purses:
            purse.close()
        for purse in purses:
            purse.wait_for_calls(timeout_seconds=max(0.0, calls_end_by - time.monotonic()))
        self._background.shutdown(wait=True)
        while not self._lessor.give_back_unanswered(older_than_seconds=0):
            if time.monotonic() >= calls_end_by:
                return  # the holds, if there are any, expire
            time.sleep(_TRY_AGAIN_SECONDS)

    def _purse(self, organization_id: str) -> Purse:
        with self._lock:
            if self._closed:
                raise CreditsUnavailableError("the client is closed")
            purse = self._purses.get(organization_id)
            if purse is None:
                purse = self._purses[organization_id] = Purse(
                    organization_id,
                    lessor=self._lessor,
                    policy=self._policy,
                    clock=self._clock,
                    in_background=self._in_background,
                )
            return purse

    def _remove(self, organization_id: str, purse: Purse) -> None:
        with self._lock:
            if self._purses.get(organization_id) is purse:
                del self._purses[organization_id]

    def _give_back(self) -> None:
        try:
            self._lessor.give_back_unanswered(older_than_seconds=self._policy.wait_seconds)
        finally:
            self._giving_back.release()

    def _in_background(self, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            except Exception:
                logger.exception("A lease was not seen to")

        self._background.submit(run)
