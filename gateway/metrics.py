"""What the client counts, for whoever wants to watch it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Metric(StrEnum):
    """What happened."""

    LEASES_GRANTED = "leases_granted"
    LEASES_REFUSED = "leases_refused"
    CALLS_REFUSED = "calls_refused"
    SERVICE_UNAVAILABLE = "service_unavailable"
    #: By how many nano-dollars calls cost more than their estimates and their lease together.
    OVERRUN_NANOS = "overrun_nanos"
    REPORTS_SENT = "reports_sent"
    REPORTS_RECOVERED = "reports_recovered"
    #: Refused by the queue for what they are; they stay in the journal until the next start.
    REPORTS_PARKED = "reports_parked"
    SENDS_RETRIED = "sends_retried"
    #: Usage that this process alone knows, until it is sent.
    JOURNAL_FAILURES = "journal_failures"


#: Called with what happened and how often; from any thread, and it must return at once.
Count = Callable[[Metric, int], None]


def count_nothing(metric: Metric, times: int) -> None:
    """Where nobody watches."""
