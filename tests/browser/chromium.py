"""Finds the distribution's Chromium, and starts it so that it talks to nobody but the page."""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",  # tests may run as root, whom the sandbox refuses
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=Translate,MediaRouter,OptimizationHints",
)


def find_chromium() -> str | None:
    """Return the path of a Chromium on this machine, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def launch(playwright: Playwright, executable: str) -> Browser:
    """Start it without a window."""
    return playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
