"""Leases as holds of the credits service: placed once for each key, settled by a final report."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from gateway.access import AccessCache
from gateway.clock import Clock, Mark
from gateway.errors import CreditsBlockedError, CreditsUnavailableError
from gateway.leases import Lease, LeasePolicy
from gateway.metrics import Count, Metric
from gateway.service import Access, Service, ServiceRefusalError, ServiceUnavailableError

logger = logging.getLogger(__name__)

#: What the service answers when an organization may not spend that much.
_REFUSALS = {HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN}
#: Unanswered requests that are remembered; those forgotten may leave a hold, which expires.
_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """A request for a hold; asked again with its key, it places no second one."""

    organization_id: str
    key: str
    amount_nanos: int
    asked: Mark


class HoldLessor:
    """The Lessor that asks the service. Each organization is asked about by one at a time."""

    def __init__(
        self,
        service: Service,
        access: AccessCache,
        *,
        policy: LeasePolicy,
        clock: Clock,
        count: Count,
        close_hold: Callable[[str, str], bool],
    ) -> None:
        self._service = service
        self._access = access
        self._policy = policy
        self._clock = clock
        self._count = count
        self._close_hold = close_hold
        #: By key, the oldest first. Tending takes from it beside those who ask.
        self._unanswered: OrderedDict[str, _Request] = OrderedDict()
        self._lock = threading.Lock()

    def grant(self, organization_id: str, *, need_nanos: int) -> Lease:
        """See Lessor. Where less is available than is usually leased, that is leased."""
        amount_nanos = max(self._policy.amount_nanos, need_nanos)
        known = self._access.known(organization_id)
        if known is None and self._access.was_denied(organization_id):
            # A question costs less than a hold that is refused again.
            known = self._ask(organization_id)
        if known is not None:
            amount_nanos = self._affordable(organization_id, known, amount_nanos, need_nanos)
        try:
            return self._place(organization_id, amount_nanos)
        except ServiceRefusalError as refusal:
            if refusal.status not in _REFUSALS:
                raise self._unavailable(organization_id, refusal) from refusal
        access = self._ask(organization_id)
        smaller_nanos = self._affordable(organization_id, access, amount_nanos, need_nanos)
        try:
            return self._place(organization_id, smaller_nanos)
        except ServiceRefusalError as refusal:
            if refusal.status not in _REFUSALS:
                raise self._unavailable(organization_id, refusal) from refusal
            # Somebody else was faster.
            raise self._blocked(organization_id, access) from refusal

    def end(self, organization_id: str, lease: Lease) -> None:
        """See Lessor."""
        if lease.spent_nanos > lease.amount_nanos:
            self._count(Metric.OVERRUN_NANOS, lease.spent_nanos - lease.amount_nanos)
        if self._close_hold(organization_id, lease.hold_id):
            return
        try:
            self._service.release_hold(organization_id, lease.hold_id)
        except (ServiceUnavailableError, ServiceRefusalError) as error:
            logger.info("%s was not released, and will expire: %s", lease.hold_id, error)

    def give_back_unanswered(self, *, older_than_seconds: float) -> bool:
        """See Lessor. A hold that was placed without our knowing keeps credits from others."""
        with self._lock:
            requests = list(self._unanswered.values())
        for request in requests:
            if self._clock.seconds_since(request.asked) < older_than_seconds:
                continue
            with self._lock:
                if self._unanswered.pop(request.key, None) is None:
                    continue  # somebody asks again, and will have the hold
            try:
                self._service.release_hold(request.organization_id, self._ask_for_hold(request))
            except ServiceUnavailableError:
                self._remember(request)
                return False
            except ServiceRefusalError as refusal:
                logger.info("No hold was placed for %s: %s", request.organization_id, refusal)
        return True

    def _place(self, organization_id: str, amount_nanos: int) -> Lease:
        request = self._worth_asking_again(organization_id, amount_nanos) or _Request(
            organization_id=organization_id,
            key=str(uuid.uuid4()),
            amount_nanos=amount_nanos,
            asked=self._clock.mark(),
        )
        try:
            hold_id = self._ask_for_hold(request)
        except ServiceUnavailableError as error:
            self._remember(request)
            raise self._unavailable(organization_id, error) from error
        self._count(Metric.LEASES_GRANTED, 1)
        return Lease(hold_id=hold_id, amount_nanos=amount_nanos, placed=request.asked)

    def _ask_for_hold(self, request: _Request) -> str:
        return self._service.place_hold(
            request.organization_id,
            amount_nanos=request.amount_nanos,
            seconds=self._policy.seconds,
            key=request.key,
        )

    def _remember(self, request: _Request) -> None:
        with self._lock:
            self._unanswered[request.key] = request
            if len(self._unanswered) > _REMEMBERED:
                self._unanswered.popitem(last=False)

    def _worth_asking_again(self, organization_id: str, amount_nanos: int) -> _Request | None:
        """An unanswered request whose hold, if it was placed, would still serve now."""
        with self._lock:
            for request in self._unanswered.values():
                age_seconds = self._clock.seconds_since(request.asked)
                if (
                    request.organization_id == organization_id
                    and request.amount_nanos == amount_nanos
                    and age_seconds < self._policy.seconds / 2
                ):
                    return self._unanswered.pop(request.key)
        return None

    def _ask(self, organization_id: str) -> Access:
        try:
            return self._access.ask(organization_id)
        except (ServiceUnavailableError, ServiceRefusalError) as error:
            raise self._unavailable(organization_id, error) from error

    def _affordable(
        self, organization_id: str, access: Access, amount_nanos: int, need_nanos: int
    ) -> int:
        if not access.allowed or access.available_nanos < need_nanos:
            raise self._blocked(organization_id, access)
        return min(amount_nanos, access.available_nanos)

    def _blocked(self, organization_id: str, access: Access) -> CreditsBlockedError:
        self._count(Metric.LEASES_REFUSED, 1)
        return CreditsBlockedError(
            organization_id,
            reason=access.reason or "exhausted",
            available_nanos=access.available_nanos,
        )

    def _unavailable(self, organization_id: str, error: Exception) -> CreditsUnavailableError:
        self._count(Metric.SERVICE_UNAVAILABLE, 1)
        return CreditsUnavailableError(f"No lease for {organization_id}: {error}")
