"""`make run` says when it is ready and what went wrong, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from devstack.parts import PartError
from devstack.settings import CHECKOUT, StackSettings
from devstack.stack import Stack
from tests.devstack.conftest import PATIENCE_SECONDS, STUB, wait_until

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / ".local"


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Start the supervisor as `make run` does, on a free port."""
    started: list[subprocess.Popen[str]] = []

    def supervisor(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "devstack", "--home", str(home)),
                *("--root", str(STUB), "--without-demo", *arguments),
            ],
            cwd=CHECKOUT,
            env={**os.environ, "PORT": "0", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield supervisor
    for process in started:
        process.terminate()
        process.communicate()


def description(home: Path) -> dict[str, str]:
    """What the supervisor wrote for others, once it is there."""
    path = home / "stack.json"
    wait_until(path.exists, "stack.json")
    found: dict[str, str] = json.loads(path.read_text())
    return found


def assert_nothing_is_left(home: Path, written: dict[str, str]) -> None:
    """Nobody listens any more, and only the logs and the key remain.

    The folder of temporary files goes when the last process is gone, so its end is theirs.
    """
    wait_until(lambda: not (home / "run").exists(), "the end of the last process")
    wait_until(lambda: not (home / "stack.json").exists(), "the end of stack.json")
    assert sorted(path.name for path in home.iterdir()) == ["lock", "logs", "signing-key.pem"]
    for key in ("url", "aws_endpoint_url", "stripe_api_base"):
        with pytest.raises(requests.ConnectionError):
            requests.get(written[key], timeout=5)


def test_a_ready_stack_is_described_as_the_contract_says(start: Start, home: Path) -> None:
    start()
    written = description(home)
    assert list(written) == [
        "url", "aws_endpoint_url", "aws_region", "aws_access_key_id", "aws_secret_access_key",
        "usage_queue_url", "bucket", "stripe_api_base", "stripe_api_key", "stripe_webhook_secret",
    ]  # fmt: skip
    assert stat.S_IMODE((home / "stack.json").stat().st_mode) == 0o600
    assert requests.get(written["url"], timeout=PATIENCE_SECONDS).json() == {"shown": "index"}
    assert all(written[key].startswith("http://127.0.0.1:") for key in written if "url" in key)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_of_it(start: Start, home: Path, number: signal.Signals) -> None:
    process = start()
    written = description(home)
    process.send_signal(number)
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert written["url"] in output
    assert "Stopped." in output
    assert_nothing_is_left(home, written)


def test_a_killed_supervisor_leaves_nothing_either(start: Start, home: Path) -> None:
    process = start()
    written = description(home)
    process.kill()
    assert_nothing_is_left(home, written)


def test_a_supervisor_killed_while_it_starts_leaves_nothing(start: Start, home: Path) -> None:
    process = start()
    wait_until((home / "logs" / "aws.log").exists, "the first part")
    process.kill()
    wait_until(lambda: not (home / "run").exists(), "the end of the last process")
    assert not (home / "stack.json").exists()


@pytest.mark.skipif(not Path("/proc").exists(), reason="the worker is found by way of /proc")
def test_a_part_that_dies_is_named_and_ends_the_rest(start: Start, home: Path) -> None:
    process = start()
    written = description(home)
    pid = next(
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal() and _is_worker_of(entry, process.pid)
    )
    os.kill(pid, signal.SIGKILL)
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert "worker-1 died (signal 9)." in output
    assert "Every queue, stream and schedule is being served." in output, "the end of its log"
    assert_nothing_is_left(home, written)


def _is_worker_of(entry: Path, supervisor: int) -> bool:
    try:
        parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
        return int(parent) == supervisor and b"devstack.worker" in (entry / "cmdline").read_bytes()
    except OSError:
        return False


def test_a_taken_port_is_named(start: Start, home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = start(PORT=str(port))
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert f"Port {port} of 127.0.0.1 is not free" in output
    assert not (home / "run").exists()


def test_a_second_one_in_the_same_checkout_points_at_the_first(start: Start, home: Path) -> None:
    start()
    written = description(home)
    second = start()
    output, _ = second.communicate(timeout=PATIENCE_SECONDS)
    assert second.returncode == 1
    assert f"runs already: {written['url']}" in output
    assert description(home) == written
    assert requests.get(written["url"], timeout=PATIENCE_SECONDS).ok


@pytest.mark.parametrize(
    ("variable", "value"), [("PORT", "eighty"), ("PORT", "65536"), ("STRIPE_API_KEY", "sk_live_1")]
)
def test_a_setting_that_makes_no_sense_is_named(start: Start, variable: str, value: str) -> None:
    process = start(**{variable: value})
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert variable in output
    assert "Traceback" not in output


def test_it_ends_with_its_caller_when_asked_to(start: Start, home: Path) -> None:
    command = f"{sys.executable} -m devstack --home {home} --root {STUB} --without-demo"
    shell = subprocess.Popen(
        ["/bin/sh", "-c", f"{command} --with-parent; true"],
        cwd=CHECKOUT,
        env={**os.environ, "PORT": "0"},
        stdout=subprocess.DEVNULL,
    )
    written = description(home)
    shell.kill()
    shell.wait()
    assert_nothing_is_left(home, written)


def test_an_application_that_fails_at_import_is_shown(tmp_path: Path) -> None:
    root = tmp_path / "broken"
    (root / ".chalice").mkdir(parents=True)
    (root / ".chalice" / "resources.yaml").write_text("Resources: {}\n")
    (root / "app.py").write_text("raise RuntimeError('it is broken')\n")
    settings = StackSettings(root=root, home=tmp_path / "home", port=0, stripe=None)
    with pytest.raises(PartError, match=r"(?s)web died \(exit code 1\).*it is broken"):
        Stack(settings).start()
