"""What can go wrong on the way to a service and back: which fault befalls which call."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from simulation.chance import Chance, Stream
from simulation.scheduler import Actor

#: Which faults can befall a call to a service; some befall certain operations only.
DIES_BEFORE, DIES_AFTER = "dies before", "dies after"
REQUEST_LOST, ANSWER_LOST, ANSWER_LATE = "request lost", "answer lost", "answer late"
THROTTLED, CONFLICT, SERVER_ERROR = "throttled", "conflict", "server error"
ERROR_AFTER, KEY_IN_USE, ENTRY_REFUSED = "error after effect", "key in use", "entry refused"

_EVERYWHERE = (DIES_BEFORE, DIES_AFTER, REQUEST_LOST, ANSWER_LOST, ANSWER_LATE, SERVER_ERROR)
KINDS: dict[str, tuple[str, ...]] = {
    "dynamodb": (*_EVERYWHERE, THROTTLED, CONFLICT),
    "sqs": (*_EVERYWHERE, THROTTLED),
    "s3": _EVERYWHERE,
    "events": (*_EVERYWHERE, ENTRY_REFUSED),
    "sesv2": _EVERYWHERE,
    "secretsmanager": (*_EVERYWHERE, THROTTLED),
    "stripe": (*_EVERYWHERE, THROTTLED, ERROR_AFTER, KEY_IN_USE),
}
#: What befalls only some operations.
_ONLY = {CONFLICT: "TransactWriteItems", KEY_IN_USE: "POST", ERROR_AFTER: "POST"}

#: One call in so many is befallen by a fault, as each seed draws it anew for each kind.
_RARE, _FREQUENT = 400.0, 12.0
_DEATHS = {DIES_BEFORE, DIES_AFTER}
#: Trouble also comes in one piece: in one of so many stretches of time, most calls of a service
#: meet the same fault, or only those that change something: whoever looks first then still acts.
_OUTAGES, _OUTAGE_SECONDS, _OUTAGE_RATE = 10, 20.0, 0.7
_READS = {"GET", "GetItem", "BatchGetItem", "Query", "Scan", "ReceiveMessage", "GetObject"}


Calls = tuple[str, str, str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Befallen:
    """One fault that befell a call: who made it, which of their calls it was."""

    at: float
    actor: str
    call: int
    flow: str
    target: str
    kind: str


def can_befall(calls: Counter[Calls]) -> Counter[tuple[str, str]]:
    """How many calls of each flow each kind of fault could befall: the pairs that make sense."""
    chances: Counter[tuple[str, str]] = Counter()
    for (flow, service, operation, mortal), count in calls.items():
        for kind in KINDS[service]:
            if _ONLY.get(kind, operation) == operation and (mortal or kind not in _DEATHS):
                chances[flow, kind] += count
    return chances


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What is the matter with a service for a while."""

    kind: str
    spares_reads: bool


@dataclass(slots=True)
class Faults:
    """Draws faults for calls, at rates that each seed has of its own.

    Half of the kinds are left out of each seed, so that some seeds have few kinds but many of
    them: where everything fails at once, nothing gets far enough to go wrong in depth.
    """

    chance: Chance
    #: Faults that are taken away from the history: `(actor, number of its call)`.
    muted: frozenset[tuple[str, int]] = frozenset()
    active: bool = True
    befallen: list[Befallen] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: Calls by flow, service, operation, and whether a process makes them that can die.
    calls: Counter[Calls] = field(default_factory=Counter)
    _rates: dict[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    _outages: dict[tuple[str, int], Outage | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stream = self.chance.stream("fault rates")
        for service, kinds in KINDS.items():
            drawn = [(kind, self._rate(stream)) for kind in kinds]
            self._rates[service] = tuple((kind, rate) for kind, rate in drawn if rate)

    def draw(self, actor: Actor, service: str, operation: str, now: float) -> str | None:
        """The fault that befalls this call of the actor, if any does."""
        drawn = actor.stream.fraction()
        if not self.active:
            return None
        self.calls[actor.flow, service, operation, actor.instance is not None] += 1
        outage = self._outage(service, now)
        rates = self._rates[service]
        if outage is not None and (not outage.spares_reads or operation not in _READS):
            rates = ((outage.kind, _OUTAGE_RATE),)
        for kind, rate in rates:
            if _ONLY.get(kind, operation) != operation:
                continue
            if kind in _DEATHS and actor.instance is None:
                continue
            drawn -= rate
            if drawn < 0:
                if (actor.name, actor.calls) in self.muted:
                    return None
                self.note(actor, kind, f"{service} {operation}", now)
                return kind
        return None

    def note(self, actor: Actor, kind: str, target: str, now: float) -> None:
        """Keep in mind that a fault befell the actor."""
        self.befallen.append(
            Befallen(
                at=now,
                actor=actor.name,
                call=actor.calls,
                flow=actor.flow,
                target=target,
                kind=kind,
            )
        )
        self.counts[actor.flow, kind] += 1

    def _outage(self, service: str, now: float) -> Outage | None:
        """What is the matter with the service just now, if it has trouble for a while."""
        window = (service, int(now / _OUTAGE_SECONDS))
        if window not in self._outages:
            stream = self.chance.stream(f"outage of {service} at {window[1]}")
            kinds = [kind for kind in KINDS[service] if kind not in _DEATHS]
            found = Outage(kind=stream.choice(kinds), spares_reads=stream.one_in(2))
            self._outages[window] = found if stream.one_in(_OUTAGES) else None
        return self._outages[window]

    @staticmethod
    def _rate(stream: Stream) -> float:
        left_out = stream.one_in(2)
        frequency = _RARE * (_FREQUENT / _RARE) ** stream.fraction()
        return 0.0 if left_out else 1 / frequency
