"""The drain: faults stop, banks decide, operators do as their manual says, and time passes.

Who is above the threshold falls below it once more, and then nothing happens there any more: what
is due must be noticed without another usage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulation import banks
from simulation.book import undecided
from simulation.operators import use_last

if TYPE_CHECKING:
    from simulation.director import Director
    from simulation.world import World

_HOUR = 3600.0
#: A person who is to act for an automatic payment has a day, and the sweep comes every few hours.
_UNTIL_ABANDONED = 33 * _HOUR
_ASKED_AGAIN = 30


class Drain:
    """What brings a history to rest."""

    def __init__(self, world: World, director: Director) -> None:
        self._world = world
        self._director = director
        self.over = False

    def begin(self) -> None:
        """Stop the faults and the director, and begin."""
        self._world.faults.active = False
        self._director.stopped = True
        self._world.story.tell("the world", "—— the faults stop ——")
        self._world.start("drain", self._drain, flow="drain")
        for number, organization_id in enumerate(self._world.organizations):
            self._world.start(
                f"drain {organization_id}",
                lambda organization_id=organization_id: banks.decide_payments(  # type: ignore[misc]
                    self._world, organization_id
                ),
                flow="drain",
                after=60.0 + number,
            )

            self._world.start(
                f"last use of {organization_id}",
                lambda organization_id=organization_id: use_last(  # type: ignore[misc]
                    self._world, organization_id
                ),
                flow="drain",
                after=0.25 * _HOUR,
            )

    def _drain(self) -> None:
        wait = self._world.scheduler.wait
        self._pass_sweeps()
        wait(0.5 * _HOUR)
        self._resolve()
        wait(_UNTIL_ABANDONED)
        self._redrive()
        self._pass_sweeps()
        wait(_HOUR)
        self._resolve()
        self._decide()
        self._pass_sweeps()
        wait(8 * _HOUR)
        self._resolve()
        wait(_HOUR)
        self._world.streams.read_all()
        if left := self._world.book.unresolved():
            self._world.violated(
                "6 same key, same answer", f"no answer ever: {left[0].demand.said}"
            )
        self.over = True

    def _pass_sweeps(self) -> None:
        self._director.sweep_wait = 60.0

    def _decide(self) -> None:
        for organization_id in self._world.organizations:
            banks.decide_payments(self._world, organization_id)

    def _resolve(self) -> None:
        """Ask again, with the same keys, what nobody knows the outcome of."""
        for _ in range(_ASKED_AGAIN):
            unresolved = self._world.book.unresolved()
            for asked in unresolved:
                reply = self._world.book.ask(asked.demand)
                if reply is not None and undecided(reply) and reply.code == "request_in_progress":
                    self._world.story.tell("drain", "it is still at work")
            if not unresolved:
                return
            self._world.scheduler.wait(20.0)

    def _redrive(self) -> None:
        """Move dead letters back to their queues, as operators do once the trouble is over."""
        sqs, environment = self._world.cloud.sqs, self._world.cloud.environment
        for url, back in self._world.redrives():
            for message in sqs.messages(url):
                if message.get("MessageAttributes", {}).get("reason"):
                    continue
                params = {"QueueUrl": back, "MessageBody": message["Body"]}
                if back == environment["USAGE_QUEUE_URL"]:
                    params |= {
                        "MessageGroupId": "redriven",
                        "MessageDeduplicationId": f"redriven {message['MessageId']}",
                    }
                sqs.call("SendMessage", sqs.completed("SendMessage", params))
                self._world.queues.poll_soon(back)
