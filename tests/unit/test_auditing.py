"""An audit tells whether an account is what its entries make of it, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.errors import BusyError
from chalicelib.domain.holds import Hold
from chalicelib.domain.ledger import EntryKind
from chalicelib.domain.stored_account import ListedWrite
from chalicelib.domain.write import Committed, FloorChange, Write
from chalicelib.ports import Page
from chalicelib.usecases import auditing, sampling
from chalicelib.usecases.auditing import Auditing
from chalicelib.usecases.sampling import Sampling
from tests.fakes.accounts import FakeAccounts
from tests.fakes.metering import FakeHolds
from tests.fakes.outside import NoPause
from tests.fakes.repositories import FakeLedger, FakeTopUps
from tests.fakes.roll_ups import FakeHistory
from tests.fakes.store import Store
from tests.fakes.values import NOW, ORG, entry, usd

Meanwhile = Callable[[str], None]


class DisturbedHistory(FakeHistory):
    """A history during whose reading something happens; its last write is hidden for some looks."""

    def __init__(
        self, store: Store, *, meanwhile: Meanwhile = lambda _: None, hidden: int = 0
    ) -> None:
        super().__init__(store)
        self._meanwhile = meanwhile
        self._hidden = hidden

    def listed(
        self, organization_id: str, *, since: datetime | None = None, after: str | None = None
    ) -> Page[ListedWrite]:
        page = super().listed(organization_id, since=since, after=after)
        if page.after is None:
            self._meanwhile(organization_id)
            if self._hidden:
                self._hidden -= 1
                return replace(page, items=page.items[:-1])
        return page


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


def auditing_of(store: Store, *, history: FakeHistory | None = None) -> Auditing:
    return Auditing(
        accounts=FakeAccounts(store),
        history=history or FakeHistory(store),
        holds=FakeHolds(store),
        top_ups=FakeTopUps(store),
        pause=NoPause(),
    )


def sampling_of(
    store: Store, *, history: FakeHistory | None = None, accounts: FakeAccounts | None = None
) -> Sampling:
    known = accounts or FakeAccounts(store)
    auditing = replace(auditing_of(store, history=history), accounts=known)
    return Sampling(accounts=known, auditing=auditing)


def test_an_account_that_is_what_its_entries_make_of_it_matches() -> None:
    store = Store()
    for days in (40, 2, 0):
        spend(store, "5.00", "-1.00", at=NOW - timedelta(days=days))
    compared = auditing_of(store).check(ORG)
    assert compared.in_line
    assert compared.faults == ()
    assert compared.stored is not None
    assert compared.stored.available_nanos == compared.expected.available_nanos == usd("12.00")
    assert (compared.expected.writes, compared.entries) == (3, 6)


def test_an_organization_never_heard_of_matches() -> None:
    assert auditing_of(Store()).check("nobody").in_line


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("available", ("available", "headroom")),
        ("held", ("held",)),
        ("headroom", ("headroom",)),
        # Whether the account counted one too many or the ledger lost one, nobody can tell.
        ("writes", ("writes", "entries")),
    ],
)
def test_what_was_changed_beside_the_ledger_is_found(name: str, faults: tuple[str, ...]) -> None:
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
    assert auditing_of(store).check(ORG).faults == faults


def test_a_threshold_that_nobody_ordered_is_found() -> None:
    store = Store()
    spend(store, "5.00")
    floor = FloorChange(from_nanos=0, to_nanos=usd("3.00"), tops_up=True)
    FakeLedger(store).commit(Write(organization_id=ORG, at=NOW, floor=floor))
    assert auditing_of(store).check(ORG).faults == ("headroom", "floor", "tops_up")


def test_an_open_hold_for_which_nothing_is_held_is_found() -> None:
    store = Store()
    spend(store, "5.00")
    hold = Hold.new(id="hold_1", organization_id=ORG, amount_nanos=5, at=NOW, seconds=60)
    assert (
        FakeLedger(store).commit(Write(organization_id=ORG, at=NOW, saves=(hold,))) == Committed()
    )
    compared = auditing_of(store).check(ORG)
    assert (compared.faults, compared.in_line) == (("holds",), False)


def test_an_entry_that_is_gone_is_found() -> None:
    store = Store()
    spend(store, "5.00", "-1.00", at=NOW - timedelta(days=9))
    (gone,) = (key for key, kept in store.entries.items() if kept.amount_nanos < 0)
    del store.entries[gone]
    compared = auditing_of(store).check(ORG)
    assert compared.faults == ("available", "headroom", "entries")
    assert compared.missing == (gone[1],)


def test_what_is_written_meanwhile_is_no_mismatch() -> None:
    store = Store()
    spend(store, "100.00")
    left = [5]

    def spend_five_times(_: str) -> None:
        if left[0]:
            left[0] -= 1
            spend(store, "-1.00")

    history = DisturbedHistory(store, meanwhile=spend_five_times)
    compared = auditing_of(store, history=history).check(ORG)
    assert compared.in_line
    assert compared.expected.available_nanos == usd("95.00")


def test_what_is_written_while_a_long_history_is_listed_is_listed_with_it() -> None:
    store = Store()
    for _ in range(40):
        spend(store, "1.00")
    passes: list[str] = []

    class Long(FakeHistory):
        def listed(self, organization_id, *, since=None, after=None):  # type: ignore[no-untyped-def]
            page = super().listed(organization_id, since=since, after=after)
            passes.extend([] if after else ["from the beginning"])
            if page.after is not None and len(store.writes) < 60:
                spend(store, "-0.01")
            return page

    compared = auditing_of(store, history=Long(store)).check(ORG)
    assert compared.in_line
    assert compared.entries > 40
    assert len(passes) == 1, "it need not begin anew"


def test_an_index_that_is_behind_is_no_mismatch() -> None:
    store = Store()
    spend(store, "100.00")
    history = DisturbedHistory(store, hidden=7)
    assert auditing_of(store, history=history).check(ORG).in_line


def test_an_account_that_never_rests_is_not_judged() -> None:
    store = Store()
    spend(store, "100.00")
    history = DisturbedHistory(store, meanwhile=lambda _: spend(store, "-0.01"))
    with pytest.raises(BusyError):
        auditing_of(store, history=history).check(ORG)


class CountedHistory(DisturbedHistory):
    """A history that counts how often it was read from some place on, and where each began."""

    def __init__(self, store: Store, **how: Any) -> None:
        super().__init__(store, **how)
        self.begun: list[str | None] = []

    def listed(
        self, organization_id: str, *, since: datetime | None = None, after: str | None = None
    ) -> Page[ListedWrite]:
        if not after:
            self.begun.append(after)
        return super().listed(organization_id, since=since, after=after)


@pytest.mark.parametrize("amounts", [[], ["1.00"]], ids=["never heard of", "with a history"])
def test_what_agrees_is_looked_at_once(amounts: list[str]) -> None:
    store = Store()
    for amount in amounts:
        spend(store, amount)
    history = CountedHistory(store)
    assert auditing_of(store, history=history).check(ORG).in_line
    assert history.begun == [None], "from its beginning"


def test_what_differs_is_looked_at_until_it_is_sure_and_no_longer() -> None:
    store = Store()
    spend(store, "1.00")
    store.writes.clear()
    history = CountedHistory(store)
    assert not auditing_of(store, history=history).check(ORG).in_line
    assert len(history.begun) == auditing._SAME_SIGHTS


def test_nobody_is_accused_by_what_was_summed_long_before() -> None:
    store = Store()
    spend(store, "1.00", at=NOW - timedelta(days=1))
    spend(store, "1.00")
    store.accounts[ORG].writes += 1
    history = CountedHistory(store)
    assert not auditing_of(store, history=history).check(ORG).in_line
    # Once more from the beginning, since only the young part was read again until then.
    assert len(history.begun) == auditing._SAME_SIGHTS + 1


def test_what_an_index_shows_late_is_found_among_what_is_young() -> None:
    store = Store()
    spend(store, "100.00", at=NOW - timedelta(minutes=1))
    spend(store, "-1.00")
    history = CountedHistory(store, hidden=1)
    assert auditing_of(store, history=history).check(ORG).in_line
    assert len(history.begun) == 2


def test_a_hold_that_is_placed_while_holds_are_read_is_no_mismatch() -> None:
    store = Store()
    spend(store, "5.00")

    class Placing(FakeHolds):
        def open(self, organization_id: str) -> Sequence[Hold]:
            if len(store.writes) == 1:
                hold = Hold.new(id="hold_1", organization_id=ORG, amount_nanos=5, at=NOW, seconds=9)
                placed = entry("hold#1", "0.00", held="0.000000005", kind=EntryKind.HOLD)
                write = Write(organization_id=ORG, at=NOW, entries=(placed,), saves=(hold,))
                assert FakeLedger(store).commit(write) == Committed()
            return super().open(organization_id)

    found = replace(auditing_of(store), holds=Placing(store)).check(ORG)
    assert found.in_line
    assert found.open_holds_nanos == 5


def test_a_small_installation_is_checked_whole_by_every_run() -> None:
    store = Store()
    for n in range(300):
        spend(store, "5.00", org=f"org-{n}")
    store.accounts["org-7"].account = store.accounts["org-7"].account.plus(1)
    sample = sampling_of(store).sample(now=NOW)
    assert sample.complete
    assert sample.checked == 300
    assert [compared.organization_id for compared in sample.mismatches] == ["org-7"]


def test_every_account_of_a_large_installation_has_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sampling, "_MOST_WRITES", 40 * (sampling._WRITES_PER_ACCOUNT + 1))
    store = Store()
    everybody = {f"org-{n}" for n in range(400)}
    for org in everybody:
        spend(store, "5.00", org=org)
    seen: set[str] = set()

    class Noted(FakeAccounts):
        def stored(self, organization_id: str):  # type: ignore[no-untyped-def]
            seen.add(organization_id)
            return super().stored(organization_id)

    for run in range(20):
        at = NOW + run * timedelta(hours=6)
        sample = sampling_of(store, accounts=Noted(store)).sample(now=at)
        assert not sample.complete
        assert sample.checked == 40
    # A tenth each: twice ten runs leave nobody out.
    assert seen == everybody


def test_what_can_not_be_checked_is_named_and_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sampling, "_LONGEST_HISTORY", 3)
    store = Store()
    for org in ("broken", "busy", "long", "well", "well, and just not too long"):
        spend(store, "5.00", org=org)
    for _ in range(3):
        spend(store, "-1.00", org="long")
    for _ in range(2):
        spend(store, "-1.00", org="well, and just not too long")

    def happen(org: str) -> None:
        if org == "broken":
            raise LookupError("no such row")
        if org == "busy":
            spend(store, "-0.01", org="busy")

    history = CountedHistory(store, meanwhile=happen)
    sample = sampling_of(store, history=history).sample(now=NOW)
    assert sample.too_long == ["long"]
    assert sample.unsettled == ["busy"]
    assert [subject for subject, _ in sample.failures] == ["broken"]
    assert (sample.checked, sample.mismatches) == (2, [])
    looks = {"broken": 1, "busy": sampling._ATTEMPTS, "well": 1, "well, and just not too long": 1}
    assert len(history.begun) == sum(looks.values())


@pytest.mark.parametrize(("left", "checked"), [(1, 1), (20, 1), (21, 2), (40, 2), (41, 3)])
def test_a_run_ends_when_it_has_read_what_it_may(
    left: int, checked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "_MOST_WRITES", left)
    store = Store()
    for name in ("a", "b", "c"):
        spend(store, "5.00", org=name)

    class Unknown(FakeAccounts):
        def stored(self, organization_id: str) -> None:
            """No account: what it costs is only its own reads."""

    known = Unknown(store)
    sample = replace(sampling_of(store), accounts=known).sample(now=NOW)
    assert sample.checked == checked
    assert sample.complete is (checked == 3)
