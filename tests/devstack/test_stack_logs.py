"""What a stack logged during a failed test is in the report."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from devstack.settings import CHECKOUT

_TESTS = """
import pytest

from devstack.settings import StackSettings
from devstack.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    made = Stack(StackSettings(home=tmp_path_factory.mktemp("some-stack"), port=0))
    made.logs.mkdir()
    return made


def log(stack, line):
    with (stack.logs / "web.log").open("a") as file:
        file.write(f"{line}\\n")


def test_that_passes(stack):
    log(stack, "words of before")


def test_that_fails(stack):
    log(stack, "why it " + "failed")
    assert False
"""


def test_a_failed_test_shows_what_its_stack_logged_meanwhile(tmp_path: Path) -> None:
    tests = tmp_path / "test_with_stack.py"
    tests.write_text(_TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "--rootdir", str(tmp_path)]
    plugin = ["-p", "tests.support.stack_logs", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *plugin, "--basetemp", str(tmp_path / "base"), str(tests)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 1 passed" in done.stdout
    assert "some-stack0/web.log" in done.stdout
    assert "why it failed" in done.stdout
    assert "words of before" not in done.stdout
