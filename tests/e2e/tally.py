"""How often a deployment's functions ran, and what in their logs shouldn't be there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from tests.e2e.deployment import Deployment

#: What a function's log says when the rights of its role, its code or its time didn't suffice.
_FAILURES = ("AccessDenied", "not authorized", '"level":"ERROR"', "Traceback", "timed out")
_START = "START RequestId"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the functions of one deployment have logged so far, by their logical ids."""

    invocations: dict[str, int]
    failures: dict[str, list[str]]

    @classmethod
    def of(cls, deployment: Deployment) -> Tally:
        """Read the logs."""
        logs = {name: deployment.log_of(name) for name in deployment.functions}
        return cls(
            invocations={
                name: sum(line.startswith(_START) for line in log) for name, log in logs.items()
            },
            failures={
                name: [line for line in log if any(sign in line for sign in _FAILURES)]
                for name, log in logs.items()
            },
        )

    @staticmethod
    def table(tallies: Iterable[Tally]) -> Iterator[str]:
        """All of them, a line for each function."""
        tallies = list(tallies)
        yield "Functions invoked, and errors in their logs:"
        for name in sorted(set(chain.from_iterable(t.invocations for t in tallies))):
            times = sum(tally.invocations.get(name, 0) for tally in tallies)
            errors = sum(len(tally.failures.get(name, ())) for tally in tallies)
            yield f"  {name:<20}{times:>7}{errors:>5}"
        errors = sum(len(found) for tally in tallies for found in tally.failures.values())
        times = sum(sum(tally.invocations.values()) for tally in tallies)
        yield f"  {'all':<20}{times:>7}{errors:>5}"
