"""`make screenshots`: pictures of the page's main states, taken of a running local stack.

What a stack that started a moment ago can't have, the balance and the spending of a month, is
made up by `states.past_month`; everything else is bought, spent and answered for real.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, ViewportSize, expect, sync_playwright

from devstack.settings import CHECKOUT, StackSettings
from devstack.stack import Stack
from tests.browser.chromium import find_chromium, launch
from tests.browser.states import STATES, State
from tests.browser.visitor import visit

TARGET = CHECKOUT / "docs" / "screenshots"
WIDE: ViewportSize = {"width": 1280, "height": 860}
NARROW: ViewportSize = {"width": 375, "height": 740}
SIZES = {"wide": WIDE, "narrow": NARROW}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WANTED = (
    "overview", "empty", "signed-out", "suspended", "top-up-paused", "top-up-action-required",
    "buy-amount", "buy-new-card", "buy-review", "buy-added", "buy-declined", "filter",
)  # fmt: skip
#: Enough for a page of few colors, and a third of the bytes.
COLORS = 128


def main() -> int:
    """Take them all; 1 where there is no Chromium."""
    executable = find_chromium()
    if executable is None:
        print("There is no Chromium here: scripts/install-chromium", file=sys.stderr)  # noqa: T201
        return 1
    expect.set_options(timeout=30_000)
    TARGET.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="screenshots-") as home,
        sync_playwright() as playwright,
        launch(playwright, executable) as browser,
        Stack(StackSettings(home=Path(home), port=0)) as stack,
    ):
        for state in STATES:
            if state.name in WANTED:
                take(browser, stack, state)
    return 0


def take(browser: Browser, stack: Stack, state: State) -> None:
    """Come into the state once, and look at it narrow and wide, in light and dark."""
    visitor = visit(
        browser, stack, scope=state.scope, viewport=WIDE, reduced_motion="reduce",
        organization=f"acme-{state.name}",
    )  # fmt: skip
    state.enter(visitor)
    # A dialog lies over what can be seen; without one the whole page is of interest.
    whole = visitor.page.locator("dialog[open], [popover]").count() == 0
    name = "credits" if state.name == "overview" else state.name
    for size_name, size in SIZES.items():
        visitor.page.set_viewport_size(size)
        if (opener := visitor.page.locator("[aria-expanded=true]")).count():
            opener.scroll_into_view_if_needed()
        for scheme in SCHEMES:
            visitor.page.emulate_media(color_scheme=scheme)
            picture = visitor.page.screenshot(full_page=whole, animations="disabled")
            image = Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLORS)
            image.save(TARGET / f"{name}-{size_name}-{scheme}.png", optimize=True)
    visitor.context.close()


if __name__ == "__main__":
    sys.exit(main())
