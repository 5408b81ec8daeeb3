"""The routes of what was used: sums by project, model or day, and how the balance went."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from chalice.app import Response

from chalicelib.api.auth import Scope
from chalicelib.api.http import Call, Routes, json_response
from chalicelib.api.parsing import refuse_unless
from chalicelib.api.presenting import Body
from chalicelib.domain.fields import Faults
from chalicelib.domain.instant import format_instant, parse_instant
from chalicelib.domain.money import format_usd
from chalicelib.domain.usage_day import NO_PROJECT, day_of
from chalicelib.domain.usage_sums import UsageSums
from chalicelib.usecases.usage_reporting import DayBalance, GroupBy

routes = Routes()

_DAY = timedelta(days=1)
_A_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
#: Neither end of what dates can say, so that a day more or less is still a day.
_YEARS = range(2000, 3000)
#: More than a year, so that a month can be compared with that of the year before.
_MOST_DAYS = 400
_DEFAULT_DAYS = 30
_NUMBER = re.compile(r"[1-9][0-9]{0,2}")


@routes.organization("GET", "/usage", Scope.READ)
def get_usage(call: Call) -> Response:
    """What was deducted for usage, by project, model or day."""
    query = call.query("group_by", "from", "to")
    ways = {way.value: way for way in GroupBy}
    wanted = query.get("group_by", GroupBy.DAY.value)
    refuse_unless(wanted in ways, "group_by", f"must be {', '.join(ways)}")
    first, last = _read_days(query, today=day_of(call.now))
    summary = call.services.usage_reporting.usage(
        call.organization_id, group_by=ways[wanted], first=first, last=last
    )
    return json_response(
        {
            "group_by": wanted,
            "from": format_instant(_start(first)),
            "to": format_instant(_start(last + _DAY)),
            "currency": "USD",
            "data": [
                {**_group_body(ways[wanted], name), **_sums_body(sums)}
                for name, sums in summary.groups
            ],
            "total": _sums_body(summary.total),
            "next_cursor": None,
        }
    )


@routes.organization("GET", "/balance-history", Scope.READ)
def get_balance_history(call: Call) -> Response:
    """How each of the last days ended, today's so far included, the earliest first."""
    days = call.query("days").get("days", str(_DEFAULT_DAYS))
    refuse_unless(
        _NUMBER.fullmatch(days) is not None and int(days) <= _MOST_DAYS,
        "days",
        f"must be a whole number from 1 to {_MOST_DAYS}",
    )
    today = day_of(call.now)
    first = today - timedelta(days=int(days) - 1)
    balances = call.services.usage_reporting.balances(call.organization_id, first=first, last=today)
    return json_response(
        {"currency": "USD", "data": [_balance_body(b) for b in balances], "next_cursor": None}
    )


def _read_days(query: Mapping[str, str], *, today: date) -> tuple[date, date]:
    """The first and the last day of a period: of a time within a day, that whole day is meant."""
    faults = Faults()
    until = _read_time(query, "to", faults=faults)
    since = _read_time(query, "from", faults=faults)
    faults.raise_any()
    # The last day is the one of the last moment before `to`.
    last = today if until is None else day_of(until - timedelta(microseconds=1))
    first = last - (_DEFAULT_DAYS - 1) * _DAY if since is None else day_of(since)
    refuse_unless(first <= last, "from", "must be before the end")
    return first, last


def _read_time(query: Mapping[str, str], name: str, *, faults: Faults) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        time_ = _start(date.fromisoformat(text)) if _A_DAY.fullmatch(text) else parse_instant(text)
    except ValueError:
        faults.add(name, "must be a day or a time in UTC: 2026-11-23 or 2026-11-23T10:00:00Z")
        return None
    if time_.year not in _YEARS:
        faults.add(name, f"must be in a year from {_YEARS[0]} to {_YEARS[-1]}")
        return None
    return time_


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _group_body(group_by: GroupBy, name: str) -> Body:
    """What the group is called, and what it is the group of."""
    if group_by is GroupBy.DAY:
        return {"group": name, "day": name}
    if group_by is GroupBy.PROJECT:
        return {"group": name, "project_id": None if name == NO_PROJECT else name}
    provider, _, model = name.partition(" ")
    if not model:
        return {"group": name, "provider": None, "model": None}
    return {"group": f"{provider}/{model}", "provider": provider, "model": model}


def _sums_body(sums: UsageSums) -> Body:
    return {
        "amount": format_usd(sums.amount_nanos),
        "calls": sums.calls,
        "entries": sums.entries,
        "units": {unit: sums.units[unit] for unit in sorted(sums.units)},
    }


def _balance_body(balance: DayBalance) -> Body:
    return {
        "day": balance.day.isoformat(),
        "available": format_usd(balance.available_nanos),
        "held": format_usd(balance.held_nanos),
        "spent": format_usd(balance.spent_nanos),
        "topped_up": format_usd(balance.topped_up_nanos),
        "other": format_usd(balance.other_nanos),
    }
