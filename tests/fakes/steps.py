"""A process that meets its end, or a lost answer, at its n-th I/O call.

`Steps.around(ports)` counts every call of a port. At the chosen one it lets the process die before
or after the call takes effect, or loses the answer, as each port would tell of that.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from chalicelib.domain.errors import BusyError
from chalicelib.domain.payment import PaymentsUnavailableError
from tests.fakes.ports import Ports

#: Chance, waiting and lists are no I/O; rendering is the process's own work.
_WITHOUT_IO = {"ids", "pause", "renderer", "tax_ids"}


class ProcessDiedError(BaseException):
    """The process is gone: not an Exception, since nothing in it can catch that."""


class LostAnswerError(Exception):
    """A call whose answer never came, where the port has no word of its own for it."""


class Mishap(StrEnum):
    """What happens at a call."""

    DIES_BEFORE = "dies before"
    DIES_AFTER = "dies after"
    LOSES_ANSWER = "loses the answer to"


@dataclass(slots=True, kw_only=True)
class Steps:
    """`at` is the number of the call that has the mishap, from 0; None for no mishap.

    `calls` names every call so far, such as "ledger.commit"; `happened` says whether the mishap
    was met: a run in which it wasn't is over before that call.
    """

    at: int | None = None
    mishap: Mishap = Mishap.DIES_AFTER
    calls: list[str] = field(default_factory=list)
    happened: bool = False

    def around(self, ports: Ports) -> Ports:
        """The same ports, with their calls counted."""
        wrapped: dict[str, Any] = {
            item.name: _Watched(item.name, getattr(ports, item.name), self)
            for item in fields(ports)
            if item.name not in _WITHOUT_IO
        }
        return replace(ports, **wrapped)

    def call(self, port: str, method: str, function: Any, *args: Any, **kwargs: Any) -> Any:
        """Make the call, or have its mishap."""
        number = len(self.calls)
        self.calls.append(f"{port}.{method}")
        if number != self.at:
            return function(*args, **kwargs)
        self.happened = True
        if self.mishap is Mishap.DIES_BEFORE:
            raise ProcessDiedError(self.calls[-1])
        function(*args, **kwargs)
        if self.mishap is Mishap.DIES_AFTER:
            raise ProcessDiedError(self.calls[-1])
        raise _lost(port, method)(f"the answer to {self.calls[-1]} was lost")


class _Watched:
    """A port whose calls are counted."""

    def __init__(self, name: str, port: object, steps: Steps) -> None:
        self._name = name
        self._port = port
        self._steps = steps

    def __getattr__(self, method: str) -> Any:
        function = getattr(self._port, method)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._steps.call(self._name, method, function, *args, **kwargs)

        return call


def _lost(port: str, method: str) -> type[Exception]:
    if port in {"payments", "refunds", "records", "books"}:
        return PaymentsUnavailableError
    return BusyError if method == "commit" else LostAnswerError
