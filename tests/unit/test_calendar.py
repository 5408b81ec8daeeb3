"""Days, months and years are those of UTC, whatever the clocks on the wall of a machine say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from chalicelib.domain import topup, traces, usage_day
from chalicelib.domain.instant import format_instant
from chalicelib.domain.numbering import invoice_year
from chalicelib.domain.purchase_day import day_of

TOKYO = timezone(timedelta(hours=9))
#: Another year in Tokyo already, and in New York still.
NEW_YEAR = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)


@pytest.fixture(params=["Asia/Tokyo", "America/New_York"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A machine whose own clock is in that zone."""
    with monkeypatch.context() as environment:
        environment.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("passed", [timedelta(0), timedelta(minutes=29, seconds=59)])
@pytest.mark.parametrize(
    ("part_of", "last", "first"),
    [
        (topup.month_of, "2026-12", "2027-01"),
        (traces.month_of, "2026-12", "2027-01"),
        (day_of, "2026-12-31", "2027-01-01"),
        (invoice_year, 2026, 2027),
        (topup.next_month, datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)),
    ],
)
def test_a_time_belongs_to_its_day_month_and_year_in_utc(
    part_of: Callable[[datetime], object], last: object, first: object, passed: timedelta
) -> None:
    at = NEW_YEAR + passed
    assert part_of(at) == part_of(at.astimezone(TOKYO)) == last
    at += timedelta(minutes=30)
    assert part_of(at) == part_of(at.astimezone(TOKYO)) == first


@pytest.mark.usefixtures("machine")
def test_a_time_is_written_and_its_usage_counted_in_utc() -> None:
    assert format_instant(NEW_YEAR.astimezone(TOKYO)) == "2026-12-31T23:30:00Z"
    assert usage_day.day_of(NEW_YEAR.astimezone(TOKYO)) == date(2026, 12, 31)
