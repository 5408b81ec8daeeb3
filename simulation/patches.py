"""What the product and its libraries take from the real world, replaced while a world is simulated.

Clocks, sleeping and chance that are no ports of ours: PynamoDB's, stripe-python's, the local
Stripe's. Each is a module's own name for `time`, `random` or `secrets`, so nobody else is touched.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar
from unittest.mock import patch

from aws_lambda_powertools import Logger

from chalicelib import wiring
from chalicelib.adapters.dynamodb import models
from chalicelib.adapters.metrics import Meter
from simulation.chance import Stream
from simulation.scheduler import current, current_or_none

if TYPE_CHECKING:
    from simulation.world import World

T = TypeVar("T")


class _Time:
    """Stands for the module `time`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def time(self) -> float:
        return self._world.scheduler.now

    def monotonic(self) -> float:
        return self._world.scheduler.now

    def sleep(self, seconds: float) -> None:
        self._world.ways.pause(seconds)


class _Chance:
    """Stands for `random` and `secrets`: numbers from the stream of whoever is acting."""

    def __init__(self, world: World) -> None:
        self._world = world

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self._stream.fraction()

    def token_hex(self, count: int) -> str:
        return f"{self._stream.bits(8 * count):0{2 * count}x}"

    def choice(self, items: Sequence[T]) -> T:
        return self._stream.choice(items)

    @property
    def _stream(self) -> Stream:
        actor = current_or_none()
        stream: Stream = self._world.stream if actor is None else actor.stream
        return stream


#: Which names of which modules are replaced, and by what.
_TIMES = (
    "chalicelib.adapters.pause",
    "pynamodb.models",
    "stripe._http_client",
    "stripe._webhook",
)
_RANDOMS = (
    ("chalicelib.adapters.ids", "secrets"),
    ("chalicelib.adapters.pause", "random"),
    ("devstack.stripe.state", "secrets"),
    ("pynamodb.models", "random"),
    ("stripe._http_client", "random"),
)


@contextmanager
def simulated(world: World) -> Iterator[None]:
    """Within it, time, chance and the services of whoever acts are those of the world."""
    clock, chance = _Time(world), _Chance(world)
    connect = "chalicelib.adapters.dynamodb.models.connect"
    with ExitStack() as stack:
        for name in _TIMES:
            stack.enter_context(patch.object(import_module(name), "time", clock))
        for name, attribute in _RANDOMS:
            stack.enter_context(patch.object(import_module(name), attribute, chance))
        stack.enter_context(patch(connect, lambda *_, **__: world.connection))
        key = "stripe._api_requestor._generate_idempotency_key"
        stack.enter_context(patch(key, lambda: chance.token_hex(16)))
        # Nobody reads these answers: without line breaks they are made four times as fast.
        stack.enter_context(patch("devstack.stripe.api.to_bytes", _compact))
        stack.enter_context(patch.object(Meter, "put", _nothing))
        for name in ("debug", "info", "warning"):
            stack.enter_context(patch.object(Logger, name, _nothing))
        for name in ("error", "exception"):
            stack.enter_context(patch.object(Logger, name, world.logged))
        for module, attribute, replacement in _names_of_wiring(world):
            stack.enter_context(patch.object(module, attribute, replacement))
        logging.disable(logging.CRITICAL)
        stack.callback(logging.disable, logging.NOTSET)
        yield


@contextmanager
def models_bound_to(connect: Callable[[], None]) -> Iterator[None]:
    """Within it PynamoDB's models are bound to a connection of ours; then to theirs again."""
    before = {model: (model.Meta.table_name, model._connection) for model in models.MODELS.values()}
    connect()
    try:
        yield
    finally:
        for model, (table_name, connection) in before.items():
            model.Meta.table_name = table_name
            model._connection = connection


def _names_of_wiring(world: World) -> list[tuple[Any, str, Any]]:
    """Handlers have imported `services` and `now` by name; each finds the acting instance's."""
    replacements = {
        "services": (wiring.services, lambda: current().instance.services),
        "now": (wiring.now, lambda: datetime.fromtimestamp(world.scheduler.now, UTC)),
    }
    return [
        (module, attribute, replacement)
        for name, module in sorted(sys.modules.items())
        if name.startswith("chalicelib.")
        for attribute, (original, replacement) in replacements.items()
        if getattr(module, attribute, None) is original
    ]


def _compact(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _nothing(*_: Any, **__: Any) -> None:
    """Metrics are for CloudWatch."""
