"""Leases as holds of the credits service: placed once for each key, settled by a final report."""

from __future__ import annotations

import logging
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
        self._unanswered: OrderedDict[str, _Request] = OrderedDict()

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

    def _place(self, organization_id: str, amount_nanos: int) -> Lease:
        request = self._unanswered.pop(organization_id, None)
        if request is None or not self._still_worth(request, amount_nanos):
            request = _Request(
                key=str(uuid.uuid4()), amount_nanos=amount_nanos, asked=self._clock.mark()
            )
        try:
            hold_id = self._service.place_hold(
                organization_id,
                amount_nanos=amount_nanos,
                seconds=self._policy.seconds,
                key=request.key,
            )
        except ServiceUnavailableError as error:
            self._unanswered[organization_id] = request
            if len(self._unanswered) > _REMEMBERED:
                self._unanswered.popitem(last=False)
            raise self._unavailable(organization_id, error) from error
        self._count(Metric.LEASES_GRANTED, 1)
        return Lease(hold_id=hold_id, amount_nanos=amount_nanos, placed=request.asked)

    def _still_worth(self, request: _Request, amount_nanos: int) -> bool:
        """Whether a hold that was perhaps placed then would still serve now."""
        age_seconds = self._clock.seconds_since(request.asked)
        return request.amount_nanos == amount_nanos and age_seconds < self._policy.seconds / 2

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
