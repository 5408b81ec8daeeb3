"""A group of processes that is started, watched and stopped together, and leaves nothing behind."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from devstack.parts import Bonds, Part, free_port
from devstack.plan import LOOPBACK, Plan
from devstack.settings import CHECKOUT, inherited_variables

START_SECONDS = 120.0
"""Far above the few seconds that a start takes, for machines that are busy with tests."""
DESCRIPTION_FILE = "stack.json"
LOCK_FILE = "lock"


class Crew:
    """The processes below one home folder.

    They live no longer than the process that started them, even when it is killed, and when
    the last one is gone, nothing is left but the logs.
    """

    def __init__(self, *, home: Path, root: Path = CHECKOUT) -> None:
        self.home = home
        self.root = root
        self.logs = home / "logs"
        self.folder = home / "run" / secrets.token_hex(4)
        self.parts: dict[str, Part] = {}
        self.sockets: list[socket.socket] = []
        self._bonds: Bonds | None = None
        self._janitor: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Make the folders and the bonds, and start the one who clears up when all are gone."""
        self.folder.mkdir(parents=True)
        self.logs.mkdir(exist_ok=True)
        self._bonds = Bonds()
        paths = (self.home / LOCK_FILE, self.folder, self.home / DESCRIPTION_FILE)
        self._janitor = subprocess.Popen(
            [sys.executable, "-m", "devstack.janitor", *map(str, paths)],
            cwd=CHECKOUT,
            stdin=self._bonds.roll_call,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def launch(self, plans: Sequence[Plan]) -> None:
        """Start the parts, each with a log of its own that begins anew."""
        inherited = inherited_variables(folder=self.folder, root=self.root)
        for plan in plans:
            log_path = self.logs / f"{plan.name}.log"
            log_path.write_bytes(b"")
            part = Part(plan, inherited=inherited, log_path=log_path, folder=self.root)
            part.start(self._held_bonds())
            self.parts[plan.name] = part

    def wait_for(self, name: str) -> None:
        """Wait until a part answers; raise PartError when it does not."""
        self.parts[name].wait_until_ready(deadline=time.monotonic() + START_SECONDS)

    def check(self) -> None:
        """Raise PartError when a part has died."""
        for part in self.parts.values():
            part.check()

    def kill(self, name: str) -> None:
        """End a part at once, as a crash would: `web`, `worker-1`, `aws`, …."""
        self.parts[name].kill()

    def restart(self, name: str) -> None:
        """Start a part that was killed, and wait until it answers."""
        self.parts[name].start(self._held_bonds())
        self.wait_for(name)

    def stop(self) -> None:
        """Stop every part, and wait until all of it is cleared away."""
        for part in self.parts.values():
            part.ask_to_stop()
        for part in reversed(self.parts.values()):  # the application's before what it uses
            part.stop()
        while self.sockets:
            self.sockets.pop().close()
        if self._bonds is not None:
            self._bonds.cut()
            self._bonds = None
        if self._janitor is not None:
            self._janitor.wait()
            self._janitor = None

    def _held_bonds(self) -> Bonds:
        if self._bonds is None:
            raise RuntimeError("Nothing runs here yet, or any more.")
        return self._bonds


def free_url() -> str:
    """Return an address of this machine at which nobody listens now."""
    return f"http://{LOOPBACK}:{free_port()}"
