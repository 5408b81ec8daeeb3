"""What is known of each organization's access, never older than a bound.

An answer serves as it is for `fresh_seconds`. After that the next caller asks anew, and while the
service can't be reached, the old answer serves on until `stale_seconds`; then nobody knows.
Events are no answers: `exhausted` is believed for a while, `restored` makes the next caller ask.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.clock import Clock, Mark
from gateway.money import usd
from gateway.service import Access, Service, ServiceRefusalError, ServiceUnavailableError

_EXHAUSTED = "credits.exhausted"
_RESTORED = "credits.restored"
#: Organizations that are remembered; whoever was not asked about for longest is forgotten.
_REMEMBERED = 10_000
#: Callers who ask about organizations of one stripe wait for each other.
_STRIPES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """The last answer, and the last event, by whose id a later one is told from an older."""

    access: Access | None = None
    since: Mark
    last_event_id: str = ""


class AccessCache:
    """The access of organizations. Safe to use from several threads."""

    def __init__(
        self, service: Service, *, clock: Clock, fresh_seconds: float, stale_seconds: float
    ) -> None:
        self._service = service
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._stale_seconds = max(fresh_seconds, stale_seconds)
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()
        self._asking = tuple(threading.Lock() for _ in range(_STRIPES))

    def check(self, organization_id: str) -> Access:
        """Whether the organization may spend, by an answer that is fresh if one can be had.

        Raises:
            ServiceUnavailableError: if nobody knows.
            ServiceRefusalError: if the service refuses this gateway.
        """
        access = self._not_older(organization_id, self._fresh_seconds)
        if access is not None:
            return access
        asking = self._asking[hash(organization_id) % _STRIPES]
        if not asking.acquire(blocking=False):
            # One asks for all; whoever has an answer that still serves need not wait for that.
            access = self._not_older(organization_id, self._stale_seconds)
            if access is not None:
                return access
            asking.acquire()
        try:
            access = self._not_older(organization_id, self._fresh_seconds)
            return access or self.ask(organization_id)
        finally:
            asking.release()

    def ask(self, organization_id: str) -> Access:
        """Ask the service, whatever is known; the errors of `check`."""
        with self._lock:
            before = self._known.get(organization_id)
        asked_at = self._clock.mark()
        try:
            access = self._service.access(organization_id)
        except (ServiceUnavailableError, ServiceRefusalError):
            stale = self._not_older(organization_id, self._stale_seconds)
            if stale is None:
                raise
            return stale
        with self._lock:
            # An event that came while the service was answering may be the later news.
            if self._known.get(organization_id) is before:
                last = before.last_event_id if before else ""
                self._remember(
                    organization_id, _Known(access=access, since=asked_at, last_event_id=last)
                )
        return access

    def known(self, organization_id: str) -> Access | None:
        """The answer that is fresh, if there is one; nobody is asked."""
        return self._not_older(organization_id, self._fresh_seconds)

    def was_denied(self, organization_id: str) -> bool:
        """Whether the last answer, of whatever age, was that the organization may not spend."""
        with self._lock:
            known = self._known.get(organization_id)
            return known is not None and known.access is not None and not known.access.allowed

    def apply_event(self, event: Mapping[str, Any]) -> bool:
        """Take note of an event of the service's bus; whether it was one that matters here.

        It may be the event itself or what EventBridge wraps around it, come late, out of order or
        again.
        """
        detail = event.get("detail", event)
        kind = detail.get("type")
        if kind not in {_EXHAUSTED, _RESTORED}:
            return False
        organization_id, event_id = str(detail["organization_id"]), str(detail["id"])
        access = None
        if kind == _EXHAUSTED:
            available_nanos = usd(detail["data"]["available"])
            access = Access(allowed=False, reason="exhausted", available_nanos=available_nanos)
        with self._lock:
            before = self._known.get(organization_id)
            if before is not None and event_id <= before.last_event_id:
                return False  # ids sort by time
            known = _Known(access=access, since=self._clock.mark(), last_event_id=event_id)
            self._remember(organization_id, known)
        return True

    def _not_older(self, organization_id: str, seconds: float) -> Access | None:
        with self._lock:
            known = self._known.get(organization_id)
            if known is None or known.access is None:
                return None
            if self._clock.seconds_since(known.since) > seconds:
                return None
            self._known.move_to_end(organization_id)
            return known.access

    def _remember(self, organization_id: str, known: _Known) -> None:
        self._known[organization_id] = known
        self._known.move_to_end(organization_id)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
