"""A deliberately simple book: what callers were answered, and what balances follow from it.

It knows nothing of entries, holds' rests or rivals. It adds up what was answered and what Stripe
holds, and at the end the accounts must agree to the nano-dollar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulation.http import Demand, Reply, ask
from simulation.money import nanos
from simulation.scheduler import current

if TYPE_CHECKING:
    from simulation.world import World

#: Answers that are kept for a key for ever.
KEPT = frozenset({200, 201, 402})
_UNDECIDED = frozenset({429, 500, 502, 503})
_TRACES_FREE = 10_000
_TRACE_NANOS = 500_000


@dataclass(slots=True)
class Asked:
    """A request with a key, and the first answer that is kept for it."""

    demand: Demand
    reply: Reply | None = None
    refused: Reply | None = None


@dataclass(slots=True)
class Sent:
    """A usage report: its contents, of which only one may ever be applied."""

    bodies: list[Mapping[str, Any]]

    @property
    def contested(self) -> bool:
        """Whether other content came under its id."""
        return len(self.bodies) > 1

    def applied(self, amount_nanos: int, *, traces: int) -> Mapping[str, Any]:
        """The content that was applied, if so much was taken and so many traces were counted."""
        for body in self.bodies[1:]:
            costs_nanos = sum(map(cost_nanos, body["lines"]))
            if costs_nanos == amount_nanos and traces_of(body["lines"]) == traces:
                return body
        return self.bodies[0]


@dataclass(slots=True)
class Book:
    """What is known from outside."""

    world: World
    asked: dict[tuple[str, str, str], Asked] = field(default_factory=dict)
    reports: dict[tuple[str, str], Sent] = field(default_factory=dict)
    #: What every organization whose account somebody may have closed was last asked to be, and
    #: what of its credits is known to be given up.
    closings: dict[str, Demand] = field(default_factory=dict)
    given_up: Counter[str] = field(default_factory=Counter)

    def ask(self, demand: Demand, *, patience: float = 29.0) -> Reply | None:
        """Send a request and keep what it was answered; the same key must answer the same."""
        if demand.route == "/closure":
            self.closings.setdefault(demand.organization_id, demand)
        reply = ask(self.world, demand, patience=patience)
        if reply is None:
            self._known(demand)
            return None
        if demand.key is not None:
            self._compare(demand, reply)
        if demand.route == "/closure" and "forfeited" in reply.body:
            self._closed(demand, reply)
        return reply

    def insist(self, demand: Demand, *, tries: int = 4, patience: float = 29.0) -> Reply | None:
        """Ask with the same key until there is an answer, or patience runs out."""
        reply: Reply | None = None
        for _ in range(tries):
            reply = self.ask(demand, patience=patience)
            if reply is not None and not undecided(reply):
                return reply
            self.world.scheduler.wait(current().stream.seconds(3.0))
        return reply

    def unresolved(self) -> list[Asked]:
        """Requests of which nobody knows yet what became of them."""
        return [
            asked for asked in self.asked.values() if asked.reply is None and asked.refused is None
        ]

    def sent(self, organization_id: str, body: Mapping[str, Any]) -> None:
        """Keep that a report was sent."""
        key = (organization_id, str(body["report_id"]))
        known = self.reports.setdefault(key, Sent([body]))
        if body not in known.bodies:
            known.bodies.append(body)

    def spent_nanos(
        self,
        organization_id: str,
        applied: Iterable[Mapping[str, Any]],
        month_of: Callable[[str, str], str],
    ) -> int:
        """What was taken: by requests that were granted, and by the reports that were applied.

        `month_of` gives the month in which the request of a route and key was granted.
        """
        total = self.given_up[organization_id]
        traces: Counter[str] = Counter()
        for (org, route, key), asked in self.asked.items():
            if org != organization_id or asked.reply is None or asked.reply.status > 201:  # noqa: PLR2004
                continue
            usage = (asked.demand.body or {}).get("usage")
            if route == "/adjustments":
                total -= nanos(asked.reply.body["amount"])
            elif usage is not None:
                total += sum(map(cost_nanos, usage))
                traces[month_of(route, key)] += traces_of(usage)
            elif route == "/deductions" or route.endswith("/settle"):
                total += nanos(asked.reply.body["amount"])
        for body in applied:
            total += sum(map(cost_nanos, body["lines"]))
            traces[str(body["occurred_at"])[:7]] += traces_of(body["lines"])
        return total + sum(max(0, n - _TRACES_FREE) * _TRACE_NANOS for n in traces.values())

    def _closed(self, demand: Demand, reply: Reply) -> None:
        """Keep the way in which it is being closed, and what was given up in all."""
        organization_id, forfeited_nanos = demand.organization_id, nanos(reply.body["forfeited"])
        self.closings[organization_id] = demand
        self.given_up[organization_id] = max(self.given_up[organization_id], forfeited_nanos)

    def _known(self, demand: Demand) -> None:
        if demand.key is not None:
            place = (demand.organization_id, _place(demand), demand.key)
            self.asked.setdefault(place, Asked(demand))

    def _compare(self, demand: Demand, reply: Reply) -> None:
        place = (demand.organization_id, _place(demand), demand.key or "")
        asked = self.asked.setdefault(place, Asked(demand))
        if asked.demand.body != demand.body or asked.demand.ids != demand.ids:
            self._other_content(asked, demand, reply)
            return
        if reply.status not in KEPT:
            if not undecided(reply):
                asked.refused = reply
            return
        if asked.reply is None:
            asked.reply = reply
        elif (asked.reply.status, asked.reply.body) != (reply.status, reply.body):
            self.world.violated(
                "6 same key, same answer",
                f"{demand.said} was answered {asked.reply} and then {reply}",
            )

    def _other_content(self, asked: Asked, demand: Demand, reply: Reply) -> None:
        if asked.reply is None and reply.status in KEPT:
            # The first request never took hold, so this one is the first.
            asked.demand, asked.reply = demand, reply
        elif reply.status in {200, 201}:
            self.world.violated(
                "6 same key, same answer",
                f"{demand.said} was accepted, though the key was another request's",
            )


def undecided(reply: Reply) -> bool:
    """Whether the answer leaves open what became, or will become, of the request."""
    return reply.status in _UNDECIDED or reply.code == "request_in_progress"


def cost_nanos(line: Mapping[str, Any]) -> int:
    """What a line costs, but for traces, whose price depends on the month."""
    if line["kind"] == "amount":
        return nanos(str(line["amount"]))
    if line["kind"] == "model":
        # gpt-4o: 2.50 USD for a million tokens that go in, 10.00 USD for as many that come out.
        return int(line["input_tokens"]) * 2_500 + int(line["output_tokens"]) * 10_000
    return 0


def traces_of(lines: Iterable[Mapping[str, Any]]) -> int:
    """How many traces these lines count."""
    return sum(int(line["count"]) for line in lines if line["kind"] == "traces")


def _place(demand: Demand) -> str:
    """Which keys are kept apart: those of different operations."""
    return demand.route
