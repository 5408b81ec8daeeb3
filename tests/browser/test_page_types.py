"""Whether the page's modules keep to the types that their comments say."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from devstack.settings import CHECKOUT

PROJECT = Path(__file__).with_name("tsconfig.json")


def test_the_modules_keep_to_their_types() -> None:
    local = CHECKOUT / "node_modules" / ".bin"
    compiler = shutil.which("tsc", path=f"{local}{os.pathsep}{os.environ.get('PATH', '')}")
    if compiler is None:
        pytest.skip("there is no TypeScript here: scripts/install-typescript")
    done = subprocess.run(
        [compiler, "--project", str(PROJECT)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
