"""The UsageDays and History ports: whole writes found, and each added to its day once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest

from chalicelib.adapters.dynamodb.usage_days import GROUPS_IN_ROW, UsageDayModel
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.number_ranges import NumberRanges
from chalicelib.domain.usage_day import NO_PROJECT, AccountChange, HistoryWrite, UsageDay
from chalicelib.domain.usage_sums import UsageSums
from chalicelib.domain.write import Committed, Write
from tests.contract.databases import Database
from tests.fakes.values import NOW, entry
from tests.unit.usage_examples import model_line, usage_entry

DAY = timedelta(days=1)
TODAY = NOW.date()


def write(number: int, *entries: Entry, org: str = "acme", available: int = 0) -> HistoryWrite:
    change = AccountChange(
        organization_id=org,
        number=number,
        first_key=entries[0].key,
        available_nanos=available,
        held_nanos=number,
    )
    return HistoryWrite(change=change, entries=entries)


def use(project_id: str | None = None, model: str = "large", nanos: int = 10) -> Entry:
    line = model_line(model, input_tokens=(3, nanos), output_tokens=(0, 0))
    return usage_entry(line, project_id=project_id, at=NOW)


def only_day(database: Database, org: str) -> UsageDay:
    (day,) = database.usage_days.days(org, first=TODAY, last=TODAY)
    return day


def test_a_write_is_found_by_the_key_of_its_first_entry(database: Database, org: str) -> None:
    entries = [entry(key, "-1.00", organization_id=org) for key in ("a", "b", "c", "d")]
    refusal = entry("r", "0.00", organization_id=org, kind=EntryKind.REFUSAL)
    for together in (entries[:3], entries[3:], [refusal]):
        made = Write(organization_id=org, at=NOW, entries=tuple(together))
        assert database.ledger.commit(made) == Committed()
    assert database.history.writes(org, ["d", "a"]) == [tuple(entries[3:]), tuple(entries[:3])]
    assert database.history.writes(org, []) == []


def test_a_write_of_a_hundred_entries_is_found_whole(database: Database, org: str) -> None:
    entries = tuple(entry(f"e{n}", "-1.00", organization_id=org) for n in range(99))
    database.ledger.commit(Write(organization_id=org, at=NOW, entries=entries))
    assert database.history.writes(org, ["e0"]) == [entries]


def test_the_writes_of_a_time_are_counted(database: Database, org: str) -> None:
    for minute in range(4):
        at = NOW + timedelta(minutes=minute)
        entries = tuple(
            entry(f"{minute}-{n}", "-1.00", organization_id=org, at=at) for n in range(3)
        )
        database.ledger.commit(Write(organization_id=org, at=at, entries=entries))
    since, until = NOW + timedelta(minutes=1), NOW + timedelta(minutes=3)
    assert database.history.count(org, since=since, until=until) == 2
    assert database.history.count(f"{org}-2", since=since, until=until) == 0


def test_a_day_is_replaced_by_its_next_version_alone(database: Database, org: str) -> None:
    crowd = [use(f"p{n}") for n in range(2 * GROUPS_IN_ROW)]
    database.usage_days.add(org, TODAY, [write(1, *crowd, org=org)])
    day = only_day(database, org)
    empty = UsageDay(organization_id=org, day=TODAY, closed=True, version=day.version + 1)
    anew = empty.with_entries(crowd[3:])
    assert not database.usage_days.replace(day)
    assert not database.usage_days.replace(replace(anew, version=9))
    assert database.usage_days.replace(anew)
    assert only_day(database, org) == anew
    assert database.usage_days.add(org, TODAY, [write(2, *crowd[:3], org=org)]) == anew
    assert only_day(database, org) == anew, "a closed day takes no more"


def test_a_write_that_was_never_made_is_not_found(database: Database, org: str) -> None:
    with pytest.raises(LookupError):
        database.history.writes(org, ["nothing"])


def test_a_day_comes_back_as_it_was_added_up(database: Database, org: str) -> None:
    writes = [
        write(1, entry("credit", "5.00", kind=EntryKind.PURCHASE), org=org),
        write(2, use("search"), use(None, "small", nanos=10**18), org=org, available=-7),
        write(4, entry("held", "0.00", held="2.00", kind=EntryKind.HOLD), org=org, available=9),
    ]
    added = database.usage_days.add(org, TODAY, writes)
    expected = UsageDay(organization_id=org, day=TODAY, version=1)
    assert (
        added
        == only_day(database, org)
        == UsageDay(
            organization_id=org,
            day=TODAY,
            applied=NumberRanges(((1, 2), (4, 4))),
            spent=UsageSums(
                amount_nanos=10**18 + 10, calls=2, entries=2, units={"input_tokens": 6}
            ),
            topped_up_nanos=5 * 10**9,
            held_nanos=2 * 10**9,
            available_after_nanos=9,
            held_after_nanos=4,
            projects={
                "search": UsageSums(amount_nanos=10, calls=1, entries=1, units={"input_tokens": 3}),
                NO_PROJECT: UsageSums(
                    amount_nanos=10**18, calls=1, entries=1, units={"input_tokens": 3}
                ),
            },
            models={
                "lab large": UsageSums(
                    amount_nanos=10, calls=1, entries=1, units={"input_tokens": 3}
                ),
                "lab small": UsageSums(
                    amount_nanos=10**18, calls=1, entries=1, units={"input_tokens": 3}
                ),
            },
            version=expected.version,
        )
    )


def test_adding_again_changes_nothing_not_even_the_version(database: Database, org: str) -> None:
    writes = [write(1, use(), org=org), write(2, use(), org=org)]
    database.usage_days.add(org, TODAY, writes)
    before = only_day(database, org)
    assert database.usage_days.add(org, TODAY, writes[:1]) == before
    assert database.usage_days.add(org, TODAY, writes) == before
    assert only_day(database, org) == before


def test_the_days_of_a_period_come_in_order_and_of_one_organization(
    database: Database, org: str
) -> None:
    for number, days_ago in enumerate((0, 3, 1, 2), start=1):
        taken = entry(f"u{number}", "-1.00", kind=EntryKind.USAGE, at=NOW - days_ago * DAY)
        database.usage_days.add(org, TODAY - days_ago * DAY, [write(number, taken, org=org)])
        database.usage_days.add(f"{org}-2", TODAY - days_ago * DAY, [write(number, taken)])
    found = database.usage_days.days(org, first=TODAY - 2 * DAY, last=TODAY - DAY)
    assert [day.day for day in found] == [TODAY - 2 * DAY, TODAY - DAY]
    assert {day.organization_id for day in found} == {org}


def test_the_latest_day_before_another_is_found(database: Database, org: str) -> None:
    assert database.usage_days.before(org, TODAY) is None
    for number, day in enumerate((TODAY - 40 * DAY, TODAY - 9 * DAY, TODAY), start=1):
        database.usage_days.add(org, day, [write(number, use(), org=org)])
    assert _day_of(database.usage_days.before(org, TODAY)) == TODAY - 9 * DAY
    assert _day_of(database.usage_days.before(org, TODAY - 9 * DAY)) == TODAY - 40 * DAY
    assert database.usage_days.before(org, TODAY - 40 * DAY) is None


def test_a_day_may_have_any_number_of_projects(database: Database, org: str) -> None:
    names = [f"project-{n}" for n in range(3 * GROUPS_IN_ROW)]
    for number, names_of_write in enumerate((names[:50], names, names[100:], names), start=1):
        uses = [use(name, f"model-{n % 70}") for n, name in enumerate(names_of_write)]
        database.usage_days.add(org, TODAY, [write(number, *uses, org=org)])
    day = only_day(database, org)
    amounts = {name: sums.amount_nanos for name, sums in day.projects.items()}
    assert amounts == {name: 10 * (2 + (n < 50) + (n >= 100)) for n, name in enumerate(names)}
    assert sum(sums.amount_nanos for sums in day.models.values()) == day.spent.amount_nanos
    assert day.spent.amount_nanos == sum(amounts.values())


def test_many_writes_of_many_projects_at_once_find_room_beside_the_day(
    database: Database, org: str
) -> None:
    writes = [
        write(number, *(use(f"p-{number}-{n}") for n in range(40)), org=org)
        for number in range(1, 16)
    ]
    database.usage_days.add(org, TODAY, writes)
    database.usage_days.add(org, TODAY, writes)
    day = only_day(database, org)
    assert len(day.projects) == 600
    assert day.projects["p-7-7"].entries == 1
    assert day.applied == NumberRanges(((1, 15),))


def test_rivals_add_each_write_once(database: Database, org: str) -> None:
    writes = [write(number, use(f"p{number % 90}"), org=org) for number in range(1, 121)]
    batches = [writes[start : start + 24] for start in range(0, 120, 8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda batch: database.usage_days.add(org, TODAY, batch), batches):
            pass
    day = only_day(database, org)
    assert day.applied == NumberRanges(((1, 120),))
    assert day.spent == UsageSums(
        amount_nanos=1_200, calls=120, entries=120, units={"input_tokens": 360}
    )
    assert sum(sums.amount_nanos for sums in day.projects.values()) == 1_200


def test_a_row_stays_small_however_many_groups_a_day_has(tables: Database, org: str) -> None:
    for number in range(1, 8):
        uses = [use(f"project-with-a-long-name-{number}-{n}") for n in range(50)]
        tables.usage_days.add(org, TODAY, [write(number, *uses, org=org)])
    row = UsageDayModel.get(org, TODAY.isoformat(), consistent_read=True)
    assert len(row.data["p"]) + len(row.data["m"]) <= GROUPS_IN_ROW  # type: ignore[arg-type]
    assert len(only_day(tables, org).projects) == 350


def _day_of(found: UsageDay | None) -> date:
    assert found is not None
    return found.day
