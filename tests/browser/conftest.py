"""One stack for all of these tests, and visitors; skips where no Chromium is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from devstack.settings import StackSettings
from devstack.stack import Stack
from tests.browser.visitor import Visitor, visit

#: On a busy machine with two cores; nothing waits that long when it works.
PATIENCE_MS = 45_000
expect.set_options(timeout=PATIENCE_MS)

NewVisitor = Callable[..., Visitor]


@pytest.fixture(scope="session")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for all of these tests; each takes an organization of its own."""
    home = tmp_path_factory.mktemp("page-stack")
    settings = StackSettings(
        home=home, port=0, visibility_timeout_seconds=3, schedule_speed=30.0, workers=1
    )
    with Stack(settings) as running:
        yield running


@pytest.fixture
def visitor(browser: Browser, stack: Stack) -> Iterator[NewVisitor]:
    """Make visitors; whatever a script of theirs complains about fails the test."""
    visitors: list[Visitor] = []

    def new(**options: object) -> Visitor:
        visitors.append(visit(browser, stack, **options))  # type: ignore[arg-type]
        return visitors[-1]

    yield new
    for each in visitors:
        each.context.close()
    assert [fault for each in visitors for fault in each.faults] == []
