"""Runs in pytest: records what each test reaches, or tries mutants, each in a process of its own.

mutmut would start pytest anew for each mutant, which takes longer than most of the tests do. Here
the tests are collected once, and a fork of that process runs those that reach the mutant until
one fails.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings
from mutmut.mutation import trampoline

import chalicelib
from tests.mutation.reach import Reach, load_reach, save_reach

#: An example that kills a mutant needn't be a small one, nor be remembered.
settings.register_profile(
    "mutation",
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)
#: What the tests of one mutant may take, in seconds of the processor, before it counts as killed:
#: a mutant may well never end. What they may wait is more, since others use the machine, too.
_MOST_SECONDS = 200
_MEMORY_BYTES = 4 << 30
_SURVIVED, _KILLED = 0, 1


def pytest_addoption(parser: pytest.Parser) -> None:
    """The files through which the command that starts this speaks with it."""
    for name in ("reach", "trials", "results"):
        parser.addoption(f"--mutation-{name}", type=Path, default=None)
    parser.addoption("--mutation-children", type=int, default=1)


def pytest_configure() -> None:
    """Whatever profile the project has for its tests, here it is this.

    The package was imported with this module, before pytest puts the project's own in its place.
    """
    if "build" not in Path(chalicelib.__file__ or "").parts:
        raise pytest.UsageError("this is the package without mutants")
    settings.load_profile("mutation")


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Instead of the tests: either of the two tasks."""
    options = session.config.option
    if options.mutation_trials is None:
        _record(session.items, options.mutation_reach)
    else:
        trials = json.loads(options.mutation_trials.read_text())
        _try_all(session.items, trials, options.mutation_results, options.mutation_children)
    return True


def _record(items: Sequence[pytest.Item], path: Path) -> None:
    """Runs the tests that are new or were changed, and adds what they reach."""
    reached: set[str] = set()

    def hit(name: str, caller: str | None = None) -> None:
        reached.add(name)

    setattr(trampoline, "record_trampoline_hit", hit)  # noqa: B010 - not exported, for mypy
    trampoline.set_mutant_under_test("stats")
    before, now = load_reach(path), {}
    digests = {each: sha256(each.read_bytes()).hexdigest() for each in {i.path for i in items}}
    for item in items:
        known = before.get(item.nodeid)
        if known is None or known.digest != digests[item.path]:
            reached.clear()
            began = time.process_time()
            if not _passes(item):
                raise pytest.UsageError(f"{item.nodeid} fails without any mutant")
            known = Reach(
                seconds=time.process_time() - began,
                functions=frozenset(reached),
                digest=digests[item.path],
            )
        now[item.nodeid] = known
    save_reach(path, now)


def _passes(item: pytest.Item) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def _try_all(
    items: Sequence[pytest.Item], trials: Mapping[str, list[str]], results: Path, children: int
) -> None:
    """Tries each mutant with its tests, and writes a line for each: its name and how it ended."""
    by_name = {item.nodeid: item for item in items}
    running: dict[int, str] = {}
    # Children then share the memory, since nothing in it is counted through again.
    gc.freeze()
    with results.open("a", buffering=1) as lines:
        for name, tests in trials.items():
            while len(running) >= children:
                lines.write(_ended(running))
            running[_started(name, [by_name[test] for test in tests])] = name
        while running:
            lines.write(_ended(running))


def _ended(running: dict[int, str]) -> str:
    pid, status = os.wait()
    code = os.waitstatus_to_exitcode(status)
    how = {_SURVIVED: "survived", _KILLED: "killed"}.get(code, "endless")
    return json.dumps([running.pop(pid), how]) + "\n"


def _started(name: str, items: Sequence[pytest.Item]) -> int:
    pid = os.fork()
    if pid:
        return pid
    limit = int(time.process_time() + _MOST_SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_MOST_SECONDS * 30)
    trampoline.set_mutant_under_test(name)
    code = _KILLED
    try:
        code = _SURVIVED if all(_passes(item) for item in items) else _KILLED
    finally:
        os._exit(code)
