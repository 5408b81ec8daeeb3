"""Leases: what a process may spend by itself, whatever its threads, the service and time do."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.access import AccessCache
from gateway.errors import CreditsBlockedError, CreditsUnavailableError
from gateway.leases import Lease, LeasePolicy, Purse
from gateway.lessor import HoldLessor
from gateway.metrics import Metric
from tests.gateway.fakes import Counts, FakeService, FakeTime

POLICY = LeasePolicy(amount_nanos=100, seconds=600, margin_seconds=60, wait_seconds=5.0)


@dataclass
class Bank:
    """A purse at a fake service; what is to be done in background waits until `catch_up`."""

    policy: LeasePolicy = POLICY
    service: FakeService = field(default_factory=lambda: FakeService({"acme": 1000}))
    time: FakeTime = field(default_factory=FakeTime)
    counts: Counts = field(default_factory=Counts)
    closed: list[str] = field(default_factory=list)
    unspent: set[str] = field(default_factory=set)
    waiting: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.access = AccessCache(
            self.service, clock=self.time.clock, fresh_seconds=5, stale_seconds=30
        )
        self.lessor = HoldLessor(
            self.service,
            self.access,
            policy=self.policy,
            clock=self.time.clock,
            count=self.counts,
            close_hold=self._close_hold,
        )
        self.purse = Purse(
            "acme",
            lessor=self.lessor,
            policy=self.policy,
            clock=self.time.clock,
            in_background=self.waiting.append,
        )

    def reserve(self, amount_nanos: int) -> Lease:
        lease = self.purse.reserve(amount_nanos)
        assert lease is not None
        return lease

    def spend(self, amount_nanos: int) -> Lease:
        lease = self.reserve(amount_nanos)
        self.purse.conclude(lease, reserved_nanos=amount_nanos, spent_nanos=amount_nanos)
        return lease

    def catch_up(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()

    def _close_hold(self, organization_id: str, hold_id: str) -> bool:
        self.closed.append(hold_id)
        return hold_id not in self.unspent


@pytest.fixture
def bank() -> Bank:
    return Bank()


def test_many_calls_are_paid_from_one_hold(bank: Bank) -> None:
    leases = {bank.spend(1).hold_id for _ in range(70)}
    assert len(leases) == 1
    assert bank.service.asked["hold"] == 1


def test_no_more_is_reserved_than_was_leased(bank: Bank) -> None:
    bank.service.available_nanos["acme"] = 100
    first = bank.reserve(60)
    with pytest.raises(CreditsBlockedError) as refused:
        bank.reserve(41)
    assert refused.value.reason == "exhausted"
    assert bank.reserve(40) is first


def test_what_a_call_did_not_spend_is_there_for_the_next(bank: Bank) -> None:
    lease = bank.reserve(100)
    bank.purse.conclude(lease, reserved_nanos=100, spent_nanos=10)
    assert bank.reserve(90) is lease


def test_a_dearer_call_than_expected_leaves_less_and_never_more(bank: Bank) -> None:
    lease = bank.reserve(50)
    bank.purse.conclude(lease, reserved_nanos=50, spent_nanos=130)
    assert bank.reserve(10) is not lease
    bank.catch_up()
    assert bank.closed == [lease.hold_id]
    assert bank.counts.times[Metric.OVERRUN_NANOS] == 30


def test_the_next_lease_is_asked_for_ahead_and_by_nobody_who_waits(bank: Bank) -> None:
    first = bank.spend(76)
    assert bank.waiting == []
    bank.spend(1)
    assert bank.service.asked["hold"] == 1
    bank.catch_up()
    assert bank.service.asked["hold"] == 2
    bank.waiting.clear()
    assert bank.spend(23) is first
    assert bank.spend(1) is not first


def test_the_next_lease_is_asked_for_before_time_runs_out(bank: Bank) -> None:
    first = bank.spend(1)
    bank.time.pass_by(400)
    bank.spend(1)
    assert bank.waiting == []
    bank.time.pass_by(10)
    bank.spend(1)
    bank.catch_up()
    assert bank.service.asked["hold"] == 2
    bank.time.pass_by(130)
    assert bank.spend(1) is not first


def test_a_lease_serves_until_its_margin_and_is_then_ended(bank: Bank) -> None:
    lease = bank.spend(1)
    bank.time.pass_by(539)
    bank.purse.tend()
    bank.catch_up()
    assert bank.closed == []
    bank.time.pass_by(1)
    bank.purse.tend()
    bank.catch_up()
    assert bank.closed == [lease.hold_id]


def test_a_lease_waits_for_its_calls_but_not_beyond_its_hold(bank: Bank) -> None:
    lease = bank.reserve(10)
    bank.time.pass_by(560)
    bank.purse.tend()
    bank.catch_up()
    assert bank.closed == []
    bank.time.pass_by(10)
    bank.purse.tend()
    bank.catch_up()
    assert bank.closed == [lease.hold_id]
    bank.purse.conclude(lease, reserved_nanos=10, spent_nanos=10)
    bank.purse.tend()
    bank.catch_up()
    assert bank.closed == [lease.hold_id], "it is ended once"


def test_a_lease_ends_with_its_last_call(bank: Bank) -> None:
    lease = bank.reserve(10)
    bank.time.pass_by(540)
    bank.purse.tend()
    bank.purse.conclude(lease, reserved_nanos=10, spent_nanos=10)
    bank.catch_up()
    assert bank.closed == [lease.hold_id]


def test_after_a_sleep_of_the_machine_a_lease_is_over(bank: Bank) -> None:
    lease = bank.spend(1)
    bank.time.wall_seconds += 540  # the steady clock stood still
    assert bank.spend(1) is not lease


def test_a_lease_without_calls_is_released(bank: Bank) -> None:
    lease = bank.reserve(10)
    bank.unspent.add(lease.hold_id)
    bank.purse.conclude(lease, reserved_nanos=10, spent_nanos=0)
    bank.purse.close()
    bank.catch_up()
    assert bank.service.released == [lease.hold_id]
    assert bank.service.available_nanos["acme"] == 1000


def test_a_call_dearer_than_a_lease_gets_one_of_its_size(bank: Bank) -> None:
    assert bank.reserve(250).amount_nanos == 250


def test_the_last_credits_can_be_leased(bank: Bank) -> None:
    bank.service.available_nanos["acme"] = 30
    lease = bank.reserve(10)
    assert lease.amount_nanos == 30
    assert bank.service.available_nanos["acme"] == 0


def test_a_blocked_organization_is_refused_without_asking_each_time(bank: Bank) -> None:
    bank.service.available_nanos["acme"] = 0
    for _ in range(50):
        with pytest.raises(CreditsBlockedError):
            bank.reserve(10)
    assert bank.service.asked == {"hold": 1, "access": 1}
    bank.time.pass_by(6)
    with pytest.raises(CreditsBlockedError):
        bank.reserve(10)
    assert bank.service.asked == {"hold": 1, "access": 2}, "a question, not another refused hold"
    bank.service.available_nanos["acme"] = 500
    bank.time.pass_by(6)
    assert bank.reserve(10).amount_nanos == 100


def test_a_suspended_organization_is_refused(bank: Bank) -> None:
    bank.service.suspended.add("acme")
    with pytest.raises(CreditsBlockedError) as refused:
        bank.reserve(10)
    assert refused.value.reason == "suspended"


def test_while_the_service_is_down_open_leases_serve_and_then_nothing_does(bank: Bank) -> None:
    lease = bank.spend(10)
    bank.service.down = True
    bank.time.pass_by(530)
    assert bank.spend(10) is lease
    bank.catch_up()
    with pytest.raises(CreditsUnavailableError):
        bank.reserve(81)
    bank.time.pass_by(10)
    with pytest.raises(CreditsUnavailableError):
        bank.reserve(1)
    bank.service.down = False
    assert bank.spend(1) is not lease


def test_a_lost_answer_places_no_second_hold(bank: Bank) -> None:
    bank.service.lost_answers = 1
    with pytest.raises(CreditsUnavailableError):
        bank.reserve(10)
    lease = bank.reserve(10)
    assert bank.service.holds == {lease.hold_id: 100}
    assert bank.service.available_nanos["acme"] == 900


def test_a_lost_answer_is_not_asked_for_when_its_hold_would_soon_be_over(bank: Bank) -> None:
    bank.service.lost_answers = 1
    with pytest.raises(CreditsUnavailableError):
        bank.reserve(10)
    bank.time.pass_by(300)
    lease = bank.reserve(10)
    assert len(bank.service.holds) == 2
    bank.time.pass_by(500)
    assert bank.spend(1) is lease, "its time counts from when it was asked for"


def test_a_hold_whose_answer_was_lost_is_given_back(bank: Bank) -> None:
    bank.service.lost_answers = 1
    with pytest.raises(CreditsUnavailableError):
        bank.reserve(10)
    assert bank.service.available_nanos["acme"] == 900
    assert bank.lessor.give_back_unanswered(older_than_seconds=POLICY.wait_seconds)
    assert bank.service.available_nanos["acme"] == 900, "a call may still be waiting for it"
    bank.time.pass_by(POLICY.wait_seconds)
    assert bank.lessor.give_back_unanswered(older_than_seconds=POLICY.wait_seconds)
    assert bank.service.available_nanos["acme"] == 1000
    assert bank.service.asked["release"] == 1
    lease = bank.reserve(10)
    assert bank.service.holds == {lease.hold_id: 100}, "a hold that went back is not leased again"


def test_what_was_perhaps_held_is_given_back_once_the_service_answers(bank: Bank) -> None:
    bank.service.lost_answers = 1
    for amount_nanos in (10, 150):  # two requests, of which one was acted on
        with pytest.raises(CreditsUnavailableError):
            bank.reserve(amount_nanos)
        bank.service.down = True
    assert not bank.lessor.give_back_unanswered(older_than_seconds=0)
    bank.service.down = False
    assert bank.lessor.give_back_unanswered(older_than_seconds=0)
    assert bank.service.holds == {}
    assert bank.service.available_nanos["acme"] == 1000
    asked = bank.service.asked.total()
    assert bank.lessor.give_back_unanswered(older_than_seconds=0)
    assert bank.service.asked.total() == asked, "nothing is left to be asked"


def test_an_unanswered_request_that_is_refused_is_forgotten(bank: Bank) -> None:
    bank.service.down = True
    with pytest.raises(CreditsUnavailableError):
        bank.reserve(10)
    bank.service.down = False
    bank.service.available_nanos["acme"] = 0
    assert bank.lessor.give_back_unanswered(older_than_seconds=0)
    bank.service.available_nanos["acme"] = 1000
    assert bank.lessor.give_back_unanswered(older_than_seconds=0)
    assert bank.service.holds == {}


def test_a_refused_renewal_disturbs_no_call_that_has_room(bank: Bank) -> None:
    bank.service.available_nanos["acme"] = 100
    bank.spend(80)
    for _ in range(10):
        bank.spend(1)
        bank.catch_up()
    assert bank.service.asked["hold"] == 2


def test_a_closed_purse_reserves_nothing_and_ends_its_leases(bank: Bank) -> None:
    unused = bank.spend(10)
    bank.purse.close()
    assert bank.purse.reserve(1) is None
    bank.catch_up()
    assert bank.closed == [unused.hold_id]


def test_an_idle_purse_can_be_closed_and_a_busy_one_not(bank: Bank) -> None:
    lease = bank.reserve(1)
    assert not bank.purse.close(only_if_idle=True)
    bank.purse.conclude(lease, reserved_nanos=1, spent_nanos=1)
    assert not bank.purse.close(only_if_idle=True)
    bank.time.pass_by(600)
    bank.purse.tend()
    assert bank.purse.close(only_if_idle=True)


@pytest.mark.parametrize(
    "fields", [{"seconds": 60, "margin_seconds": 60}, {"margin_seconds": 0}, {"amount_nanos": 0}]
)
def test_a_policy_that_makes_no_sense_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        LeasePolicy(**fields)


def test_threads_together_never_spend_more_than_was_held() -> None:
    """Eight threads until the credits are gone: all is spent, and not a nano-dollar more."""
    service = FakeService({"acme": 5000})
    bank = Bank(service=service, policy=LeasePolicy(amount_nanos=100, wait_seconds=30.0))
    purse = Purse(
        "acme",
        lessor=bank.lessor,
        policy=bank.policy,
        clock=bank.time.clock,
        in_background=lambda work: threading.Thread(target=work).start(),
    )
    spent = [0] * 8

    def spend(number: int) -> None:
        chance = random.Random(number)
        while True:
            wanted = chance.randint(1, 40)
            try:
                lease = purse.reserve(wanted)
            except CreditsBlockedError:
                if wanted == 1:
                    return
                continue
            assert lease is not None
            used = chance.randint(0, wanted)
            purse.conclude(lease, reserved_nanos=wanted, spent_nanos=used)
            spent[number] += used

    threads = [threading.Thread(target=spend, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = sum(service.holds.values())
    assert held + service.available_nanos["acme"] == 5000
    assert sum(spent) <= held


class LeasesAgainstAModel(RuleBasedStateMachine):
    """Whatever happens, what was reserved and spent by permission is within what is held."""

    def __init__(self) -> None:
        super().__init__()
        # What is asked for in background is done by `tend`, so nobody can wait for it.
        self.bank = Bank(
            service=FakeService({"acme": 700}), policy=replace(POLICY, wait_seconds=0.0)
        )
        self.calls: list[tuple[Lease, int]] = []
        self.spent: dict[str, int] = {}

    @rule(amount=st.integers(0, 150))
    def reserve(self, amount: int) -> None:
        try:
            lease = self.bank.reserve(amount)
        except (CreditsBlockedError, CreditsUnavailableError):
            return
        age = self.bank.time.clock.seconds_since(lease.placed)
        assert age < POLICY.seconds - POLICY.margin_seconds
        assert lease.hold_id not in self.bank.closed
        self.calls.append((lease, amount))

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def conclude(self, data: st.DataObject) -> None:
        lease, reserved = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        spent = data.draw(st.integers(0, reserved))
        self.bank.purse.conclude(lease, reserved_nanos=reserved, spent_nanos=spent)
        self.spent[lease.hold_id] = self.spent.get(lease.hold_id, 0) + spent

    @rule(seconds=st.sampled_from([1, 6, 100, 540]))
    def pass_time(self, seconds: int) -> None:
        self.bank.time.pass_by(seconds)

    @rule()
    def tend(self) -> None:
        self.bank.purse.tend()
        self.bank.catch_up()
        self.bank.lessor.give_back_unanswered(older_than_seconds=POLICY.wait_seconds)

    @rule(down=st.booleans())
    def disturb(self, *, down: bool) -> None:
        self.bank.service.down = down

    @rule()
    def lose_an_answer(self) -> None:
        self.bank.service.lost_answers = 1

    @rule(amount=st.integers(1, 300))
    def add_credits(self, amount: int) -> None:
        self.bank.service.available_nanos["acme"] += amount

    @invariant()
    def nothing_is_spent_that_is_not_held(self) -> None:
        open_reserved: dict[str, int] = {}
        for lease, reserved in self.calls:
            open_reserved[lease.hold_id] = open_reserved.get(lease.hold_id, 0) + reserved
        for hold_id, held in self.bank.service.holds.items():
            assert self.spent.get(hold_id, 0) + open_reserved.get(hold_id, 0) <= held
        assert self.bank.service.available_nanos["acme"] >= 0

    @invariant()
    def every_lease_ends_once(self) -> None:
        assert len(set(self.bank.closed)) == len(self.bank.closed)


TestLeasesAgainstAModel = LeasesAgainstAModel.TestCase
TestLeasesAgainstAModel.settings = settings(max_examples=60, deadline=None)
