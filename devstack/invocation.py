"""What Lambda gives to a function beside its event: a context, a time limit, a JSON boundary."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalice.local import LambdaContext

from devstack.aws import DEFAULT_ACCOUNT, REGION

Event = dict[str, Any]
DEFAULT_TIMEOUT_SECONDS = 60
DEFAULT_MEMORY_MB = 128


class Activity:
    """Counts the invocations at work, so that a worker can let them finish before it ends."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    @contextmanager
    def invocation(self) -> Iterator[None]:
        """Count what is done inside as one invocation."""
        with self._changed:
            self._count += 1
        try:
            yield
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def wait_until_idle(self, *, timeout_seconds: float) -> bool:
        """Wait until nothing is at work; say whether that came to be in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, timeout_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A Lambda function of the application, called in this process."""

    name: str
    handler: Callable[[Event, LambdaContext], Any]
    timeout_seconds: int
    memory_mb: int
    account_id: str = DEFAULT_ACCOUNT
    activity: Activity = field(default_factory=Activity)

    def context(self) -> LambdaContext:
        """Return what Lambda hands to the function as its second argument."""
        context = LambdaContext(self.name, self.memory_mb, self.timeout_seconds * 1000)
        context.invoked_function_arn = (
            f"arn:aws:lambda:{REGION}:{self.account_id}:function:{self.name}"
        )
        return context

    def __call__(self, event: Event) -> Any:
        """Invoke the function; event and answer cross a JSON boundary, as they do on AWS."""
        with self.activity.invocation():
            answer = self.handler(json.loads(json.dumps(event)), self.context())
        return json.loads(json.dumps(answer))


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSettings:
    """`.chalice/config.json`: the limits of each function."""

    config: dict[str, Any]
    stage: str = "prod"

    @classmethod
    def read(cls, root: Path) -> FunctionSettings:
        """Read the file of the application in `root`; without one, Chalice's defaults hold."""
        path = root / ".chalice" / "config.json"
        return cls(config=json.loads(path.read_text()) if path.exists() else {})

    def timeout_seconds(self, name: str) -> int:
        """How long the function may run."""
        return int(self._lookup(name, "lambda_timeout") or DEFAULT_TIMEOUT_SECONDS)

    def memory_mb(self, name: str) -> int:
        """How much memory the function is given on AWS; nothing limits it here."""
        return int(self._lookup(name, "lambda_memory_size") or DEFAULT_MEMORY_MB)

    def _lookup(self, name: str, key: str) -> Any:
        """Look a value up in Chalice's order: the stage's words come before general ones."""
        stage = self.config.get("stages", {}).get(self.stage, {})
        for scope in (
            stage.get("lambda_functions", {}).get(name, {}),
            stage,
            self.config.get("lambda_functions", {}).get(name, {}),
            self.config,
        ):
            if key in scope:
                return scope[key]
        return None
