"""The Audits port: balances, the sums of a history's parts, and every organization once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from threading import Event

from chalicelib.adapters.dynamodb.models import EntryModel
from chalicelib.adapters.pause import JitteredPause
from chalicelib.domain.audit import Balance, LedgerSums
from chalicelib.domain.errors import BusyError
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.domain.write import Committed, FloorChange, Write
from chalicelib.usecases.auditing import Auditing
from tests.contract.databases import Database
from tests.fakes.values import NOW, entry, usd

MINUTE = timedelta(minutes=1)


def commit(database: Database, org: str, *entries: Entry) -> None:
    made = Write(organization_id=org, at=NOW, entries=entries)
    assert database.ledger.commit(made) == Committed()


def test_a_balance_is_the_account_as_it_is_stored(database: Database, org: str) -> None:
    assert database.audits.balance(org) == Balance(organization_id=org)
    commit(database, org, entry("a", "5.00", organization_id=org))
    floor = FloorChange(from_nanos=0, to_nanos=usd("2.00"), tops_up=True)
    database.ledger.commit(Write(organization_id=org, at=NOW, floor=floor))
    hold = entry("h", "0.00", organization_id=org, held="1.00", kind=EntryKind.HOLD)
    commit(database, org, hold)
    assert database.audits.balance(org) == Balance(
        organization_id=org,
        available_nanos=usd("4.00"),
        held_nanos=usd("1.00"),
        headroom_nanos=usd("2.00"),
        floor_nanos=usd("2.00"),
        writes=2,
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
    assert database.audits.sums(org) == LedgerSums(
        available_nanos=usd("2.97"), held_nanos=0, writes=3, entries=297
    )


def test_the_parts_of_a_history_make_the_whole(database: Database, org: str) -> None:
    for minute in range(4):
        at = NOW + minute * MINUTE
        commit(database, org, entry(f"{minute}", "1.00", organization_id=org, at=at))
    middle = NOW + 2 * MINUTE
    before = database.audits.sums(org, until=middle)
    after = database.audits.sums(org, since=middle)
    assert (before.writes, after.writes) == (2, 2)
    assert before + after == database.audits.sums(org)


def test_entries_that_are_gone_are_counted(tables: Database, org: str) -> None:
    commit(tables, org, *(entry(f"e{n}", "1.00", organization_id=org) for n in range(3)))
    EntryModel.get(f"{org}#e2").delete()
    sums = tables.audits.sums(org)
    assert (sums.available_nanos, sums.entries, sums.missing) == (usd("2.00"), 2, 1)


def test_every_organization_is_in_one_part(database: Database, org: str) -> None:
    mine = [f"{org}-{n}" for n in range(30)]
    for name in mine:
        commit(database, name, entry("a", "1.00", organization_id=name))
    assert database.audits.about_how_many() >= len(mine)
    parts = [list(database.audits.organizations(part=n, parts=4)) for n in range(4)]
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

    auditing = Auditing(audits=tables.audits, pause=JitteredPause())
    with ThreadPoolExecutor(4) as threads:
        spenders = [threads.submit(spend) for _ in range(4)]
        try:
            faults: list[str] = []
            settled = 0
            for _ in range(10):
                try:
                    audit = auditing.check(org, now=NOW + 3 * MINUTE)
                except BusyError:
                    continue
                settled += 1
                faults += audit.faults
        finally:
            audited.set()
        for spender in spenders:
            spender.result()
    assert not faults
    assert settled, "no audit found the account at rest"
    assert auditing.check(org, now=NOW + 3 * MINUTE).entries.writes == next(serial) + 1
