"""The scheduler: one actor at a time, each until its next call to the outside, by a clock of ours.

Every actor is a greenlet. It runs until it waits: for the way of a request, for an answer, for
another actor. What comes next is what is due first, so all that can happen between two calls of
one actor is what others do whose time comes in between. How long each way takes is drawn from the
actor's own stream, and that is what interleaves them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, cast

from greenlet import getcurrent, greenlet

from simulation.chance import Stream

_MICROSECONDS = 1_000_000


class Ended(BaseException):
    """The actor's process is gone: raised where it was, so that nothing after it happens."""


class Actor(greenlet):  # type: ignore[misc]  # it has no types
    """Something that acts by itself: a person, a Lambda's invocation, a bank, a poller.

    `name` is the same in every run of the seed, whatever else is left out of it. `flow` is the
    part of the product that it exercises. Once it is `doomed` it ends where it waits next.
    """

    def __init__(
        self, scheduler: Scheduler, name: str, flow: str, act: Callable[[], Any], stream: Stream
    ) -> None:
        super().__init__(self._run_act, scheduler.hub)
        self.scheduler = scheduler
        self.name = name
        self.flow = flow
        self.stream = stream
        self.calls = 0
        self.instance: Any = None
        self.doomed: str | None = None
        self.began = 0.0
        self.deadline: float | None = None
        self.over = False
        self.result: Any = None
        self.waiters: list[Actor] = []
        self._children = 0
        self._act = act
        self._turn = 0

    def child_name(self, what: str) -> str:
        """A name for something that this actor brings about."""
        self._children += 1
        return f"{self.name}>{what}{self._children}"

    def _run_act(self) -> None:
        self.began = self.scheduler.now
        try:
            self.result = self._act()
        except Ended:
            pass
        finally:
            self.over = True
            for waiter in self.waiters:
                self.scheduler.wake(waiter)
            self.waiters.clear()


class Scheduler:
    """Runs actors by due time; `now` is in seconds since 1970."""

    def __init__(self, *, start: float) -> None:
        self.hub = cast("greenlet", getcurrent())
        self.steps = 0
        self.actors = 0
        self._now = int(start * _MICROSECONDS)
        self._due: list[tuple[int, str, int, Actor]] = []
        self._alive: set[Actor] = set()

    @property
    def now(self) -> float:
        """The time."""
        return self._now / _MICROSECONDS

    def start(
        self,
        name: str,
        act: Callable[[], Any],
        *,
        flow: str,
        stream: Stream,
        after: float = 0.0,
    ) -> Actor:
        """Have an actor begin after so many seconds."""
        actor = Actor(self, name, flow, act, stream)
        self.actors += 1
        self._alive.add(actor)
        self._schedule(actor, after)
        return actor

    def wait(self, seconds: float) -> None:
        """Let the others act for so long. Only actors wait.

        Raises:
            Ended: if the actor's process is gone by then.
        """
        actor = current()
        self._schedule(actor, seconds)
        self._switch(actor)

    def wait_for(self, other: Actor, *, at_most: float) -> bool:
        """Wait until the other is over, or for so long; whether it is over."""
        actor = current()
        if not other.over:
            other.waiters.append(actor)
            self._schedule(actor, at_most)
            self._switch(actor)
            if actor in other.waiters:
                other.waiters.remove(actor)
        return other.over

    def wake(self, actor: Actor) -> None:
        """Have a waiting actor go on now."""
        self._schedule(actor, 0.0)

    def turn(self) -> Actor | None:
        """Let whoever is due first act, until it waits again; gives who it was."""
        while self._due:
            at, _, turn, actor = heapq.heappop(self._due)
            if actor.over or turn != actor._turn:
                continue
            self._now = max(self._now, at)
            actor.switch()
            if actor in self._alive and not actor:
                self._alive.discard(actor)
            return actor
        return None

    def pass_time(self, until: float) -> None:
        """Let time pass in which nothing is due."""
        self._now = max(self._now, int(until * _MICROSECONDS))

    def alive(self) -> list[Actor]:
        """Who has begun or will begin and isn't over, by name."""
        return sorted(self._alive, key=lambda actor: actor.name)

    def stop(self) -> None:
        """End everybody, so that nothing is left of the run."""
        for actor in self.alive():
            actor.doomed = "the run is over"
            while actor and not actor.over:
                actor.throw(Ended())
            self._alive.discard(actor)
        self._due.clear()

    def _schedule(self, actor: Actor, after: float) -> None:
        actor._turn += 1
        at = self._now + max(0, int(after * _MICROSECONDS))
        heapq.heappush(self._due, (at, actor.name, actor._turn, actor))

    def _switch(self, actor: Actor) -> None:
        if actor.doomed is not None:
            raise Ended
        self.hub.switch()
        if actor.doomed is not None:
            raise Ended


def current() -> Actor:
    """The actor that is acting."""
    actor = getcurrent()
    if not isinstance(actor, Actor):
        raise TypeError("nobody is acting: only actors wait and call")
    return actor


def current_or_none() -> Actor | None:
    """The actor that is acting, if one is."""
    actor = getcurrent()
    return actor if isinstance(actor, Actor) else None
