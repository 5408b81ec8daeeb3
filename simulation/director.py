"""The director: who begins to do what, and when; and the schedules that never stop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulation import banks, gateways, operators, people
from simulation.chance import Stream
from simulation.scheduler import current, current_or_none

if TYPE_CHECKING:
    from simulation.world import World

Act = Callable[["World", str], object]

#: What may begin, what part of the product it exercises, and how often it does.
ACTS: tuple[tuple[str, str, Act, float], ...] = (
    ("buy", "purchase", people.buy, 14.0),
    ("save card", "card", people.save_card, 5.0),
    ("billing details", "billing details", people.change_billing_details, 2.0),
    ("top-up settings", "settings", people.save_top_up, 7.0),
    ("choose card", "card", people.choose_card, 2.0),
    ("remove card", "card", people.remove_card, 1.5),
    ("look", "page", people.look_around, 2.0),
    ("deduct", "deduction", gateways.deduct, 14.0),
    ("count traces", "deduction", gateways.count_traces, 4.0),
    ("hold", "hold", gateways.hold, 11.0),
    ("report", "usage report", gateways.report, 14.0),
    ("access", "access", gateways.ask_access, 4.0),
    ("refund", "refund", operators.refund, 4.0),
    ("adjust", "adjustment", operators.adjust, 4.0),
    ("dashboard refund", "refund", operators.refund_in_dashboard, 3.5),
    ("suspend", "suspension", operators.suspend, 1.5),
    ("close", "closing", operators.close, 0.6),
    ("deploy", "deploy", operators.deploy, 1.0),
    ("rotate secret", "webhook", operators.rotate_secret, 0.5),
    ("bank", "purchase", banks.decide_payments, 4.0),
    ("dispute", "dispute", banks.dispute, 3.0),
    ("decide disputes", "dispute", banks.decide_disputes, 1.5),
    ("settle refunds", "refund", banks.settle_refunds, 2.0),
    ("change card", "auto top-up", banks.change_card, 4.0),
    ("detach card", "card", banks.detach_card, 1.0),
    ("hints", "auto top-up", gateways.hint_again, 3.0),
    ("fetch customer", "auto top-up", banks.fetch_customer, 3.0),
)
#: Each seed does some things more often than others, and some not at all, so that its acts meet.
_MOODS = ((0.0, 1.0), (0.3, 1.0), (1.0, 3.0), (4.0, 1.5))
#: Without these nothing else comes about.
_ALWAYS = {"buy", "save card", "top-up settings"}
#: How long until the next act begins, in seconds: mostly at once, so that acts meet.
_GAPS = ((0.02, 30.0), (0.4, 25.0), (4.0, 20.0), (60.0, 15.0), (1200.0, 6.0), (30_000.0, 1.5))
_FAST = {
    "payment_intent.processing": banks.decide,
    "payment_intent.requires_action": people.answer_challenge,
}
_SWEEP_SECONDS = 60.0
_LONGEST_SWEEP_SECONDS = 6 * 3600.0
_RECONCILE_SECONDS = 6 * 3600.0
_RECONCILE_OFTEN_SECONDS = 1800.0


@dataclass(slots=True)
class Director:
    """Plans the history. `without` are the numbers of acts that are left out of it."""

    world: World
    without: frozenset[int] = frozenset()
    begun: Counter[str] = field(default_factory=Counter)
    numbers: list[int] = field(default_factory=list)
    stopped: bool = False
    sweep_wait: float = _SWEEP_SECONDS
    failed_sweeps: list[Exception] = field(default_factory=list)

    def open(self) -> None:
        """Begin."""
        world = self.world
        count = world.chance.stream("organizations").between(1, 4)
        organizations = [f"org{number}" for number in range(1, count + 1)]
        world.organizations[:] = organizations
        world.on_event.append(self._hint_while_charging)
        world.on_event.append(self._decide_at_once)
        world.start("director", lambda: self._direct(organizations), flow="")
        self.start_schedules()

    def _hint_while_charging(self, event: dict[str, Any]) -> None:
        """While a top-up is charged, hints go on coming: the usage doesn't stop for it."""
        world, actor = self.world, current_or_none()
        payment = event["data"]["object"]
        automatic = "auto top-up" in str(payment.get("description", ""))
        if event["type"] != "payment_intent.created" or not automatic or actor is None:
            return
        organization_id = payment["metadata"]["organization_id"]
        name = actor.child_name("hints")
        world.start(
            name, lambda: gateways.hint_again(world, organization_id, gap=0.02), flow="auto top-up"
        )

    def _decide_at_once(self, event: dict[str, Any]) -> None:
        """Some banks and customers are faster than the answer to who charged them."""
        world, actor, payment = self.world, current_or_none(), event["data"]["object"]
        decide = _FAST.get(event["type"])
        if decide is None or actor is None:
            return
        name = actor.child_name("at once")
        stream = world.chance.stream(f"{name} whether")
        if not stream.one_in(3):
            return
        after = stream.seconds(0.1)
        world.start(name, lambda: decide(world, payment["id"]), flow="purchase", after=after)

    def start_schedules(self) -> None:
        """Have the sweep and the reconciliation run now and again."""
        self.world.start("sweeper", self._sweep, flow="sweep", after=_SWEEP_SECONDS)
        self.world.start("reconciler", self._reconcile, flow="reconcile", after=3600.0)

    def _direct(self, organizations: list[str]) -> None:
        stream, number = current().stream, 0
        weights = _weights(self.world)
        favourite = organizations[0]
        while not self.stopped:
            gap = stream.weighted(_GAPS) * (0.5 + stream.fraction())
            self.world.scheduler.wait(gap)
            what, flow, act, _ = stream.weighted(weights)
            if stream.one_in(4):
                favourite = stream.choice(organizations)
            number += 1
            if gap > _SWEEP_SECONDS:
                self.sweep_wait = _SWEEP_SECONDS
            if number in self.without or self.stopped:
                continue
            self.numbers.append(number)
            self.begun[what] += 1
            self._begin(f"{number:03d} {what}", act, favourite, flow)

    def _begin(self, name: str, act: Act, organization_id: str, flow: str) -> None:
        self.world.start(name, lambda: act(self.world, organization_id), flow=flow)

    def _sweep(self) -> None:
        """Every minute, and more seldom while nothing happens; now and then twice at once."""
        world, stream = self.world, current().stream
        while True:
            again = world.faults.active and stream.one_in(10)
            for copy in range(2 if again else 1):
                self._schedule("sweep", "sweep", after=copy * stream.seconds(0.2))
            world.scheduler.wait(self.sweep_wait * _late(stream, active=world.faults.active))
            self.sweep_wait = min(_LONGEST_SWEEP_SECONDS, self.sweep_wait * 1.6)

    def _reconcile(self) -> None:
        while True:
            self._schedule("reconcile", "reconcile", after=0.0)
            # Where most webhooks get lost, it has something to repair, and faults to meet.
            often = self.world.webhooks.forgetful and not self.stopped
            seconds = _RECONCILE_OFTEN_SECONDS if often else _RECONCILE_SECONDS
            self.world.scheduler.wait(seconds)

    def _schedule(self, function: str, flow: str, *, after: float) -> None:
        world, actor = self.world, current()
        event = {
            "version": "0",
            "id": actor.name,
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": "000000000000",
            "time": world.now().isoformat(),
            "region": "us-east-1",
            "resources": [],
            "detail": {},
        }
        name = actor.child_name(function)
        world.lambdas.invoke(function, event, flow=flow, name=name, after=after)


def _weights(world: World) -> tuple[tuple[tuple[str, str, Act, float], float], ...]:
    """How often each act begins in this seed."""
    stream = world.chance.stream("moods")
    drawn = [(act, stream.weighted(_MOODS)) for act in ACTS]
    return tuple((act, act[3] * (mood or act[0] in _ALWAYS)) for act, mood in drawn)


def _late(stream: Stream, *, active: bool) -> float:
    """A schedule that is now and then late."""
    drawn = stream.fraction()
    return 1.0 + (5.0 * drawn if active and drawn > 0.9 else 0.0)  # noqa: PLR2004
