"""The world of one seed: the product over services in memory, and everybody who acts in it."""

from __future__ import annotations

import hashlib
import json
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.dynamodb.models import connect
from chalicelib.config import Settings
from simulation.book import Book
from simulation.chance import Chance, Stream
from simulation.cloud import MemoryCloud, Request
from simulation.deliveries import Queues, Streams
from simulation.faults import Faults
from simulation.lambdas import API, Lambdas
from simulation.patches import models_bound_to, simulated
from simulation.scheduler import Actor, Scheduler, current, current_or_none
from simulation.story import Story
from simulation.stripe_side import StripeSide
from simulation.weakness import Weakness
from simulation.webhooks import STRIPE_SECRET, Webhooks
from simulation.wire import Ways

#: Monday, shortly before a month ends, so that months end in most histories.
START = datetime(2026, 11, 29, 21, 0, tzinfo=UTC)
_CURSOR_KEYS = "simulation/cursors"
_GIVEN = {
    "STRIPE_PUBLISHABLE_KEY": "pk_test_simulation",
    "JWT_ISSUER": "https://issuer.invalid",
    "JWT_AUDIENCE": "simulation",
    "JWT_JWKS_URL": "https://issuer.invalid/keys",
    "STRIPE_SECRET_ID": STRIPE_SECRET,
    "CURSOR_SECRET_ID": _CURSOR_KEYS,
    "MAIL_SENDER": "billing@example.com",
}
_SERVICES = ("sqs", "s3", "events", "sesv2", "secretsmanager")
#: No service in trouble explains these.
_MISTAKES = (
    NotImplementedError,
    AttributeError,
    KeyError,
    IndexError,
    NameError,
    TypeError,
    AssertionError,
)
#: What the schedule logs of an account that breaks law 1.
MISMATCH = "An account is not what its entries make of it"
#: botocore waits about so long between its tries.
_RETRY_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A law that doesn't hold any more, and what shows it."""

    law: str
    detail: str
    at: float
    step: int


class World:
    """Everything that there is in one history."""

    def __init__(
        self, seed: int, *, muted: frozenset[tuple[str, int]] = frozenset(), tells: bool = False
    ) -> None:
        self.chance = Chance(seed)
        self.stream: Stream = self.chance.stream("world")
        self.scheduler = Scheduler(start=START.timestamp())
        self.faults = Faults(self.chance, muted)
        self.story = Story(self, kept=tells)
        self.ways = Ways(self)
        self.weakness = Weakness(self)
        self.cloud = self.new_cloud()
        self.settings = Settings(self.cloud.environment)
        self.violations: list[Violation] = []
        self.errors: list[tuple[str, Exception]] = []
        self.outcomes: Counter[str] = Counter()
        self.on_effect: list[Callable[[Request, dict[str, Any]], None]] = []
        self.clients = {
            service: self.cloud.client(service, wire=self._carry, pause=self._pause)
            for service in _SERVICES
        }
        self.stripe = StripeSide(self)
        self.lambdas = Lambdas(self, _handlers())
        self.organizations: list[str] = []
        self.wallets: dict[str, list[str]] = {}
        self.book = Book(self)
        self.queues = Queues(self)
        self.streams = Streams(self)
        self.on_event: list[Callable[[dict[str, Any]], None]] = []
        self.webhooks = Webhooks(self)
        self.cloud.secrets.put(_CURSOR_KEYS, json.dumps({"key": "simulation"}))
        self.webhooks.sign_with("whsec_1")
        self.stripe.state.on_event = self._recorded

    def new_cloud(self) -> MemoryCloud:
        """The AWS of this world, empty."""
        return MemoryCloud(now=self.now, choices=self.weakness, given=_GIVEN)

    def now(self) -> datetime:
        """The time."""
        return datetime.fromtimestamp(self.scheduler.now, UTC)

    def start(self, name: str, act: Callable[[], Any], *, flow: str, after: float = 0.0) -> Actor:
        """Have somebody begin to act, with a stream of their own by their name."""
        stream = self.chance.stream(name)
        return self.scheduler.start(name, act, flow=flow, stream=stream, after=after)

    def also(self, act: Callable[[], Any], *, flow: str, soon: float) -> None:
        """Have somebody else act beside the present actor, in about so many seconds."""
        actor = current()
        after = actor.stream.seconds(soon)
        self.start(actor.child_name("also"), act, flow=flow, after=after)

    def violated(self, law: str, detail: str) -> None:
        """Keep that a law is broken; the history ends here."""
        step = self.scheduler.steps
        self.violations.append(Violation(law=law, detail=detail, at=self.scheduler.now, step=step))
        actor = current_or_none()
        self.story.tell(actor.name if actor else "the world", f"!! {law}: {detail}")

    def failed(self, actor: Actor, error: Exception) -> None:
        """Keep an error that an invocation ended with."""
        self.errors.append((actor.name, error))
        self._blame(error)
        self.story.tell(actor.name, f"failed: {type(error).__name__}: {error}")

    def logged(self, message: str, *_: Any, **details: Any) -> None:
        """Keep what the product logs as an error: it tells why something failed."""
        actor, error = current_or_none(), sys.exc_info()[1] or details.get("exc_info")
        self._blame(error)
        if message == MISMATCH:
            self.violated("1 conservation", f"the audit finds: {details}")
        if not self.story.kept:
            return
        said = f"logs: {message}"
        if isinstance(error, BaseException):
            said += f": {type(error).__name__}: {error}"
            frames = traceback.extract_tb(error.__traceback__)[-4:]
            said += "".join(f" < {frame.name}:{frame.lineno}" for frame in reversed(frames))
        self.story.tell(actor.name if actor else "the world", said[:600])

    def _blame(self, error: object) -> None:
        """No service in trouble explains such an error: it is a mistake in the code."""
        if isinstance(error, _MISTAKES):
            frame = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(error).__name__}: {error} at {frame.name}:{frame.lineno}"
            self.violated("no internal error", said)

    def redrives(self) -> list[tuple[str, str]]:
        """Each dead-letter queue and the queue whose dead letters it holds."""
        environment = self.cloud.environment
        sources = {
            "UsageDeadLetterQueue": environment["USAGE_QUEUE_URL"],
            "TopUpDeadLetterQueue": environment["TOP_UP_QUEUE_URL"],
            "PaymentEventDeadLetterQueue": environment["PAYMENT_EVENT_QUEUE_URL"],
            "InvoiceDeadLetterQueue": environment["INVOICE_QUEUE_URL"],
        }
        return [(self.cloud.physical_ids[name], back) for name, back in sources.items()]

    def digest(self) -> str:
        """Stands for the whole history's outcome: equal runs have equal digests."""
        state = {
            "tables": self.cloud.dynamodb.state(),
            "stripe": self.stripe.state.objects,
            "faults": [(each.actor, each.call, each.kind) for each in self.faults.befallen],
            "steps": self.scheduler.steps,
            "now": self.scheduler.now,
        }
        text = json.dumps(state, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @contextmanager
    def simulated(self) -> Iterator[None]:
        """Within it, what is run takes place in this world."""
        with models_bound_to(self._connect), simulated(self):
            try:
                yield
            finally:
                self.scheduler.stop()

    def _carry(self, request: Request, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            try:
                answer = act()
            except ClientError as error:
                self.story.refused(current(), error)
                raise
            for listener in self.on_effect:
                listener(request, answer)
            return answer

        return self.ways.carry_to_aws(request, effect)

    def _recorded(self, event: dict[str, Any]) -> None:
        for listener in self.on_event:
            listener(event)
        self.webhooks.send(event)

    def _pause(self, attempt: int) -> None:
        self.ways.pause(_RETRY_SECONDS * 2**attempt)

    def _connect(self) -> None:
        connection = connect(self.settings.tables, region=self.settings.region)
        client: Any = self.cloud.client("dynamodb", wire=self._carry, pause=self._pause)
        connection._client = client
        self.connection = connection


def _handlers() -> Mapping[str, Callable[[Any, Any], Any]]:
    from app import app  # noqa: PLC0415 - all of the product, which planted faults change first

    return {**app.handler_map, API: app}
