"""The package and its deployment: made once for all tests that ask for them."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import package
from tests.e2e.deployment import Deployment

ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, made for this machine's processor."""
    if sys.version_info[:2] != package.LAMBDA_PYTHON:
        pytest.skip("Chalice packages for the Python that it runs on, and the Lambdas run 3.12.")
    folder = tmp_path_factory.mktemp("package")
    source = package.snapshot(folder / "checkout")
    architecture = ARCHITECTURES[platform.machine().lower()]
    package.build(source, folder / "built", architecture=architecture)
    return folder / "built"


@pytest.fixture(scope="session")
def deployment(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The package as it runs where it is deployed."""
    with Deployment(home=tmp_path_factory.mktemp("deployment"), package=built) as running:
        yield running
