"""The whole system under any sequence of events: the laws hold after each, and in the end.

Hypothesis plays customers, gateways, banks, outages, lost and repeated messages, and processes
that die at any I/O call, over the real use cases. What is promised to each caller is compared
with what they were answered before.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib.domain.errors import (
    BusyError,
    CreditsError,
    IdempotencyConflictError,
    RequestInProgressError,
)
from chalicelib.domain.ledger import EntryKind
from chalicelib.domain.payment import Card, PaymentStatus, PaymentsUnavailableError
from chalicelib.domain.topup import TopUpStatus
from chalicelib.usecases.metering import ReportResult
from tests.fakes.laws import assert_laws, assert_limit, assert_settled
from tests.fakes.payments import Behaviour, Moment
from tests.fakes.ports import UseCases
from tests.fakes.steps import LostAnswerError, Mishap, ProcessDiedError, Steps
from tests.fakes.values import report, usd
from tests.fakes.world import World

ORGS = ("acme", "bolt")
#: What callers of a process that met a mishap may see; anything else is a bug.
SEEN = (ProcessDiedError, LostAnswerError, CreditsError, PaymentsUnavailableError)

orgs = st.sampled_from(ORGS)
keys = st.sampled_from(["k1", "k2", "k3", "k4"])
amounts = st.sampled_from(["0.000000001", "1.00", "4.99", "12.50", "30.00"])
card_amounts = st.sampled_from(["5.00", "20.00", "50.00"])
reports = st.lists(
    st.tuples(st.sampled_from([f"r{number}" for number in range(12)]), amounts),
    min_size=1,
    max_size=4,
)
decline_codes = st.sampled_from(["insufficient_funds", "lost_card", "generic_decline"])
moments = st.sampled_from(list(Moment))
#: The call at which a process dies; most flows make fewer than thirty.
calls = st.integers(min_value=0, max_value=30)


class Everything(RuleBasedStateMachine):
    """Two organizations, one provider, one database."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.cards: dict[str, list[Card]] = {}
        self.answers: dict[tuple[str, ...], object] = {}
        self.applied: dict[tuple[str, str], str] = {}
        self.limits: dict[str, list[str | None]] = {org: [] for org in ORGS}

    @initialize(behaviour=st.sampled_from(list(Behaviour)))
    def begin(self, behaviour: Behaviour) -> None:
        """One card that pays, one that does whatever it does."""
        self.cards = {
            "acme": [self.world.customer("acme")],
            "bolt": [self.world.customer("bolt", behaviour)],
        }

    # What people and gateways do.

    @rule(org=orgs, amount=card_amounts, key=keys)
    def buy(self, org: str, amount: str, key: str) -> None:
        self._buy(org, amount, key, self.world.app)

    @rule(org=orgs, amount=amounts, key=keys)
    def deduct(self, org: str, amount: str, key: str) -> None:
        try:
            entry, replayed = self.world.deduct(org, amount, key=key)
        except CreditsError as error:
            self._compare(("deduct", org, key, amount), error.code)
            return
        self._compare(("deduct", org, key, amount), (entry.id, entry.available_after_nanos))
        if not replayed:
            assert self.world.account(org).available_nanos >= 0, "taken below zero by permission"

    @rule(org=orgs, sent=reports)
    def use(self, org: str, sent: list[tuple[str, str]]) -> None:
        self._use(org, sent, self.world.app)

    @rule(
        org=orgs,
        threshold=st.sampled_from(["0.00", "10.00", "25.00"]),
        amount=card_amounts,
        limit=st.sampled_from([None, "50.00", "100.00"]),
        enabled=st.sampled_from([True, True, True, False]),
    )
    def save_settings(
        self, org: str, threshold: str, amount: str, limit: str | None, *, enabled: bool
    ) -> None:
        with suppress(PaymentsUnavailableError):
            self.world.order_top_ups(
                org, threshold=threshold, amount=amount, limit=limit, enabled=enabled
            )
            self.limits[org].append(limit)

    @rule(org=orgs, behaviour=st.sampled_from(list(Behaviour)), decline_code=decline_codes)
    def change_a_card(self, org: str, behaviour: Behaviour, decline_code: str) -> None:
        self.world.payments.change_card(self.cards[org][-1], behaviour, decline_code=decline_code)

    @rule(org=orgs)
    def choose_a_card(self, org: str) -> None:
        """A person acts, which resumes what was paused."""
        chosen = self.cards[org][-1].payment_method_id
        with suppress(PaymentsUnavailableError):
            self.world.app.buyers.set_default_card(org, chosen, now=self.world.now)

    @rule(data=st.data(), passes=st.booleans())
    def answer_a_challenge(self, data: st.DataObject, *, passes: bool) -> None:
        waiting = self._payments(PaymentStatus.REQUIRES_ACTION)
        if waiting:
            self.world.payments.authenticate(data.draw(st.sampled_from(waiting)), passes=passes)

    @rule(data=st.data(), passes=st.booleans())
    def decide_at_last(self, data: st.DataObject, *, passes: bool) -> None:
        waiting = self._payments(PaymentStatus.PROCESSING)
        if waiting:
            self.world.payments.finish(data.draw(st.sampled_from(waiting)), passes=passes)

    @rule(takes_time=st.booleans())
    def pay_otherwise(self, *, takes_time: bool) -> None:
        """Whoever was declined tries another card behind our back, if that can still be done."""
        for payment_id in self._payments(PaymentStatus.DECLINED):
            self.world.payments.pay_otherwise(payment_id, takes_time=takes_time)

    @rule()
    def pay_otherwise_while_it_is_cancelled(self) -> None:
        def pay() -> None:
            for payment_id in self._payments(PaymentStatus.DECLINED)[-1:]:
                self.world.payments.pay_otherwise(payment_id)

        self.world.payments.before["cancel"] = pay

    # What the machinery does, and what happens to it.

    @rule()
    def deliver(self) -> None:
        self.world.deliver()

    @rule()
    def sweep(self) -> None:
        self.world.sweep()

    @rule(minutes=st.sampled_from([1, 5, 20, 61, 240, 24 * 60, 9 * 24 * 60]))
    def wait(self, minutes: int) -> None:
        self.world.advance(minutes=minutes)

    @rule(method=st.sampled_from(["charge", "payment", "cancel", "cards"]), moment=moments)
    def be_unavailable(self, method: str, moment: Moment) -> None:
        self.world.payments.fail_next(method, moment)

    @rule()
    def lose_events(self) -> None:
        self.world.payments.forget_events()

    @rule(count=st.integers(1, 3))
    def lose_messages(self, count: int) -> None:
        self.world.queue.drops = count

    @rule(count=st.integers(1, 3))
    def repeat_messages(self, count: int) -> None:
        self.world.queue.duplicates = count

    @rule(org=orgs, amount=card_amounts, key=keys, at=calls, mishap=st.sampled_from(list(Mishap)))
    def die_while_buying(self, org: str, amount: str, key: str, at: int, mishap: Mishap) -> None:
        self._die(at, mishap, lambda app: self._buy(org, amount, key, app))

    @rule(org=orgs, sent=reports, at=calls, mishap=st.sampled_from(list(Mishap)))
    def die_while_metering(
        self, org: str, sent: list[tuple[str, str]], at: int, mishap: Mishap
    ) -> None:
        self._die(at, mishap, lambda app: self._use(org, sent, app))

    @rule(at=calls, mishap=st.sampled_from(list(Mishap)))
    def die_while_delivering(self, at: int, mishap: Mishap) -> None:
        self._die(at, mishap, self.world.deliver)

    @rule(at=calls, mishap=st.sampled_from(list(Mishap)))
    def die_while_sweeping(self, at: int, mishap: Mishap) -> None:
        self._die(at, mishap, self.world.sweep)

    # What must be true.

    @invariant()
    def the_laws_hold(self) -> None:
        assert_laws(self.world)

    @invariant()
    def each_report_is_applied_once(self) -> None:
        for org in ORGS:
            usage = {
                entry.key.removeprefix("report#"): -entry.amount_nanos
                for entry in self.world.store.entries.values()
                if entry.organization_id == org and entry.kind is EntryKind.USAGE
            }
            for report_id, amount in usage.items():
                known = self.applied.get((org, report_id))
                assert known is None or amount == usd(known)
            told = {report_id for owner, report_id in self.applied if owner == org}
            assert told <= usage.keys(), "applied, and not there"

    @precondition(
        lambda self: all(limits and None not in limits for limits in self.limits.values())
    )
    @invariant()
    def the_monthly_limit_is_kept(self) -> None:
        for org, limits in self.limits.items():
            assert_limit(self.world, org, max(usd(limit) for limit in limits if limit))

    def teardown(self) -> None:
        """The faults end, banks decide, time passes: nothing is left undone."""
        world = self.world
        world.payments.end_outages()
        world.payments.before.clear()
        world.queue.drops = world.queue.duplicates = 0
        world.queue.dead.clear()
        for payment_id in self._payments(PaymentStatus.PROCESSING):
            world.payments.finish(payment_id)
        world.payments.forget_events()
        world.run(hours=40, every=timedelta(minutes=31))
        # Banks that took their time with what was begun meanwhile.
        for payment_id in self._payments(PaymentStatus.PROCESSING):
            world.payments.finish(payment_id, passes=False)
        world.run(hours=2, every=timedelta(minutes=5))
        assert_settled(world)
        for org in ORGS:
            status = world.top_ups.get(org).status
            assert status is not TopUpStatus.CHARGING or self._payments(PaymentStatus.PROCESSING)

    def _buy(self, org: str, amount: str, key: str, app: UseCases) -> None:
        try:
            answer = self.world.buy(org, amount, card=self.cards[org][0], key=key, app=app)
        except (BusyError, RequestInProgressError, IdempotencyConflictError):
            return
        except PaymentsUnavailableError:
            return  # told as busy, too
        body = dict(answer.body)
        self._compare(("buy", org, key, amount), (answer.status, body))
        self._compare(("key", org, key), amount)

    def _use(self, org: str, sent: list[tuple[str, str]], app: UseCases) -> None:
        batch = [report(name, amount, organization_id=org) for name, amount in sent]
        results = self.world.use(*batch, app=app)
        for (name, amount), result in zip(sent, results, strict=True):
            if result is ReportResult.APPLIED:
                assert (org, name) not in self.applied, "applied twice"
                self.applied[org, name] = amount
            elif result is ReportResult.REPEATED and (org, name) in self.applied:
                assert self.applied[org, name] == amount, "another report under the same id"

    def _compare(self, request: tuple[str, ...], answer: object) -> None:
        assert self.answers.setdefault(request, answer) == answer, "another answer"

    def _die(self, at: int, mishap: Mishap, act: Callable[[UseCases], Any]) -> None:
        process = self.world.process(Steps(at=at, mishap=mishap))
        try:
            act(process)
        except SEEN:
            pass
        except ExceptionGroup as group:
            bugs = [error for error in group.exceptions if not isinstance(error, SEEN)]
            if bugs:
                raise ExceptionGroup("a mishap led to bugs", bugs) from None

    def _payments(self, status: PaymentStatus) -> list[str]:
        return [p.id for p in self.world.payments.payments() if p.status is status]


Everything.TestCase.settings = settings(
    max_examples=120,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
TestEverything = Everything.TestCase
