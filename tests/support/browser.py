"""One Chromium for all tests of a process: Playwright can't be started twice in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import find_chromium, launch


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    executable = find_chromium()
    if executable is None:
        pytest.skip("there is no Chromium here: scripts/install-chromium")
    with sync_playwright() as playwright:
        running = launch(playwright, executable)
        yield running
        running.close()
