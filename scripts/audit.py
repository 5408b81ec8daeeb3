"""Asks the public advisory database for known faults of what is deployed: requirements.txt.

A known fault fails. Where the database can't be reached, as in a closed network, that is said
plainly and fails nothing: whoever merges runs this where it can be.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_TOOL = (sys.executable, "-m", "pip_audit")
_OPTIONS = ("--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json",
            "--timeout=10")  # fmt: skip
#: What pip-audit says, or dies of, when nobody answers or a proxy does in the database's place.
_UNREACHED = (
    "your network may be blocking this service",
    "ConnectionError",
    "ConnectTimeout",
    "ReadTimeout",
    "MaxRetryError",
    "ProxyError",
    "SSLError",
)
SKIPPED = "skipped: the advisory service can't be reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the audit came to; `passed` says whether it lets `make check` go on."""

    passed: bool
    text: str


def audited(requirements: Path, tool: Sequence[str] = _TOOL) -> Finding:
    """What is known of the packages that the file locks."""
    found = subprocess.run(
        [*tool, *_OPTIONS, "--requirement", str(requirements)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        packages: list[dict[str, Any]] = json.loads(found.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        if any(sign in found.stderr for sign in _UNREACHED):
            return Finding(passed=True, text=SKIPPED)
        return Finding(passed=False, text=f"The audit failed:\n{found.stderr.strip()}")
    return _read(packages)


def _read(packages: Sequence[dict[str, Any]]) -> Finding:
    faults = [
        f"{package['name']} {package['version']}: {fault['id']}"
        f" (mended in {', '.join(fault['fix_versions']) or 'no version yet'})"
        for package in packages
        for fault in package.get("vulns", ())
    ]
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if faults:
        return Finding(passed=False, text="\n".join(["Known faults:", *faults]))
    if unknown and len(unknown) == len(packages):
        # Something answers in its place that knows none of these, though all are public.
        return Finding(passed=True, text=SKIPPED)
    if unknown or not packages:
        return Finding(passed=False, text=f"Not audited: {', '.join(unknown) or 'anything'}")
    return Finding(passed=True, text=f"no known fault in {len(packages)} packages")


def main() -> None:
    """Audit, say what was found, and fail if it was a fault."""
    parser = argparse.ArgumentParser(prog="python -m scripts.audit", description=__doc__)
    parser.add_argument("--requirements", type=Path, default=ROOT / "requirements.txt")
    finding = audited(parser.parse_args().requirements)
    print(f"Advisories: {finding.text}")
    sys.exit(0 if finding.passed else 1)


if __name__ == "__main__":
    main()
