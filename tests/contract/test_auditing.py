"""What auditing asks of the database: whole writes, however large, and every organization once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from threading import Event

from chalicelib.adapters.dynamodb.models import EntryModel
from chalicelib.adapters.pause import JitteredPause
from chalicelib.domain.errors import BusyError
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.stored_account import HistorySums
from chalicelib.domain.write import Committed, Write
from chalicelib.usecases.auditing import Auditing
from tests.contract.databases import Database
from tests.fakes.outside import NoPause
from tests.fakes.values import NOW, entry, usd

MINUTE = timedelta(minutes=1)


def commit(database: Database, org: str, *entries: Entry) -> None:
    made = Write(organization_id=org, at=NOW, entries=entries)
    assert database.ledger.commit(made) == Committed()


def auditing_of(database: Database, *, pauses: bool = False) -> Auditing:
    return Auditing(
        accounts=database.accounts,
        history=database.history,
        holds=database.holds,
        top_ups=database.top_ups,
        pause=JitteredPause() if pauses else NoPause(),
    )


def test_writes_are_summed_whole_however_many_entries_they_have(
    database: Database, org: str
) -> None:
    for first in (0, 99, 198):
        many = [entry(f"e{first + n}", "0.01", organization_id=org) for n in range(99)]
        commit(database, org, *many)
    commit(database, org, entry("r", "0.00", organization_id=org, kind=EntryKind.REFUSAL))
    other = f"{org}-other"
    commit(database, other, entry("e0", "7.00", organization_id=other))
    compared = auditing_of(database).check(org)
    assert compared.in_line
    assert compared.expected.available_nanos == usd("2.97")
    assert (compared.expected.writes, compared.entries) == (3, 297)


def test_the_parts_of_a_history_make_the_whole(database: Database, org: str) -> None:
    for minute in range(4):
        at = NOW + minute * MINUTE
        commit(database, org, entry(f"{minute}", "1.00", organization_id=org, at=at))
    listed = database.history.listed(org).items
    late = database.history.listed(org, since=NOW + 2 * MINUTE).items
    assert late == listed[2:]
    assert HistorySums().plus(listed[:2]).plus(late) == HistorySums().plus(listed)


def test_entries_that_are_gone_are_named(tables: Database, org: str) -> None:
    commit(tables, org, *(entry(f"e{n}", "1.00", organization_id=org) for n in range(3)))
    EntryModel.get(f"{org}#e2").delete()
    compared = auditing_of(tables).check(org)
    assert compared.expected.available_nanos == usd("2.00")
    assert (compared.entries, compared.missing) == (2, ("e2",))
    assert compared.faults == ("available", "headroom", "entries")


def test_every_organization_is_in_one_part(database: Database, org: str) -> None:
    mine = [f"{org}-{n}" for n in range(30)]
    for name in mine:
        commit(database, name, entry("a", "1.00", organization_id=name))
    assert database.accounts.about_how_many() >= len(mine)
    parts = [list(database.accounts.in_part(n, of=4)) for n in range(4)]
    found = [name for part in parts for name in part if name in mine]
    assert sorted(found) == sorted(mine)
    assert all(set(part) & set(mine) for part in parts)


def test_an_audit_accuses_nobody_while_four_threads_spend(tables: Database, org: str) -> None:
    commit(tables, org, entry("first", "100.00", organization_id=org))
    serial = count()
    audited = Event()

    def spend() -> None:
        while not audited.wait(0.05):
            key = f"spent-{next(serial)}"
            commit(tables, org, entry(key, "-0.01", organization_id=org, at=NOW + 2 * MINUTE))

    auditing = auditing_of(tables, pauses=True)
    with ThreadPoolExecutor(4) as threads:
        spenders = [threads.submit(spend) for _ in range(4)]
        try:
            faults: list[str] = []
            settled = 0
            for _ in range(10):
                try:
                    compared = auditing.check(org)
                except BusyError:
                    continue
                settled += 1
                faults += compared.faults
        finally:
            audited.set()
        for spender in spenders:
            spender.result()
    assert not faults
    assert settled, "no audit found the account at rest"
    assert auditing.check(org).expected.writes == next(serial) + 1
