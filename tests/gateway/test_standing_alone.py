"""The client needs boto3 and the standard library: whoever copies the folder has all of it."""

from __future__ import annotations

import ast
import subprocess
import sys

from devstack.settings import CHECKOUT

ALLOWED = {"boto3", "botocore", "gateway"}
FOLDER = CHECKOUT / "gateway"


def test_the_client_imports_nothing_else() -> None:
    imported = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
    packages = {name.partition(".")[0] for name in imported}
    assert packages - sys.stdlib_module_names <= ALLOWED
    assert "boto3" in packages


def test_importing_the_client_starts_nothing() -> None:
    script = (
        "import sys, threading, gateway\n"
        "assert threading.active_count() == 1\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=CHECKOUT, check=True, capture_output=True, text=True
    )
    assert {"chalicelib", "devstack"}.isdisjoint(found.stdout.split())
