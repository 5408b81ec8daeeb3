"""The worker of the local stack: every queue, stream and schedule of the application.

`python -m devstack.worker --root FOLDER [--only-queues]`, with the address of the emulated AWS in
DEVSTACK_AWS_ENDPOINT_URL. Each function is served by a process of its own and runs once at a
time in it, as on Lambda, so that nothing global is shared which isn't shared there. The processes
are forks of one that has imported the application, which saves doing it once for each.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from devstack.aws import Cloud, settings_of
from devstack.invocation import Activity, FunctionSettings
from devstack.sources import Sources
from devstack.tether import hold

POLLERS_ENDPOINT = "DEVSTACK_AWS_ENDPOINT_URL"
SPEED = "DEVSTACK_SCHEDULE_SPEED"
READY = "Every queue, stream and schedule is being served."
STOP_SECONDS = 3.0


def serve(loop: Callable[[], None], *, stopping: threading.Event, activity: Activity) -> NoReturn:
    """Run one function's loop until SIGTERM, then let what is at work finish, and exit."""
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    while thread.is_alive() and not stopping.wait(0.5):
        pass
    crashed = not stopping.is_set()
    activity.wait_until_idle(timeout_seconds=STOP_SECONDS)
    logging.shutdown()
    os._exit(1 if crashed else 0)  # a poll still waiting holds nothing that would be lost


def fork(sources: Sources, *, only_queues: bool) -> dict[int, str]:
    """Start a process for each function; return the functions by their process ids."""
    # The one thread that runs here waits in a read for the end of the worker's owner and
    # holds no lock, so that a fork may be warned of, but does no harm.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    lifeline, lifeline_end = os.pipe()
    served: dict[int, str] = {}
    for name, loop in sources.loops(only_queues=only_queues).items():
        pid = os.fork()
        if pid == 0:
            os.close(lifeline_end)
            hold(lifeline)  # or it would outlive this worker when that is killed
            serve(loop, stopping=sources.stopping, activity=sources.activity)
        served[pid] = name
    return served


def main() -> None:
    """Serve every event source until SIGTERM; fail when a function's process does."""
    parser = argparse.ArgumentParser(prog="python -m devstack.worker")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--only-queues", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stdout,
    )
    cloud = Cloud(
        endpoint_url=os.environ[POLLERS_ENDPOINT], account_id=os.environ["AWS_ACCESS_KEY_ID"]
    )
    sources = Sources(
        app=importlib.import_module("app").app,  # of --root, which comes first on the path
        template=settings_of(arguments.root),
        settings=FunctionSettings.read(arguments.root),
        cloud=cloud,
        physical_ids=cloud.physical_ids(),
        stopping=threading.Event(),
        speed=float(os.environ.get(SPEED, "1")),
    )
    served = fork(sources, only_queues=arguments.only_queues)

    def stop(*_: object) -> None:
        for call in (lambda pid: os.kill(pid, signal.SIGTERM), lambda pid: os.waitpid(pid, 0)):
            for pid in served:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    call(pid)
        sys.exit()

    signal.signal(signal.SIGTERM, stop)
    print(READY, flush=True)
    pid, status = os.wait()
    name = served.pop(pid)
    sys.exit(f"The process of {name} ended with status {status}; see above.")


if __name__ == "__main__":
    main()
