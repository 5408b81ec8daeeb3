"""Lambda: instances that serve one invocation at a time, die at any call, and are replaced."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from devstack.invocation import FunctionSettings
from devstack.settings import CHECKOUT
from simulation.outcomes import ended
from simulation.scheduler import Actor, current
from simulation.services import SimulatedServices

if TYPE_CHECKING:
    from simulation.world import World

Event = dict[str, Any]
API = "api_handler"
#: Lambda begins a new instance for these reasons only now and then; the simulation more often.
_COLD_STARTS = 8


@cache
def _function_settings() -> FunctionSettings:
    """They are the same in every world, and take a while to read."""
    return FunctionSettings.read(CHECKOUT)


@dataclass(slots=True, eq=False)
class Instance:
    """A container with an object graph of its own, and what it has cached."""

    function: str
    number: int
    generation: int
    services: SimulatedServices
    alive: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An invocation that came to its end: what it returned, or raised."""

    value: Any = None
    error: Exception | None = None


@dataclass(slots=True, kw_only=True)
class Context:
    """What Lambda hands to a function beside its event."""

    function_name: str
    aws_request_id: str
    deadline: float
    clock: Callable[[], float]
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:simulated"

    def get_remaining_time_in_millis(self) -> int:
        """How long the function may still take."""
        return max(0, int((self.deadline - self.clock()) * 1000))


@dataclass(slots=True)
class Lambdas:
    """The application's functions."""

    world: World
    handlers: Mapping[str, Callable[[Event, Any], Any]]
    generation: int = 1
    _idle: dict[str, list[Instance]] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _settings: FunctionSettings = field(default_factory=_function_settings)

    def invoke(
        self, function: str, event: Event, *, flow: str, name: str, after: float = 0.0
    ) -> Actor:
        """Have the function handle the event; the result is `Answered`, or None if it died."""
        return self.world.start(name, lambda: self._handle(function, event), flow=flow, after=after)

    def kill(self, actor: Actor, reason: str) -> None:
        """End the process that the actor runs in. Whatever it remembered is gone."""
        actor.doomed = reason
        if actor.instance is not None:
            actor.instance.alive = False
        self.world.story.died(actor, reason)

    def deploy(self) -> None:
        """Replace all instances: those at work finish, and serve no more."""
        self.generation += 1
        self._idle.clear()

    def instance(self) -> Instance:
        """The instance in which the present actor runs."""
        instance = current().instance
        if not isinstance(instance, Instance):
            raise TypeError("only an invocation has services")
        return instance

    def _handle(self, function: str, event: Event) -> Answered:
        actor = current()
        instance = self._take(function, cold=actor.stream.one_in(_COLD_STARTS))
        actor.instance = instance
        scheduler = self.world.scheduler
        deadline = scheduler.now + self._settings.timeout_seconds(function)
        actor.deadline = deadline
        context = Context(
            function_name=function,
            aws_request_id=actor.name,
            deadline=deadline,
            clock=lambda: scheduler.now,
        )
        self.world.story.begins(actor, function, instance.number)
        try:
            answer = Answered(value=self.handlers[function](event, context))
        except Exception as error:
            answer = Answered(error=error)
            self.world.failed(actor, error)
        well = answer.error is None and not (answer.value or {}).get("batchItemFailures")
        self.world.outcomes[ended(function, well=well)] += 1
        if instance.alive and instance.generation == self.generation:
            self._idle.setdefault(function, []).append(instance)
        return answer

    def _take(self, function: str, *, cold: bool) -> Instance:
        idle = self._idle.get(function)
        if idle and not cold:
            return idle.pop()
        return Instance(
            function=function,
            number=next(self._numbers),
            generation=self.generation,
            services=SimulatedServices(self.world),
        )
