"""The package and its deployment: made once for all tests that ask for them."""

from __future__ import annotations

import fcntl
import logging
import platform
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts import package
from tests.e2e.deployment import CODE_FOLDER, Deployment, Template
from tests.e2e.tally import Tally

ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
TALLIES = pytest.StashKey[list[Tally]]()

logger = logging.getLogger(__name__)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The package for this machine's processor, unpacked too; made once for all processes."""
    if sys.version_info[:2] != package.LAMBDA_PYTHON:
        pytest.skip("Chalice packages for the Python that it runs on, and the Lambdas run 3.12.")
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "package"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "built").exists():
            logger.info("Packaging for %s …", platform.machine())
            source = package.snapshot(folder / "checkout")
            architecture = ARCHITECTURES[platform.machine().lower()]
            package.build(source, folder / "unfinished", architecture=architecture)
            with zipfile.ZipFile(folder / "unfinished" / "deployment.zip") as code:
                code.extractall(folder / "unfinished" / CODE_FOLDER)
            (folder / "unfinished").rename(folder / "built")
    return folder / "built"


@pytest.fixture(scope="module")
def deployment(
    built: Path, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Deployment]:
    """The package as it runs where it is deployed; each module has a deployment of its own."""
    home = tmp_path_factory.mktemp("deployment")
    with deployed(pytestconfig, home=home, package=built) as running:
        yield running


@contextmanager
def deployed(
    config: pytest.Config,
    *,
    home: Path,
    package: Path,
    change: Callable[[Template], None] = lambda _: None,
) -> Iterator[Deployment]:
    """Run a deployment, and sum up at its end what its functions did."""
    with Deployment(home=home, package=package, change=change) as running:
        yield running
        config.stash.setdefault(TALLIES, []).append(Tally.of(running))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Sum up what was walked through, where the tests ran in this very process."""
    tallies = config.stash.get(TALLIES, [])
    if not tallies:
        return
    ran = {
        outcome: [
            report.nodeid
            for report in terminalreporter.stats.get(outcome, [])
            if report.when == "call" and "station" in report.keywords
        ]
        for outcome in ("passed", "failed")
    }
    terminalreporter.section("End to end")
    count = sum(map(len, ran.values()))
    terminalreporter.line(f"Stations passed: {len(ran['passed'])} of {count}")
    for line in Tally.table(tallies):
        terminalreporter.line(line)
