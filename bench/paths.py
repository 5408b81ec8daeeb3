"""The ways a model call can be paid, each done a few times under the meter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import process_time

from bench.application import Application, report
from bench.meter import Consumption
from chalicelib.domain.usage_day import AccountChange

Line = dict[str, object]

_MODELS = (
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-pro"),
)
#: Writes of an organization that its roll-up sees together, in a busy second.
_ROUNDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One way: what one round of it does, and what that stands for.

    `calls` are model calls. `http` counts requests over API Gateway, `batches` what the queue hands
    to the worker, `messages` what is sent to it.
    """

    name: str
    calls: int
    http: int
    batches: int
    messages: int
    run: Callable[[Application, str], Sequence[AccountChange]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the rounds of a path consumed, and what their roll-up consumed afterwards.

    `cpu_seconds` has the driver in it: less than a tenth.
    """

    path: Path
    rounds: int
    consumption: Consumption
    rolling_up: Consumption
    cpu_seconds: float

    @property
    def calls(self) -> int:
        """The model calls of all rounds."""
        return self.path.calls * self.rounds


def measure(application: Application, path: Path) -> Measured:
    """Do some rounds of a path for a new organization, after one that isn't counted."""
    organization_id = application.organization()
    application.services.rolling_up.roll_up(path.run(application, organization_id))
    changes: list[AccountChange] = []
    with application.meter.counting() as consumption:
        for _ in range(_ROUNDS):
            changes += path.run(application, organization_id)
    with application.meter.counting() as rolling_up:
        rolled = application.services.rolling_up.roll_up(changes)
    if rolled.failures or rolled.missing:
        raise RuntimeError(f"{path.name} was not rolled up: {rolled}")
    return Measured(
        path=path,
        rounds=_ROUNDS,
        consumption=consumption,
        rolling_up=rolling_up,
        cpu_seconds=_cpu_seconds(application, path, organization_id),
    )


def _cpu_seconds(application: Application, path: Path, organization_id: str) -> float:
    """What as many rounds take of the processor while nothing is counted."""
    seconds = []
    for _ in range(_ROUNDS):
        start = process_time()
        path.run(application, organization_id)
        seconds.append(process_time() - start)
    return median(seconds) * _ROUNDS


def line(number: int, *, calls: int = 1) -> Line:
    """Calls of one of four models."""
    provider, model = _MODELS[number % len(_MODELS)]
    return {
        "kind": "model",
        "provider": provider,
        "model": model,
        "calls": calls,
        "input_tokens": calls * (1500 + number),
        "output_tokens": calls * (350 + number),
    }


def lines(count: int) -> list[Line]:
    """Lines of one call each."""
    return [line(number) for number in range(count)]


def _deduct(application: Application, organization_id: str) -> Sequence[AccountChange]:
    application.post(f"{organization_id}/deductions", {"usage": lines(1)})
    return [application.change(organization_id)]


def _hold_and_settle(application: Application, organization_id: str) -> Sequence[AccountChange]:
    hold = application.post(f"{organization_id}/holds", {"amount": "0.05"})
    placed = application.change(organization_id)
    application.post(f"{organization_id}/holds/{hold['id']}/settle", {"usage": lines(1)})
    return [placed, application.change(organization_id)]


def _reports(*, reports: int, lines_each: int) -> Path:
    def run(application: Application, organization_id: str) -> Sequence[AccountChange]:
        application.apply([report(organization_id, lines(lines_each)) for _ in range(reports)])
        return [application.change(organization_id)]

    said = "1 line" if lines_each == 1 else f"{lines_each} lines"
    return Path(
        name=f"report of {said}" if reports == 1 else f"{reports} reports of {said}, one batch",
        calls=reports * lines_each,
        http=0,
        batches=1,
        messages=reports,
        run=run,
    )


def _leases(*, leases: int, calls_each: int) -> Path:
    """As the client does it: a hold, and one report with a line for each model."""

    def run(application: Application, organization_id: str) -> Sequence[AccountChange]:
        changes, reports = [], []
        for _ in range(leases):
            hold = application.post(f"{organization_id}/holds", {"amount": "1.00"})
            changes.append(application.change(organization_id))
            per_model = calls_each // len(_MODELS)
            used = [line(number, calls=per_model) for number in range(len(_MODELS))]
            reports.append(report(organization_id, used, hold_id=hold["id"], final=True))
        application.apply(reports)
        return [*changes, application.change(organization_id)]

    many = "" if leases == 1 else f", {leases} settled in one batch"
    return Path(
        name=f"lease of {calls_each} calls{many}",
        calls=leases * calls_each,
        http=leases,
        batches=1,
        messages=leases,
        run=run,
    )


PATHS = (
    Path(name="deduct over HTTP", calls=1, http=1, batches=0, messages=0, run=_deduct),
    Path(name="hold + settle", calls=1, http=2, batches=0, messages=0, run=_hold_and_settle),
    _reports(reports=1, lines_each=1),
    _reports(reports=1, lines_each=10),
    _reports(reports=1, lines_each=100),
    _reports(reports=10, lines_each=1),
    _reports(reports=10, lines_each=100),
    _leases(leases=1, calls_each=100),
    _leases(leases=10, calls_each=100),
    _leases(leases=1, calls_each=400),
)
