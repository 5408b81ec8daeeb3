"""When a schedule of EventBridge is due, and the event that it sends."""

from __future__ import annotations

import logging
import re
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from devstack.aws import REGION
from devstack.invocation import Event, Function

logger = logging.getLogger("devstack.schedules")

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((.+)\)")
_MONTHS = {
    name: n
    for n, name in enumerate(
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1
    )
}
_DAYS = {name: n for n, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], 1)}
_SEARCH_MINUTES = 366 * 24 * 60
"""A cron expression that is not due within a year is treated as never due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`rate(5 minutes)`: due again and again, first after one interval."""

    interval: timedelta

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the next due time after `moment`."""
        return moment + self.interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """`cron(minute hour day-of-month month day-of-week year)` in UTC, with `* ? , - /` and names.

    Source: "Cron expressions" in the EventBridge guide. `L`, `W` and `#` are refused.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the next due time after `moment`, or None when there is none within a year."""
        candidate = moment.replace(second=0, microsecond=0)
        for _ in range(_SEARCH_MINUTES):
            candidate += timedelta(minutes=1)
            if self._matches(candidate):
                return candidate
        return None

    def _matches(self, at: datetime) -> bool:
        sunday_first = at.isoweekday() % 7 + 1
        return (
            at.minute in self.minutes
            and at.hour in self.hours
            and at.day in self.days
            and at.month in self.months
            and sunday_first in self.weekdays
            and at.year in self.years
        )


def parse(expression: str) -> Rate | Cron:
    """Read EventBridge's `rate(…)` or `cron(…)`.

    Raises:
        ValueError: it is neither, or uses what the local stack does not know.
    """
    if rate := _RATE.fullmatch(expression):
        return Rate(interval=timedelta(**{f"{rate[2]}s": int(rate[1])}))
    cron = _CRON.fullmatch(expression)
    fields = cron[1].split() if cron else []
    if len(fields) != len(("minute", "hour", "day", "month", "weekday", "year")):
        raise ValueError(f"This is not a schedule of EventBridge: {expression}")
    minute, hour, day, month, weekday, year = fields
    return Cron(
        minutes=_values(minute, 0, 59),
        hours=_values(hour, 0, 23),
        days=_values(day, 1, 31),
        months=_values(month, 1, 12, _MONTHS),
        weekdays=_values(weekday, 1, 7, _DAYS),
        years=_values(year, 1970, 2199),
    )


def _values(
    field: str, lowest: int, highest: int, names: dict[str, int] | None = None
) -> frozenset[int]:
    """Read one field of a cron expression."""

    def number(text: str) -> int:
        value = (names or {}).get(text.upper())
        value = int(text) if value is None else value
        if not lowest <= value <= highest:
            raise ValueError(f"{text} is not between {lowest} and {highest}: {field}")
        return value

    values: set[int] = set()
    for item in field.split(","):
        span, _, step = item.partition("/")
        if span in {"*", "?"}:
            first, last = lowest, highest
        else:
            low, dash, high = span.partition("-")
            first = number(low)
            last = number(high) if dash else (highest if step else first)
        values.update(range(first, last + 1, int(step or 1)))
    return frozenset(values)


def scheduled_event(*, rule: str, account_id: str, at: datetime) -> Event:
    """Return the event that EventBridge sends when a schedule is due."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": account_id,
        "time": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{account_id}:rule/{rule}"],
        "detail": {},
    }


class Ticker:
    """Invokes a function whenever its schedule is due.

    `speed` shortens the waits: at 60, `rate(1 minute)` is due every second.
    A failed run is logged; the next one is due in any case.
    """

    def __init__(
        self,
        *,
        schedule: Rate | Cron,
        function: Function,
        stopping: threading.Event,
        speed: float = 1.0,
    ) -> None:
        self._schedule = schedule
        self._function = function
        self._stopping = stopping
        self._speed = speed

    def run(self) -> None:
        """Wait and invoke until asked to stop."""
        due = self._schedule.next_after(datetime.now(UTC))
        while due is not None:
            wait = (due - datetime.now(UTC)).total_seconds()
            if self._stopping.wait(max(0.0, wait) / self._speed):
                return
            self.fire(datetime.now(UTC))
            due = self._schedule.next_after(datetime.now(UTC))

    def fire(self, at: datetime) -> None:
        """Invoke the function once, as if it were due."""
        event = scheduled_event(
            rule=self._function.name, account_id=self._function.account_id, at=at
        )
        try:
            self._function(event)
        except Exception:
            logger.exception("%s failed", self._function.name)
