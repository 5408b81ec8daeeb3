"""The way to every service: where an actor waits, where others come in between, where it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from simulation import faults as kinds
from simulation.cloud.errors import conflict, refusal
from simulation.scheduler import Actor, Ended, current

if TYPE_CHECKING:
    from simulation.cloud import Request
    from simulation.world import World

T = TypeVar("T")

#: How long the way to each service typically takes, in seconds.
_TYPICAL_SECONDS = {
    "dynamodb": 0.008,
    "sqs": 0.015,
    "s3": 0.04,
    "events": 0.02,
    "sesv2": 0.06,
    "secretsmanager": 0.02,
    "stripe": 0.4,
}
_LATE_SECONDS = 6.0
#: What the clients wait for an answer, as the adapters set them up.
_TIMEOUT_SECONDS = {"dynamodb": 5.0, "stripe": 10.0}
_USUAL_TIMEOUT_SECONDS = 10.0

_ERRORS = {
    ("dynamodb", kinds.THROTTLED): ("ThrottlingException", 400),
    ("dynamodb", kinds.SERVER_ERROR): ("InternalServerError", 500),
    ("sqs", kinds.THROTTLED): ("ThrottlingException", 400),
    ("sqs", kinds.SERVER_ERROR): ("InternalError", 500),
    ("s3", kinds.SERVER_ERROR): ("InternalError", 500),
    ("events", kinds.SERVER_ERROR): ("InternalException", 500),
    ("sesv2", kinds.SERVER_ERROR): ("InternalFailure", 500),
    ("secretsmanager", kinds.THROTTLED): ("ThrottlingException", 400),
    ("secretsmanager", kinds.SERVER_ERROR): ("InternalServiceError", 500),
}


class Ways:
    """Carries requests of actors; `World` says what happens then."""

    def __init__(self, world: World) -> None:
        self._world = world

    def carry_to_aws(self, request: Request, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The `Wire` of the clients in memory."""
        service, operation = request.service, request.operation
        kind, actor = self.set_out(service, operation, about=request)
        if kind in {None, kinds.ANSWER_LATE}:
            answer = act()
        elif kind is kinds.REQUEST_LOST:
            raise ConnectTimeoutError(endpoint_url=service)
        elif kind is kinds.CONFLICT:
            raise conflict(operation, request.params, item=-1)
        elif kind is kinds.ENTRY_REFUSED:
            return _entry_refused()
        elif (service, kind) in _ERRORS:
            code, status = _ERRORS[service, kind]
            raise refusal(code, code, operation=operation, status=status)
        else:
            answer = act()
            self.lose_answer(actor, kind, service)
            raise ReadTimeoutError(endpoint_url=service)
        if kind is kinds.ANSWER_LATE:
            self._world.scheduler.wait(_LATE_SECONDS * actor.stream.fraction())
        return answer

    def set_out(self, service: str, operation: str, *, about: object) -> tuple[str | None, Actor]:
        """Wait as long as the way takes; gives the fault that will befall the call.

        Raises:
            Ended: if the process dies before the call takes effect, or its time is up.
        """
        actor = current()
        actor.calls += 1
        scheduler = self._world.scheduler
        scheduler.wait(actor.stream.seconds(_TYPICAL_SECONDS[service]))
        scheduler.steps += 1
        self.end_if_too_late(actor)
        kind = self._world.faults.draw(actor, service, operation, scheduler.now)
        self._world.story.call(actor, service, operation, kind, about)
        if kind is kinds.DIES_BEFORE:
            self._world.lambdas.kill(actor, "it died before the call took effect")
            raise Ended
        return kind, actor

    def lose_answer(self, actor: Actor, kind: str | None, service: str) -> None:
        """After a call took effect: the process dies, or waits in vain until its time-out."""
        if kind is kinds.DIES_AFTER:
            self._world.lambdas.kill(actor, "it died before it heard the answer")
            raise Ended
        self._world.scheduler.wait(_TIMEOUT_SECONDS.get(service, _USUAL_TIMEOUT_SECONDS))
        self.end_if_too_late(actor)

    def pause(self, seconds: float) -> None:
        """What stands for `time.sleep` in everything that is simulated."""
        self._world.scheduler.wait(seconds)
        self.end_if_too_late(current())

    def end_if_too_late(self, actor: Actor) -> None:
        """Lambda ends what takes longer than its function may."""
        if actor.deadline is not None and self._world.scheduler.now > actor.deadline:
            self._world.faults.note(actor, "time-out", "lambda", self._world.scheduler.now)
            self._world.lambdas.kill(actor, "its time was up")
            raise Ended


def _entry_refused() -> dict[str, Any]:
    entry = {"ErrorCode": "InternalFailure", "ErrorMessage": "not now"}
    return {"FailedEntryCount": 1, "Entries": [entry]}
