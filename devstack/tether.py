"""Runs a module as a part of a stack, and ends it as soon as the stack's owner is gone.

`python -m devstack.tether MODULE ARGUMENTS…` with a pipe's read end in DEVSTACK_LIFELINE:
the owner holds the other end, so that end of file means that the owner died, however
it died. No signal, no process group and no feature of one operating system is needed.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

LIFELINE = "DEVSTACK_LIFELINE"
GRACE_SECONDS = 3.0
"""How long a part may take to end by itself once its owner is gone."""


def hold(lifeline: int) -> None:
    """End this process soon after the other end of `lifeline` is closed."""

    def watch() -> None:
        while os.read(lifeline, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def main() -> None:
    """Run the module named on the command line as `__main__`, in this process."""
    hold(int(os.environ.pop(LIFELINE)))
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
