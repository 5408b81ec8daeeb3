"""The story: what happened, in the order in which it did, told so that people can follow it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from simulation.scheduler import Actor

if TYPE_CHECKING:
    from simulation.world import World


@dataclass(slots=True)
class Story:
    """Lines of what happened; kept only when somebody is going to read them."""

    world: World
    kept: bool = False
    lines: list[str] = field(default_factory=list)

    def tell(self, who: str, what: str) -> None:
        """Add a line."""
        if self.kept:
            now = self.world.scheduler.now
            at = datetime.fromtimestamp(now, UTC).strftime("%m-%d %H:%M:%S.%f")[:-3]
            self.lines.append(f"{at}  {who}: {what}")

    def call(self, actor: Actor, service: str, operation: str, fault: str | None) -> None:
        """An actor calls a service."""
        if self.kept:
            befallen = f"  ** {fault} **" if fault else ""
            self.tell(actor.name, f"→ {service} {operation}{befallen}")

    def answered(self, actor: Actor, status: int) -> None:
        """Stripe has answered, whether or not the answer arrives."""
        if self.kept:
            self.tell(actor.name, f"← {status}")

    def begins(self, actor: Actor, function: str, instance: int) -> None:
        """An invocation begins."""
        if self.kept:
            self.tell(actor.name, f"{function} begins in instance {instance}")

    def died(self, actor: Actor, reason: str) -> None:
        """A process has ended before its work did."""
        if self.kept:
            self.tell(actor.name, f"its process ended: {reason}")
