"""The story: what happened, in the order in which it did, told so that people can follow it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from simulation.cloud import Request
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

    def call(
        self, actor: Actor, service: str, operation: str, fault: str | None, about: object
    ) -> None:
        """An actor calls a service: a request to AWS, or the path at Stripe."""
        if self.kept:
            befallen = f"  ** {fault} **" if fault else ""
            subject = _subject(about.params) if isinstance(about, Request) else str(about)
            self.tell(actor.name, f"→ {service} {operation} {subject}{befallen}")

    def refused(self, actor: Actor, error: Exception) -> None:
        """A service of AWS has refused, for a reason of its own."""
        if self.kept:
            self.tell(actor.name, f"← {error}"[:300])

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


def _subject(params: Mapping[str, Any]) -> str:
    """What a request is about: its tables and keys, its queue, its object."""
    if "TransactItems" in params:
        parts = (part for item in params["TransactItems"] for part in item.values())
        return ", ".join(_place(part) for part in parts)
    if "RequestItems" in params:
        return ", ".join(str(table) for table in params["RequestItems"])
    if "TableName" in params:
        return _place(params)
    named = (params.get(name) for name in ("QueueUrl", "Key", "SecretId"))
    return " ".join(str(name).rpartition("/")[2] for name in named if name)


def _place(params: Mapping[str, Any]) -> str:
    """A table by the end of its name, and the item's key if it is told."""
    table = str(params["TableName"]).rpartition("-")[2]
    item = params.get("Key") or dict(list(params.get("Item", {}).items())[:1])
    key = "/".join(str(text) for value in item.values() for text in value.values())
    return f"{table} {key}".rstrip()
