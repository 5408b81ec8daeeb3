"""One history: acts and faults until the steps are used up, the drain, and the last checks."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from simulation.director import Director
from simulation.drain import Drain
from simulation.faults import Calls
from simulation.laws.balances import Balances
from simulation.laws.charges import Charges
from simulation.laws.documents import Documents
from simulation.laws.settled import Settled
from simulation.laws.standings import Standings
from simulation.observer import Observer
from simulation.world import Violation, World

DEFAULT_STEPS = 2_000
#: The drain is over long before; a history that takes more never comes to rest.
_MOST_DRAIN_STEPS = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which history: the seed, and what is left out of it."""

    seed: int
    steps: int = DEFAULT_STEPS
    without: frozenset[int] = frozenset()
    muted: frozenset[tuple[str, int]] = frozenset()


@dataclass(slots=True, kw_only=True)
class History:
    """How a history went."""

    plan: Plan
    steps: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    violations: list[Violation] = field(default_factory=list)
    crash: str | None = None
    begun: Counter[str] = field(default_factory=Counter)
    numbers: list[int] = field(default_factory=list)
    befallen: list[tuple[str, int]] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    calls: Counter[Calls] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)
    digest: str = ""

    @property
    def failed(self) -> bool:
        """Whether it broke a law, or the simulator itself."""
        return bool(self.violations or self.crash)


def run(plan: Plan, *, tells: bool = False, make: Callable[..., World] = World) -> History:
    """Run one history from its beginning to its end, or to the first law that is broken."""
    began, cpu_began = time.perf_counter(), time.process_time()
    world = make(plan.seed, muted=plan.muted, tells=tells)
    history = History(plan=plan)
    observer = Observer(world)
    balances = Balances(world, observer)
    charges, documents = Charges(world, observer), Documents(world, observer)
    standings = Standings(world, observer)
    director = Director(world, without=plan.without)
    with world.simulated():
        try:
            director.open()
            _act(world, until_steps=plan.steps)
            if not world.violations:
                drain = Drain(world, director)
                drain.begin()
                most = world.scheduler.steps + _MOST_DRAIN_STEPS
                while not drain.over and not world.violations:
                    world.scheduler.turn()
                    if world.scheduler.steps > most:
                        world.violated("8 a crash loses nothing", "the world never comes to rest")
            if not world.violations:
                Settled(world, observer, balances).check()
                charges.settled()
                documents.settled()
                standings.settled()
        except Exception:
            history.crash = traceback.format_exc()
        history.steps = world.scheduler.steps
    history.seconds = time.perf_counter() - began
    history.cpu_seconds = time.process_time() - cpu_began
    history.violations = world.violations
    history.begun, history.numbers = director.begun, director.numbers
    history.befallen = [(each.actor, each.call) for each in world.faults.befallen]
    history.counts, history.calls = world.faults.counts, world.faults.calls
    history.outcomes = world.outcomes
    history.story = world.story.lines
    history.digest = world.digest()
    return history


def _act(world: World, *, until_steps: int) -> None:
    while world.scheduler.steps < until_steps and not world.violations:
        if world.scheduler.turn() is None:
            raise RuntimeError("nobody acts any more")
