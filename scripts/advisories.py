"""Asks the public advisory database for known faults of what is deployed: requirements.txt.

A known fault fails. Where the database can't be reached, as in a closed network, that is said
plainly, by `make check` as its last word, and fails nothing; `--required` is for where it can be.
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
SKIPPED = (
    "NOT CHECKED: the advisory service can't be reached from here;"
    " run `make advisories REQUIRED=1` where it can"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the audit came to; `passed` says whether it lets `make check` go on."""

    passed: bool
    text: str

    @property
    def line(self) -> str:
        """What is printed."""
        return f"Advisories: {self.text}"


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


def reported(finding: Finding, *, required: bool, reminder: Path | None) -> int:
    """Print it, and give the status; what wasn't checked is left in the reminder, for the end."""
    skipped = finding.text == SKIPPED
    print(finding.line, file=sys.stderr if skipped or not finding.passed else sys.stdout)
    if reminder is not None:
        reminder.unlink(missing_ok=True)
        if skipped:
            reminder.parent.mkdir(parents=True, exist_ok=True)
            reminder.write_text(f"{finding.line}\n", encoding="utf-8")
    return 0 if finding.passed and not (required and skipped) else 1


def main() -> None:
    """Audit, say what was found, and fail if it was a fault."""
    parser = argparse.ArgumentParser(prog="python -m scripts.advisories", description=__doc__)
    parser.add_argument("--requirements", type=Path, default=ROOT / "requirements.txt")
    parser.add_argument("--required", action="store_true", help="fail if nobody could be asked")
    parser.add_argument("--reminder", type=Path, help="a file for what could not be checked")
    given = parser.parse_args()
    finding = audited(given.requirements)
    sys.exit(reported(finding, required=given.required, reminder=given.reminder))


if __name__ == "__main__":
    main()
