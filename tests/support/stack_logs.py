"""Shows with a failed test what the stack under it logged meanwhile.

Without that, an answer of 500 in CI says nothing: the logs are gone with the machine.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from devstack.stack import Stack

#: Of each log: enough for a few exceptions, and little enough for CI's output.
MOST_CHARACTERS = 6_000

_folders = pytest.StashKey[set[Path]]()
_lengths = pytest.StashKey[dict[Path, int]]()


def watch(config: pytest.Config, stack: Stack) -> None:
    """Show this stack's logs, too, until `unwatch`."""
    config.stash.setdefault(_folders, set()).add(stack.logs)


def unwatch(config: pytest.Config, stack: Stack) -> None:
    """Leave its logs alone: thousands of tests come after it."""
    config.stash[_folders].discard(stack.logs)


def written_since(log: Path, start: int) -> str:
    """What was written from `start` on, or the end of it where that is much."""
    with log.open("rb") as file:
        file.seek(start)
        text = file.read().decode(errors="replace")
    return text if len(text) <= MOST_CHARACTERS else f"[…]{text[-MOST_CHARACTERS:]}"


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Watch each stack that a fixture gives."""
    given = yield
    if isinstance(given, Stack):
        watch(request.config, given)
    return given


def pytest_fixture_post_finalizer(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> None:
    """Let go of the stack that the fixture gave."""
    given = fixturedef.cached_result and fixturedef.cached_result[0]
    if isinstance(given, Stack):
        unwatch(request.config, given)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note how long the logs are before the test."""
    item.stash[_lengths] = {log: log.stat().st_size for log in _logs(item.config)}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the logs got since, if the test failed."""
    report = yield
    if report.failed:
        before = item.stash.get(_lengths, {})
        for log in _logs(item.config):
            if text := written_since(log, before.get(log, 0)):
                report.sections.append((f"{log.parent.parent.name}/{log.name}", text))
    return report


def _logs(config: pytest.Config) -> list[Path]:
    folders = config.stash.get(_folders, set[Path]())
    return sorted(log for folder in folders for log in folder.glob("*.log"))
