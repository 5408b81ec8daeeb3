"""Rules that drop, duplicate, delay, hold or reorder the next events on their way out."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

Action = Literal["drop", "duplicate", "delay", "hold", "reorder"]
Order = Literal["same", "reverse", "shuffle"]


@dataclass(slots=True, kw_only=True)
class Disturbance:
    """What happens to the next events whose type matches.

    Attributes:
        action: `reorder` gathers `count` events and sends them in reverse; `hold` gathers until
            release.
        types: patterns such as `payment_intent.*`.
        count: how many events it befalls; None for all until it is cleared.
        copies: how often a duplicated event is sent in all.
        delay_seconds: how long a delayed event waits.
    """

    action: Action
    types: tuple[str, ...] = ("*",)
    count: int | None = 1
    copies: int = 2
    delay_seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Events that are sent one after the other, once `delay_seconds` have passed."""

    event_ids: tuple[str, ...]
    delay_seconds: float = 0.0


class Disturbances:
    """The rules in waiting and the events they hold back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Disturbance] = []
        self._held: list[str] = []

    def add(self, rule: Disturbance) -> None:
        """Put a rule in waiting.

        Raises:
            ValueError: for a reorder without a count, which would never send anything.
        """
        if rule.action == "reorder" and (rule.count is None or rule.count < 1):
            raise ValueError("reorder needs a count")
        with self._lock:
            self._rules.append(rule)

    def apply(self, event_id: str, event_type: str) -> list[Dispatch] | None:
        """What to send on account of this event; None when it is lost for good."""
        with self._lock:
            rule = next(
                (rule for rule in self._rules if _matches(rule, event_type)),
                None,
            )
            if rule is None:
                return [Dispatch(event_ids=(event_id,))]
            if rule.count is not None:
                rule.count -= 1
                if rule.count < 1:
                    self._rules.remove(rule)
            return self._act(rule, event_id)

    def _act(self, rule: Disturbance, event_id: str) -> list[Dispatch] | None:
        if rule.action == "drop":
            return None
        if rule.action == "duplicate":
            return [Dispatch(event_ids=(event_id,)) for _ in range(rule.copies)]
        if rule.action == "delay":
            return [Dispatch(event_ids=(event_id,), delay_seconds=rule.delay_seconds)]
        self._held.append(event_id)
        if rule.action == "reorder" and rule.count == 0:
            return [self._release("reverse", seed=0)]
        return []

    def release(self, order: Order = "same", *, seed: int = 0) -> Dispatch:
        """Send what is held, in this order, and hold no more."""
        with self._lock:
            self._rules = [rule for rule in self._rules if rule.action not in ("hold", "reorder")]
            return self._release(order, seed=seed)

    def _release(self, order: Order, *, seed: int) -> Dispatch:
        held, self._held = self._held, []
        if order == "reverse":
            held.reverse()
        elif order == "shuffle":
            random.Random(seed).shuffle(held)  # noqa: S311 - an order to test with, no secret
        return Dispatch(event_ids=tuple(held))

    def clear(self) -> None:
        """Forget every rule, and every event that is held."""
        with self._lock:
            self._rules.clear()
            self._held.clear()


def _matches(rule: Disturbance, event_type: str) -> bool:
    return any(fnmatchcase(event_type, pattern) for pattern in rule.types)
