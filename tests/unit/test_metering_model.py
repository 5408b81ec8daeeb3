"""Account, holds, traces and reports against a model that is too simple to be wrong.

The model is plain numbers, changed one request after the other. The real use cases run beside it,
in batches, with repetitions, with answers that get lost, and with a sweep; all must agree to the
nano-dollar after every step.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)

from chalicelib.domain.errors import BusyError, InsufficientCreditsError
from chalicelib.domain.instant import parse_instant
from chalicelib.domain.money import format_usd
from chalicelib.domain.notices import NoticeKind
from chalicelib.domain.usage import AmountUsage, TraceUsage, UsageLine
from chalicelib.usecases.metering import PricedReport, ReportResult
from tests.fakes.laws import assert_laws
from tests.fakes.steps import Mishap, Steps
from tests.fakes.values import NOW
from tests.support.metering import TERMS, Gateway

MONTHS = (NOW, parse_instant("2026-10-31T23:59:59Z"), parse_instant("2026-11-01T00:00:00Z"))
#: Small, so that balances, holds and allowances are met exactly, just missed, and crossed.
nanos = st.integers(0, 9)
trace_counts = st.integers(0, 7)
UNKNOWN = "hold_000000000000unknown"


@dataclass
class Model:
    """What one organization should have."""

    available: int = 0
    holds: dict[str, int] = field(default_factory=dict)
    traces: Counter[str] = field(default_factory=Counter)
    told: Counter[NoticeKind] = field(default_factory=Counter)

    def move(self, change: int) -> None:
        """Change `available` in one write."""
        before, self.available = self.available, self.available + change
        self.told[NoticeKind.EXHAUSTED] += before > 0 >= self.available
        self.told[NoticeKind.RESTORED] += before <= 0 < self.available

    def price(self, amount: int, traces: int, month: str) -> int:
        """What usage costs, its traces counted."""
        before = self.traces[month]
        self.traces[month] += traces
        return amount + month_price(before + traces) - month_price(before)

    def use(self, spent: int, hold_id: str | None, *, final: bool) -> int:
        """Take from the hold what it has; gives the change of `available`."""
        left = self.holds.get(hold_id or "", 0)
        taken = min(left, spent)
        if hold_id not in self.holds:
            return -spent
        self.holds[hold_id] = left - taken
        returned = self.holds.pop(hold_id) if final else 0
        return taken - spent + returned


def month_price(traces: int) -> int:
    """What a month's traces cost together."""
    return -(-max(0, traces - TERMS.monthly_traces) * TERMS.thousand_nanos // 1000)


@dataclass(frozen=True)
class Sent:
    """A report as it was sent, to be sent again."""

    report: PricedReport
    amount: int
    traces: int
    month: str
    hold_id: str | None
    final: bool


class Metering(RuleBasedStateMachine):
    """Two organizations in one world; what happens to one must not touch the other."""

    holds = Bundle("holds")
    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.acme = Gateway()
        self.gateways = {
            "acme": self.acme,
            "other": Gateway(world=self.acme.world, organization_id="other"),
        }
        self.models = {name: Model() for name in self.gateways}
        self.applied: dict[tuple[str, str], PricedReport] = {}
        self.expiries: dict[tuple[str, str], object] = {}
        self.serial = count(1)

    organizations = st.sampled_from(["acme", "acme", "other"])

    @rule(name=organizations, change=st.integers(-30, 60).filter(bool))
    def somebody_adds_or_takes_credits(self, name: str, change: int) -> None:
        self.gateways[name].fund(format_usd(change))
        self.models[name].move(change)

    @rule(target=holds, name=organizations, amount=st.integers(1, 20), seconds=st.integers(10, 99))
    def a_hold_is_placed(self, name: str, amount: int, seconds: int) -> object:
        gateway, model, key = self.gateways[name], self.models[name], f"hold-{next(self.serial)}"

        def place() -> str:
            return gateway.place(format_usd(amount), seconds=seconds, key=key).id

        if model.available < amount:
            for _ in range(2):
                with pytest.raises(InsufficientCreditsError):
                    place()
            return multiple()
        hold_id = place()
        assert place() == hold_id
        model.move(-amount)
        model.holds[hold_id] = amount
        self.expiries[name, hold_id] = gateway.hold(hold_id).expires_at
        return name, hold_id

    @rule(hold=holds, amount=nanos, traces=trace_counts, final=st.booleans(), lost=st.booleans())
    def a_hold_is_settled(
        self,
        *,
        hold: tuple[str, str],
        amount: int,
        traces: int,
        final: bool,
        lost: bool,
    ) -> None:
        name, hold_id = hold
        gateway, model, key = self.gateways[name], self.models[name], f"key-{next(self.serial)}"
        world = gateway.world
        spent = model.price(amount, traces, f"{world.now:%Y-%m}")
        if lost:
            # The write is made, its answer lost; whoever asked asks again with the same key.
            world.app = world.process(Steps(at=2 if traces else 1, mishap=Mishap.LOSES_ANSWER))
            with pytest.raises(BusyError):
                gateway.settle(hold_id, *lines(amount, traces), final=final, key=key)
            world.app = world.process()
        change = gateway.settle(hold_id, *lines(amount, traces), final=final, key=key)
        assert -change.entry.amount_nanos == spent
        model.move(model.use(spent, hold_id, final=final))
        assert change.remaining_nanos == model.holds.get(hold_id, 0)

    @rule(hold=consumes(holds))
    def a_hold_is_released(self, hold: tuple[str, str]) -> None:
        name, hold_id = hold
        change = self.gateways[name].release(hold_id)
        rest = self.models[name].holds.pop(hold_id, 0)
        assert change.returned_nanos == rest
        self.models[name].move(rest)

    @rule(seconds=st.integers(1, 60))
    def time_passes_and_the_sweep_comes(self, seconds: int) -> None:
        world = self.acme.world
        world.advance(seconds=seconds)
        world.sweep()
        for (name, hold_id), expires_at in self.expiries.items():
            model = self.models[name]
            if hold_id in model.holds and expires_at <= world.now:  # type: ignore[operator]
                model.move(model.holds.pop(hold_id))

    @rule(
        target=sent,
        name=organizations,
        hold=st.none() | holds,
        amount=nanos,
        traces=trace_counts,
        at=st.sampled_from(MONTHS),
        final=st.booleans(),
    )
    def a_gateway_writes_a_report(
        self,
        *,
        name: str,
        hold: tuple[str, str] | None,
        amount: int,
        traces: int,
        at: object,
        final: bool,
    ) -> Sent:
        hold_id = hold[1] if hold else None
        report = self.gateways[name].report(
            f"report-{next(self.serial)}",
            *lines(amount, traces),
            at=at,  # type: ignore[arg-type]
            hold_id=hold_id,
            final=final,
        )
        return Sent(
            report=report,
            amount=amount,
            traces=traces,
            month=f"{at:%Y-%m}",
            hold_id=hold_id,
            final=final,
        )

    @rule(name=organizations, batch=st.lists(sent, min_size=1, max_size=5))
    def a_batch_is_delivered(self, name: str, batch: list[Sent]) -> None:
        batch = [one for one in batch if one.report.charge.organization_id == name]
        results = self.gateways[name].send(*(one.report for one in batch))
        model, change = self.models[name], 0
        for one, result in zip(batch, results, strict=True):
            known = (name, one.report.report_id) in self.applied
            assert result is (ReportResult.REPEATED if known else ReportResult.APPLIED)
            if not known:
                self.applied[name, one.report.report_id] = one.report
                spent = model.price(one.amount, one.traces, one.month)
                change += model.use(spent, one.hold_id, final=one.final)
        model.move(change)

    @rule(
        hold=holds,
        parts=st.lists(st.tuples(nanos, st.booleans()), min_size=2, max_size=4),
        beside=nanos,
    )
    def a_batch_draws_on_one_hold(
        self, hold: tuple[str, str], parts: list[tuple[int, bool]], beside: int
    ) -> None:
        name, hold_id = hold
        gateway, model = self.gateways[name], self.models[name]
        drawing = [
            gateway.report(
                f"report-{next(self.serial)}", *lines(amount, 0), hold_id=hold_id, final=final
            )
            for amount, final in parts
        ]
        other = gateway.report(f"report-{next(self.serial)}", *lines(beside, 0))
        assert set(gateway.send(*drawing, other)) == {ReportResult.APPLIED}
        change = sum(model.use(amount, hold_id, final=final) for amount, final in parts)
        model.move(change - beside)

    @rule(name=organizations, amount=nanos, traces=trace_counts)
    def a_deduction_is_asked_for(self, name: str, amount: int, traces: int) -> None:
        gateway, model, key = self.gateways[name], self.models[name], f"key-{next(self.serial)}"
        month = f"{gateway.now:%Y-%m}"
        before = model.traces[month]
        spent = model.price(amount, traces, month)
        if model.available < spent:
            model.traces[month] = before
            for _ in range(2):
                with pytest.raises(InsufficientCreditsError):
                    gateway.deduct(*lines(amount, traces), key=key)
            return
        first = gateway.deduct(*lines(amount, traces), key=key)
        assert gateway.deduct(*lines(amount, traces), key=key) == first
        assert -first.amount_nanos == spent
        model.move(-spent)
        assert first.available_after_nanos == model.available

    @invariant()
    def the_use_cases_agree_with_the_model(self) -> None:
        assert_laws(self.acme.world)
        for name, gateway in self.gateways.items():
            model = self.models[name]
            assert gateway.available == model.available
            assert gateway.held == sum(model.holds.values())
            for hold_id, remaining in model.holds.items():
                assert gateway.hold(hold_id).remaining_nanos == remaining
            for month, used in model.traces.items():
                assert gateway.world.trace_counts.get(name, month).used == used
            assert Counter(gateway.news) == +model.told


def lines(amount: int, traces: int) -> tuple[UsageLine, ...]:
    """An amount, and traces if there are any."""
    amounts = (AmountUsage(amount_nanos=amount),)
    return (*amounts, TraceUsage(count=traces)) if traces else amounts


TestMetering = Metering.TestCase
TestMetering.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
