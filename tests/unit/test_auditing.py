"""An audit tells whether an account is what its entries make of it, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chalicelib.domain.audit import Balance, LedgerSums
from chalicelib.domain.errors import BusyError
from chalicelib.domain.ledger import EntryKind
from chalicelib.domain.write import Committed, FloorChange, Write
from chalicelib.usecases import auditing
from chalicelib.usecases.auditing import Auditing
from tests.fakes.audits import FakeAudits
from tests.fakes.outside import NoPause
from tests.fakes.repositories import FakeLedger
from tests.fakes.store import Store
from tests.fakes.values import NOW, ORG, entry, usd

Meanwhile = Callable[[], None]


class DisturbedAudits(FakeAudits):
    """Audits during whose sums something happens; `hidden` writes don't show in the index yet."""

    def __init__(self, store: Store, *, meanwhile: Meanwhile = lambda: None) -> None:
        super().__init__(store)
        self.meanwhile = meanwhile
        self.hidden = 0

    def sums(
        self,
        organization_id: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> LedgerSums:
        found = super().sums(organization_id, since=since, until=until)
        self.meanwhile()
        if self.hidden and until is None:
            self.hidden -= 1
            return replace(found, writes=found.writes - 1)
        return found


def spend(store: Store, *amounts: str, at: datetime = NOW, org: str = ORG) -> None:
    """One write of so many entries."""
    serial = len(store.entries)
    made = Write(
        organization_id=org,
        at=at,
        entries=tuple(
            entry(f"{serial}-{n}", amount, organization_id=org, at=at, kind=EntryKind.USAGE)
            for n, amount in enumerate(amounts)
        ),
    )
    assert FakeLedger(store).commit(made) == Committed()


def auditing_of(store: Store) -> Auditing:
    return Auditing(audits=FakeAudits(store), pause=NoPause())


def test_an_account_that_is_what_its_entries_make_of_it_matches() -> None:
    store = Store()
    for days in (40, 2, 0):
        spend(store, "5.00", "-1.00", at=NOW - timedelta(days=days))
    floor = FloorChange(from_nanos=0, to_nanos=usd("3.00"), tops_up=True)
    FakeLedger(store).commit(Write(organization_id=ORG, at=NOW, floor=floor))
    audit = auditing_of(store).check(ORG, now=NOW)
    assert audit.matches
    assert audit.account.available_nanos == audit.entries.available_nanos == usd("12.00")
    assert (audit.entries.writes, audit.entries.entries) == (3, 6)


def test_an_organization_never_heard_of_matches() -> None:
    assert auditing_of(Store()).check("nobody", now=NOW).matches


@pytest.mark.parametrize("name", ["available", "held", "headroom", "writes"])
def test_what_was_changed_beside_the_ledger_is_found(name: str) -> None:
    store = Store()
    spend(store, "5.00")
    row = store.accounts[ORG]
    match name:
        case "available":
            # As somebody does who adds a dollar by hand, and keeps the headroom right.
            row.account = row.account.plus(usd("1.00"))
            row.headroom_nanos += usd("1.00")
        case "held":
            row.account = replace(row.account, held_nanos=1)
        case "headroom":
            row.headroom_nanos += 1
        case "writes":
            row.writes += 1
    assert auditing_of(store).check(ORG, now=NOW).faults == (name,)


def test_an_entry_that_is_gone_is_found() -> None:
    store = Store()
    spend(store, "5.00", "-1.00", at=NOW - timedelta(days=9))
    (gone,) = (key for key, kept in store.entries.items() if kept.amount_nanos < 0)
    del store.entries[gone]
    audit = auditing_of(store).check(ORG, now=NOW)
    assert audit.faults == ("available", "writes")
    assert audit.entries.missing == 1


def test_what_is_written_meanwhile_is_no_mismatch() -> None:
    store = Store()
    spend(store, "100.00")
    left = [5]

    def spend_five_times() -> None:
        if left[0]:
            left[0] -= 1
            spend(store, "-1.00")

    audits = DisturbedAudits(store, meanwhile=spend_five_times)
    audit = Auditing(audits=audits, pause=NoPause()).check(ORG, now=NOW)
    assert audit.matches
    assert audit.account.available_nanos == usd("95.00")


def test_an_index_that_is_behind_is_no_mismatch() -> None:
    store = Store()
    spend(store, "100.00")
    audits = DisturbedAudits(store)
    audits.hidden = 4
    assert Auditing(audits=audits, pause=NoPause()).check(ORG, now=NOW).matches


def test_an_account_that_never_rests_is_not_judged() -> None:
    store = Store()
    spend(store, "100.00")
    audits = DisturbedAudits(store, meanwhile=lambda: spend(store, "-0.01"))
    with pytest.raises(BusyError):
        Auditing(audits=audits, pause=NoPause()).check(ORG, now=NOW)


def test_a_small_installation_is_checked_whole_by_every_run() -> None:
    store = Store()
    for n in range(300):
        spend(store, "5.00", org=f"org-{n}")
    store.accounts["org-7"].account = store.accounts["org-7"].account.plus(1)
    sample = auditing_of(store).sample(now=NOW)
    assert sample.complete
    assert sample.checked == 300
    assert [audit.account.organization_id for audit in sample.mismatches] == ["org-7"]


def test_every_account_of_a_large_installation_has_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auditing, "_MOST_WRITES", 40 * (auditing._WRITES_PER_ACCOUNT + 1))
    store = Store()
    everybody = {f"org-{n}" for n in range(400)}
    for org in everybody:
        spend(store, "5.00", org=org)
    seen: set[str] = set()

    class Noted(FakeAudits):
        def balance(self, organization_id: str) -> Balance:
            seen.add(organization_id)
            return super().balance(organization_id)

    for run in range(20):
        at = NOW + run * timedelta(hours=6)
        sample = Auditing(audits=Noted(store), pause=NoPause()).sample(now=at)
        assert not sample.complete
        assert sample.checked == 40
    # A tenth each: twice ten runs leave nobody out.
    assert seen == everybody


def test_what_can_not_be_checked_is_named_and_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auditing, "_LONGEST_HISTORY", 3)
    store = Store()
    for org in ("broken", "busy", "long", "well"):
        spend(store, "5.00", org=org)
    for _ in range(3):
        spend(store, "-1.00", org="long")

    class Uneven(FakeAudits):
        def sums(
            self,
            organization_id: str,
            *,
            since: datetime | None = None,
            until: datetime | None = None,
        ) -> LedgerSums:
            if organization_id == "broken":
                raise LookupError("no such row")
            found = super().sums(organization_id, since=since, until=until)
            if organization_id == "busy":
                spend(store, "-0.01", org="busy")
            return found

    sample = Auditing(audits=Uneven(store), pause=NoPause()).sample(now=NOW)
    assert sample.too_long == ["long"]
    assert sample.unsettled == ["busy"]
    assert [subject for subject, _ in sample.failures] == ["broken"]
    assert (sample.checked, sample.mismatches) == (1, [])
