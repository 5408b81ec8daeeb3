"""Where the services in memory may choose, and what they choose: often the worst they may."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from simulation.chance import Stream
from simulation.cloud import Choices
from simulation.scheduler import Actor, current_or_none

if TYPE_CHECKING:
    from simulation.world import World


class Weakness(Choices):
    """Draws from the stream of whoever is acting, at rates that each seed has of its own."""

    settles_after = timedelta(minutes=5)

    def __init__(self, world: World) -> None:
        self._world = world
        stream = world.chance.stream("weakness")
        self.remembers = not stream.one_in(3)
        self._stale, self._twice, self._again, self._disorder, self._unprocessed = (
            _rate(stream) for _ in range(5)
        )

    def read_behind(self, table: str, key: str, changes: int) -> int:
        """See Choices."""
        del table, key
        return self._behind("stale read", changes)

    def index_behind(self, index: str, key: str, changes: int) -> int:
        """See Choices."""
        del index, key
        return self._behind("stale index", changes)

    def unprocessed(self, operation: str, count: int) -> int:
        """See Choices."""
        del operation
        return self._some("unprocessed", self._unprocessed, count - 1)

    def next_message(self, queue: str, waiting: int) -> int:
        """See Choices."""
        del queue
        return self._some("out of order", self._disorder, waiting - 1)

    def received_fewer(self, queue: str, count: int) -> int:
        """See Choices."""
        del queue
        return self._some("received fewer", self._disorder, count - 1)

    def delivered_twice(self, queue: str, message_id: str) -> bool:
        """See Choices."""
        del queue, message_id
        return self._some("delivered twice", self._twice, 1) > 0

    def survives_deletion(self, queue: str, message_id: str) -> bool:
        """See Choices."""
        del queue, message_id
        return self._some("survived deletion", self._again, 1) > 0

    def _behind(self, kind: str, changes: int) -> int:
        return self._some(kind, self._stale, changes)

    def _some(self, kind: str, rate: float, most: int) -> int:
        actor = current_or_none()
        if actor is None or most < 1 or not self._world.faults.active:
            return 0
        drawn = actor.stream.fraction()
        if drawn >= rate or (actor.name, actor.calls) in self._world.faults.muted:
            return 0
        self._note(actor, kind)
        return 1 + int(drawn / rate * most) if most > 1 else 1

    def _note(self, actor: Actor, kind: str) -> None:
        self._world.faults.note(actor, kind, "", self._world.scheduler.now)
        self._world.story.tell(actor.name, f"** {kind} **")


def _rate(stream: Stream) -> float:
    left_out = stream.one_in(2)
    drawn = 0.02 + 0.3 * stream.fraction()
    return 0.0 if left_out else drawn
