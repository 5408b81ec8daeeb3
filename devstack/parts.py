"""The processes of a stack: started, watched, stopped, and bound to live no longer than it."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

import requests

from devstack.plan import LOOPBACK, Plan
from devstack.tether import LIFELINE

STOP_SECONDS = 5.0
ANSWER_SECONDS = 2.0
"""How long one question for readiness may take; it is asked again."""
TAIL_LINES = 20


class PartError(Exception):
    """A part of the stack could not start, or died; the text says which and shows its log."""


class Bonds:
    """Two pipes: one tells the parts that their owner is gone, one the janitor that all are."""

    def __init__(self) -> None:
        self.lifeline, self._lifeline_end = os.pipe()
        self.roll_call, self.roll_call_end = os.pipe()

    def cut(self) -> None:
        """Close every end, which ends each part that is still there."""
        for end in (self.lifeline, self._lifeline_end, self.roll_call, self.roll_call_end):
            os.close(end)


class Part:
    """One process of a stack, with its log."""

    def __init__(
        self, plan: Plan, *, inherited: Mapping[str, str], log_path: Path, folder: Path
    ) -> None:
        self.name = plan.name
        self.log_path = log_path
        self._plan = plan
        self._inherited = inherited
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def start(self, bonds: Bonds) -> None:
        """Start the process; its output is added to its log."""
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "devstack.tether", *self._plan.command],
                env={
                    **self._inherited,
                    **self._plan.environment,
                    LIFELINE: str(bonds.lifeline),
                },
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # In a session of its own: Ctrl-C reaches the owner alone, which stops the
                # parts in order.
                start_new_session=True,
                pass_fds=(bonds.lifeline, bonds.roll_call_end, *self._plan.descriptors),
            )

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def wait_until_ready(self, *, deadline: float) -> None:
        """Return when the part is ready.

        Raises:
            PartError: it died, or `deadline` (of `time.monotonic`) passed.
        """
        while not self._is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise PartError(f"{self.name} did not answer in time.\n{self.tail()}")
            time.sleep(0.03)

    def _is_ready(self) -> bool:
        if self._plan.ready_text:
            with self.log_path.open(errors="replace") as log:
                log.seek(self._log_start)
                return self._plan.ready_text in log.read()
        return answers(self._plan.ready_url)

    def check(self) -> None:
        """Raise PartError when the process has died."""
        if self._process is not None and self._process.poll() is not None:
            code = self._process.returncode
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise PartError(f"{self.name} died ({how}).\n{self.tail()}")

    def tail(self) -> str:
        """The last lines of the log, indented, under its path."""
        lines = self.log_path.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join([f"The end of {self.log_path}:", *(f"  {line}" for line in lines)])

    def ask_to_stop(self) -> None:
        """Send SIGTERM, unless there is nothing that it should finish first."""
        if self.pid is not None and self._process is not None and not self._plan.disposable:
            self._process.terminate()

    def stop(self) -> None:
        """End the process: politely first, by force after STOP_SECONDS."""
        self.ask_to_stop()
        if self._process is not None and not self._plan.disposable:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the process and those that it started at once, as a crash would."""
        if self._process is not None:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)  # it leads a session of its own
            self._process.wait()


def answers(url: str) -> bool:
    """Whether somebody answers a GET, with anything but a server error."""
    with requests.Session() as session:
        session.trust_env = False  # no proxy between here and loopback
        try:
            status: int = session.get(url, timeout=ANSWER_SECONDS).status_code
        except requests.RequestException:
            return False
    return status < HTTPStatus.INTERNAL_SERVER_ERROR


def free_port() -> int:
    """Return a port that nobody listens on now.

    It is drawn from below the range that systems give to outgoing connections, so that none of
    those takes it before its listener does.
    """
    for _ in range(100):  # of ten thousand ports, a hundred are not all taken
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise PartError("No free port was found on 127.0.0.1 between 20000 and 30000.")


def listener(port: int) -> socket.socket:
    """Listen on `port` of the loopback interface (0: any free one).

    Raises:
        PartError: somebody else does.
    """
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((LOOPBACK, port))
        server.listen(256)
    except OSError as error:
        server.close()
        raise PartError(
            f"Port {port} of 127.0.0.1 is not free ({error.strerror}). "
            "Stop the program that has it, or choose another: make run PORT=8001"
        ) from error
    return server
