"""Usage reports: each once, from holds and from available, with the month's traces counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from chalicelib.domain.errors import BusyError, InsufficientCreditsError
from chalicelib.domain.holds import HoldStatus
from chalicelib.domain.ledger import Entry, EntryKind
from chalicelib.usecases.metering import ReportResult
from tests.fakes.laws import assert_laws
from tests.fakes.ports import wire
from tests.fakes.steps import Steps
from tests.fakes.values import usd
from tests.support.metering import Gateway, amount, traces

APPLIED, REPEATED, CONFLICT = ReportResult.APPLIED, ReportResult.REPEATED, ReportResult.CONFLICT
OCTOBER = datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def gateway() -> Gateway:
    gateway = Gateway()
    gateway.fund("10.00")
    return gateway


def billable(gateway: Gateway, report_id: str) -> tuple[int, int]:
    """How many traces of a report were beyond the allowance, and what they cost, in nanos."""
    entry = gateway.entry(f"report#{report_id}")
    _, count, nanos, _ = cast("list[int]", entry.details["t"])
    assert -entry.amount_nanos == nanos
    return count, nanos


class Racing:
    """A port before whose first answers are acted upon, rivals act."""

    def __init__(self, port: Any, method: str, *rivals: Callable[[], object]) -> None:
        self._port = port
        self._method = method
        self._rivals = list(rivals)

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._port, name)
        if name != self._method:
            return function

        def call(*args: Any, **kwargs: Any) -> Any:
            answer = function(*args, **kwargs)
            if self._rivals:
                self._rivals.pop(0)()
            return answer

        return call


def race(gateway: Gateway, *rivals: Callable[[], object], **port: str) -> None:
    """Let rivals act right after the named port's method has answered the gateway's process."""
    [(name, method)] = port.items()
    ports = gateway.world.ports
    raced: Any = {name: Racing(getattr(ports, name), method, *rivals)}
    gateway.world.app = wire(replace(ports, **raced))


def test_a_batch_is_one_write_and_no_read_unless_it_has_holds_or_traces(gateway: Gateway) -> None:
    steps = Steps()
    gateway.world.app = gateway.world.process(steps)
    gateway.send(*(gateway.report(f"r{n}", amount("0.01")) for n in range(10)))
    assert steps.calls == ["ledger.commit"]


def test_holds_and_counts_are_read_once_each_however_many_reports_need_them(
    gateway: Gateway,
) -> None:
    hold = gateway.place("4.00")
    steps = Steps()
    gateway.world.app = gateway.world.process(steps)
    gateway.send(
        *(gateway.report(f"r{n}", amount("0.01"), traces(1), hold_id=hold.id) for n in range(10))
    )
    assert steps.calls == ["holds.get", "trace_counts.get", "ledger.commit"]


def test_a_repeated_report_is_taken_once_in_its_batch_and_for_ever(gateway: Gateway) -> None:
    report = gateway.report("a", amount("1.00"))
    assert gateway.send(report, report) == [APPLIED, REPEATED]
    gateway.world.advance(days=60)
    other = gateway.report("b", amount("1.00"))
    assert gateway.send(report, other, report) == [REPEATED, APPLIED, REPEATED]
    assert gateway.available == usd("8.00")
    assert_laws(gateway.world)


def test_what_is_new_in_a_batch_of_replays_is_one_more_write(gateway: Gateway) -> None:
    reports = [gateway.report(name, amount("1.00")) for name in "ab"]
    gateway.send(reports[0])
    steps = Steps()
    gateway.world.app = gateway.world.process(steps)
    assert gateway.send(*reports) == [REPEATED, APPLIED]
    assert steps.calls == ["ledger.commit", "ledger.commit"]


def test_a_batch_whose_reports_a_rival_sends_one_by_one_is_answered_nonetheless(
    gateway: Gateway,
) -> None:
    first, second, third = (gateway.report(name, amount("1.00")) for name in "abc")
    rival = gateway.world.app.metering
    gateway.send(first)
    race(
        gateway,
        lambda: rival.apply(gateway.organization_id, [second], now=gateway.now),
        ledger="commit",
    )
    assert gateway.send(first, second, third) == [REPEATED, REPEATED, APPLIED]
    assert gateway.available == usd("7.00")
    assert_laws(gateway.world)


def test_free_usage_of_an_overdrawn_account_is_one_write(gateway: Gateway) -> None:
    gateway.fund("-11.00")
    steps = Steps()
    gateway.world.app = gateway.world.process(steps)
    gateway.send(gateway.report("a", amount("0.00")))
    assert steps.calls == ["ledger.commit"]


def test_a_reports_entry_names_its_project(gateway: Gateway) -> None:
    report = gateway.report("a", amount("1.00"))
    gateway.send(replace(report, charge=replace(report.charge, project_id="blue")))
    entry = gateway.entry("report#a")
    assert entry.project_id == "blue"
    assert entry.id.startswith("ent_")


def test_another_content_under_the_same_id_is_a_conflict_wherever_it_comes(
    gateway: Gateway,
) -> None:
    report = gateway.report("a", amount("1.00"))
    others = [
        gateway.report("a", amount("2.00")),
        gateway.report("a", amount("1.00"), final=True),
        gateway.report("a", amount("1.00"), hold_id="hold_1"),
    ]
    assert gateway.send(report, *others) == [APPLIED, CONFLICT, CONFLICT, CONFLICT]
    assert gateway.send(*others, report) == [CONFLICT, CONFLICT, CONFLICT, REPEATED]
    assert gateway.available == usd("9.00")


def test_usage_goes_below_zero_and_says_so_only_where_it_does(gateway: Gateway) -> None:
    gateway.send(*(gateway.report(name, amount("4.00")) for name in "abcd"))
    assert gateway.available == usd("-6.00")
    flags = [gateway.entry(f"report#{name}").overdrawn for name in "abcd"]
    assert flags == [False, False, True, True]
    gateway.send(gateway.report("free", amount("0.00")))
    assert not gateway.entry("report#free").overdrawn
    assert_laws(gateway.world)


@pytest.mark.parametrize(
    ("spent", "flags"),
    [
        (("10.00",), [False]),
        (("10.000000001",), [True]),
        (("4.00", "6.00", "0.00", "1.00"), [False, False, False, True]),
        (("11.00", "0.00", "0.000000001"), [True, False, True]),
    ],
)
def test_the_last_credit_is_no_overdraft_and_what_is_free_never_is(
    gateway: Gateway, spent: tuple[str, ...], flags: list[bool]
) -> None:
    gateway.send(*(gateway.report(f"r{n}", amount(text)) for n, text in enumerate(spent)))
    assert [gateway.entry(f"report#r{n}").overdrawn for n in range(len(spent))] == flags


def test_usage_asks_for_a_top_up_below_the_threshold_and_not_at_it(gateway: Gateway) -> None:
    gateway.set_floor("5.00")
    gateway.send(gateway.report("a", amount("5.00")))
    assert gateway.world.account(gateway.organization_id).low_since is None
    assert gateway.world.queue.messages == []
    gateway.send(gateway.report("b", amount("0.000000001")))
    assert gateway.world.account(gateway.organization_id).low_since == gateway.now
    [hint] = gateway.world.queue.messages
    assert hint.body == {"organization_id": gateway.organization_id}


def test_a_report_settles_its_hold_in_the_same_write(gateway: Gateway) -> None:
    hold = gateway.place("4.00")
    commits = gateway.world.store.commits
    gateway.send(gateway.report("a", amount("1.00"), hold_id=hold.id))
    assert gateway.world.store.commits == commits + 1
    assert (gateway.available, gateway.held) == (usd("6.00"), usd("3.00"))
    entry = gateway.entry("report#a")
    assert (entry.amount_nanos, entry.held_nanos) == (usd("-1.00"), usd("-1.00"))
    gateway.send(gateway.report("b", amount("1.00"), hold_id=hold.id, final=True))
    assert gateway.hold(hold.id).status is HoldStatus.SETTLED
    assert (gateway.available, gateway.held) == (usd("8.00"), 0)
    assert_laws(gateway.world)


def test_several_reports_of_one_batch_draw_on_one_hold_in_order(gateway: Gateway) -> None:
    hold = gateway.place("4.00")
    commits = gateway.world.store.commits
    gateway.send(
        gateway.report("a", amount("3.00"), hold_id=hold.id),
        gateway.report("b", amount("3.00"), hold_id=hold.id),
        gateway.report("c", amount("1.00"), hold_id=hold.id, final=True),
        gateway.report("d", amount("1.00"), hold_id=hold.id),
    )
    assert gateway.world.store.commits == commits + 1
    held = [gateway.entry(f"report#{name}").held_nanos for name in "abcd"]
    assert held == [usd("-3.00"), usd("-1.00"), 0, 0]
    assert (gateway.available, gateway.held) == (usd("2.00"), 0)
    assert gateway.hold(hold.id).version == 2
    assert_laws(gateway.world)


def test_a_batch_draws_on_several_holds_on_one_that_has_ended_and_on_one_that_never_was(
    gateway: Gateway,
) -> None:
    first, second, ended = (gateway.place("1.00") for _ in range(3))
    gateway.release(ended.id)
    gateway.send(
        gateway.report("a", amount("0.50"), hold_id=first.id),
        gateway.report("b", amount("0.25"), hold_id=second.id, final=True),
        gateway.report("c", amount("0.10"), hold_id=ended.id, final=True),
        gateway.report("d", amount("0.20"), hold_id="hold_000000000000unknown"),
        gateway.report("e", amount("0.40")),
    )
    assert gateway.available == usd("10.00") - usd("1.00") - usd("0.25") - usd("0.70")
    assert gateway.held == usd("0.50")
    assert gateway.hold(ended.id).status is HoldStatus.RELEASED
    assert gateway.entry("report#d").details["hold"] == {"id": "hold_000000000000unknown"}
    assert_laws(gateway.world)


def test_a_hold_of_another_organization_is_no_hold(gateway: Gateway) -> None:
    other = Gateway(world=gateway.world, organization_id="other")
    other.fund("5.00")
    theirs = other.place("5.00")
    gateway.send(gateway.report("a", amount("1.00"), hold_id=theirs.id, final=True))
    assert gateway.available == usd("9.00")
    assert other.held == usd("5.00")
    assert_laws(gateway.world)


def test_what_one_report_gives_back_serves_the_others_of_its_batch(gateway: Gateway) -> None:
    hold = gateway.place("9.00")
    gateway.send(
        gateway.report("a", amount("5.00")),
        gateway.report("b", amount("0.00"), hold_id=hold.id, final=True),
        gateway.report("c", amount("5.50")),
    )
    assert gateway.available == usd("-0.50")
    flags = [gateway.entry(f"report#{name}").overdrawn for name in "abc"]
    assert flags == [False, False, True]
    assert_laws(gateway.world)


def test_usage_of_an_unknown_organization_is_taken_too() -> None:
    gateway = Gateway(organization_id="new")
    assert gateway.send(gateway.report("a", amount("1.00"))) == [APPLIED]
    assert gateway.available == usd("-1.00")
    assert gateway.entry("report#a").overdrawn


def test_traces_are_free_within_the_allowance_wherever_a_batch_crosses_it(
    gateway: Gateway,
) -> None:
    gateway.send(gateway.report("a", traces(8)))
    gateway.send(
        gateway.report("b", traces(1)),
        gateway.report("c", traces(4), traces(1)),
        gateway.report("d", amount("1.00")),
        gateway.report("e", traces(4)),
    )
    found = [billable(gateway, name) for name in "abce"]
    assert found == [(0, 0), (0, 0), (4, 1), (4, 1)]
    assert gateway.world.trace_counts.get("acme", "2026-11").used == 18


def test_traces_count_to_the_month_in_which_they_occurred(gateway: Gateway) -> None:
    gateway.send(
        gateway.report("a", traces(9), at=OCTOBER),
        gateway.report("b", traces(9), at=NOVEMBER),
        gateway.report("c", traces(5), at=OCTOBER),
        gateway.report("d", traces(2), at=NOVEMBER),
    )
    found = [billable(gateway, name) for name in "abcd"]
    assert found == [(0, 0), (0, 0), (4, 1), (1, 1)]
    counts = gateway.world.trace_counts
    assert [counts.get("acme", month).used for month in ("2026-10", "2026-11")] == [14, 11]


def test_replayed_reports_count_no_traces_and_leave_their_place_to_the_others(
    gateway: Gateway,
) -> None:
    first = gateway.report("a", traces(8))
    gateway.send(first)
    gateway.send(first, gateway.report("b", traces(3)), first)
    assert billable(gateway, "b") == (1, 1)
    assert gateway.world.trace_counts.get("acme", "2026-11").used == 11


def test_free_traces_change_no_balance_but_are_on_record(gateway: Gateway) -> None:
    gateway.send(gateway.report("a", traces(10)))
    assert gateway.available == usd("10.00")
    assert gateway.entry("report#a").amount_nanos == 0


def test_rivals_for_the_months_count_are_priced_one_after_the_other(gateway: Gateway) -> None:
    rival = Gateway(world=gateway.world)
    rival_reports = [rival.report(f"rival-{n}", traces(4)) for n in range(3)]
    app = gateway.world.app
    race(
        gateway,
        *(lambda r=r: app.metering.apply("acme", [r], now=gateway.now) for r in rival_reports),
        trace_counts="get",
    )
    gateway.send(gateway.report("a", traces(4)))
    assert [billable(gateway, f"rival-{n}") for n in range(3)] == [(0, 0), (0, 0), (2, 1)]
    assert billable(gateway, "a") == (4, 1)
    assert gateway.world.trace_counts.get("acme", "2026-11").used == 16
    assert gateway.world.pause.pauses == 3


def test_rivals_for_a_hold_are_taken_from_it_one_after_the_other(gateway: Gateway) -> None:
    hold = gateway.place("2.00")
    app = gateway.world.app
    report = gateway.report("rival", amount("1.50"), hold_id=hold.id)
    race(gateway, lambda: app.metering.apply("acme", [report], now=gateway.now), holds="get")
    change = gateway.settle(hold.id, amount("1.50"))
    assert change.entry.held_nanos == usd("-0.50")
    assert (gateway.available, gateway.held) == (usd("7.00"), 0)
    assert_laws(gateway.world)


def test_a_release_that_is_overtaken_by_usage_gives_back_what_is_left(gateway: Gateway) -> None:
    hold = gateway.place("2.00")
    app = gateway.world.app
    report = gateway.report("rival", amount("1.50"), hold_id=hold.id)
    race(gateway, lambda: app.metering.apply("acme", [report], now=gateway.now), holds="get")
    assert gateway.release(hold.id).returned_nanos == usd("0.50")
    assert_laws(gateway.world)


def test_an_expiry_that_is_overtaken_by_the_last_settlement_does_nothing(
    gateway: Gateway,
) -> None:
    hold = gateway.place("2.00", seconds=10)
    gateway.world.advance(seconds=10)
    app = gateway.world.app
    report = gateway.report("rival", amount("1.50"), hold_id=hold.id, final=True)
    race(gateway, lambda: app.metering.apply("acme", [report], now=gateway.now), holds="get")
    assert gateway.world.sweep().holds == 0
    assert gateway.hold(hold.id).status is HoldStatus.SETTLED
    assert gateway.available == usd("8.50")
    assert_laws(gateway.world)


def test_rivals_without_end_make_it_busy_and_nothing_is_taken(gateway: Gateway) -> None:
    hold = gateway.place("2.00")
    app = gateway.world.app

    def touch(number: int) -> object:
        report = gateway.report(f"rival-{number}", amount("0.00"), traces(1), hold_id=hold.id)
        return app.metering.apply("acme", [report], now=gateway.now)

    race(gateway, *(lambda n=n: touch(n) for n in range(100)), trace_counts="get")
    with pytest.raises(BusyError):
        gateway.send(gateway.report("a", traces(1)))
    assert gateway.world.ledger.entry("acme", "report#a") is None


def test_a_deduction_counts_its_traces_and_a_refused_one_does_not(gateway: Gateway) -> None:
    gateway.deduct(traces(9))
    entry = gateway.deduct(traces(3), key="a")
    assert (entry.amount_nanos, entry.available_after_nanos) == (-1, usd("10.00") - 1)
    assert gateway.deduct(traces(3), key="a") == entry
    with pytest.raises(InsufficientCreditsError):
        gateway.deduct(traces(5), amount("10.00"))
    assert gateway.world.trace_counts.get("acme", "2026-11").used == 12


def test_free_usage_is_deducted_even_where_there_are_no_credits() -> None:
    gateway = Gateway(organization_id="new")
    assert gateway.deduct(traces(10)).amount_nanos == 0
    with pytest.raises(InsufficientCreditsError):
        gateway.deduct(traces(1))


def test_a_deduction_whose_count_was_overtaken_is_priced_anew(gateway: Gateway) -> None:
    app = gateway.world.app
    report = gateway.report("rival", traces(10))
    race(gateway, lambda: app.metering.apply("acme", [report], now=gateway.now), trace_counts="get")
    assert gateway.deduct(traces(2)).amount_nanos == -1
    assert gateway.world.trace_counts.get("acme", "2026-11").used == 12


def test_a_settlement_counts_traces_too(gateway: Gateway) -> None:
    gateway.send(gateway.report("a", traces(10)))
    hold = gateway.place("1.00")
    change = gateway.settle(hold.id, traces(4))
    assert (change.entry.kind, change.entry.amount_nanos) == (EntryKind.SETTLEMENT, -1)
    assert change.returned_nanos == usd("1.00") - 1


def test_a_batch_of_replays_below_the_threshold_asks_for_a_top_up_again(gateway: Gateway) -> None:
    gateway.set_floor("5.00")
    report = gateway.report("a", amount("6.00"))
    gateway.send(report)
    assert len(gateway.world.queue.take()) == 1
    gateway.send(report)
    assert len(gateway.world.queue.take()) == 1
    gateway.fund("5.00")
    gateway.send(report)
    assert gateway.world.queue.take() == []


def test_the_sum_of_all_entries_is_what_is_there(gateway: Gateway) -> None:
    hold = gateway.place("3.00")
    gateway.send(gateway.report("a", amount("1.25"), traces(20), hold_id=hold.id))
    gateway.settle(hold.id, amount("2.00"))
    gateway.deduct(amount("0.75"))
    entries: list[Entry] = list(gateway.world.store.entries.values())
    assert sum(e.amount_nanos for e in entries) == gateway.available + gateway.held
    assert_laws(gateway.world)
