"""The drain: faults stop, banks decide, operators do as their manual says, and time passes.

Who is above the threshold falls below it once more, and then nothing happens there any more: what
is due must be noticed without another usage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulation import banks
from simulation.book import undecided
from simulation.http import Demand
from simulation.money import nanos, usd
from simulation.operators import closure, resume, use_last
from simulation.scheduler import current

if TYPE_CHECKING:
    from simulation.director import Director
    from simulation.world import World

_HOUR = 3600.0
#: A person who is to act for an automatic payment has a day, and the sweep comes every few hours.
_UNTIL_ABANDONED = 33 * _HOUR
_ASKED_AGAIN = 30
_COMPLETE, _CONFLICT = 200, 409


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
        self._resume()
        wait(_UNTIL_ABANDONED)
        self._redrive()
        self._close()
        self._pass_sweeps()
        wait(_HOUR)
        self._resolve()
        self._decide()
        self._pass_sweeps()
        wait(8 * _HOUR)
        self._resolve()
        # What came meanwhile of payments and refunds is given up, or sent back, too.
        self._close()
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

    def _resume(self) -> None:
        """Let some of those go on that may have been left suspended."""
        stream = current().stream
        for organization_id in self._world.organizations:
            if stream.one_in(2):
                resume(self._world, organization_id)

    def _close(self) -> None:
        """Go on with every closing until it is complete, as the answer says."""
        for organization_id, begun in list(self._world.book.closings.items()):
            refunds = bool((begun.body or {})["refund"])
            for attempt in range(_ASKED_AGAIN):
                demand = closure(organization_id, refunds=refunds)
                reply = self._world.book.insist(demand)
                if reply is not None and reply.status == _COMPLETE:
                    break
                if reply is not None and reply.status == _CONFLICT:
                    refunds = not refunds
                elif reply is not None and any("adjustment" in left for left in reply.body["left"]):
                    self._take_rest(organization_id, f"rest {organization_id} {attempt}")
                self._world.scheduler.wait(60.0)
            else:
                self._world.violated("8 a closing ends", f"{organization_id} is never closed")

    def _take_rest(self, organization_id: str, key: str) -> None:
        """Take by an adjustment the credits whose money can't go back to the card."""
        credits_ = Demand(organization_id, "GET", "/credits", flow="drain")
        reply = self._world.book.insist(credits_)
        left_nanos = 0 if reply is None else nanos(reply.body["available"])
        if left_nanos <= 0:
            return
        body = {"amount": f"-{usd(left_nanos)}", "reason": "paid back by transfer"}
        demand = Demand(
            organization_id,
            "POST",
            "/adjustments",
            flow="drain",
            scope="operator",
            body=body,
            key=f"{key} at {self._world.scheduler.now}",
        )
        self._world.book.insist(demand)

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
