"""`make lock` and `make lock-check`: the pinned requirements, and whether they hold."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = ("requirements.in", "requirements.txt")
DEVELOPMENT = ("requirements-dev.in", "requirements-dev.txt")
AUDIT = ("requirements-audit.in", "requirements-audit.txt")
"""An environment of its own, which shares no version with the others."""
FORBIDDEN_AT_RUNTIME = {"chalice", "pip", "setuptools", "wheel", "moto", "pytest"}
"""Chalice's run time is packed by `chalice package`; the rest only weighs."""
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?==(?P<version>\S+)", re.MULTILINE)


def compile_locks() -> int:
    """Resolve the files anew; pins that still fit are kept."""
    base = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"),
        *("--python-version", "3.11", "--generate-hashes", "--no-header"),
        "--no-emit-index-url",
    ]
    constrained = ((*RUNTIME, ()), (*DEVELOPMENT, ("-c", RUNTIME[1])), (*AUDIT, ()))
    for source, target, constraint in constrained:
        done = subprocess.run([*base, source, *constraint, "-o", target], cwd=ROOT, check=False)
        if done.returncode:
            return done.returncode
    return 0


def asked(name: str) -> list[Requirement]:
    """Read a file of requirements with those that it includes."""
    found: list[Requirement] = []
    for line in (ROOT / name).read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            found += asked(text.removeprefix("-r ").strip())
        elif text:
            found.append(Requirement(text))
    return found


def pinned(name: str) -> dict[str, str]:
    """Read the versions that a lock pins, by canonical name."""
    text = (ROOT / name).read_text()
    return {canonicalize_name(m["name"]): m["version"] for m in _PIN.finditer(text)}


def faults() -> list[str]:
    """Return what is wrong with the locks, each in a sentence."""
    found: list[str] = []
    for source, target in (RUNTIME, DEVELOPMENT, AUDIT):
        pins = pinned(target)
        for requirement in asked(source):
            pin = pins.get(canonicalize_name(requirement.name))
            if pin is None or not requirement.specifier.contains(pin, prereleases=True):
                found.append(f"{target} has {pin or 'nothing'} for {requirement} of {source}.")
        found += [f"{target}: {name} has no hash." for name in unhashed(target)]
    runtime, development = pinned(RUNTIME[1]), pinned(DEVELOPMENT[1])
    for name, pin in runtime.items():
        if development.get(name) != pin:
            found.append(f"{name} is {pin} at run time, {development.get(name)} in development.")
    found += [
        f"{name} has no place in the Lambdas." for name in FORBIDDEN_AT_RUNTIME & set(runtime)
    ]
    return found + uninstalled(development)


def unhashed(name: str) -> list[str]:
    """Return the pins of a lock that carry no hash."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / name).read_text())
    return [b.split("==")[0] for b in blocks if _PIN.match(b) and "--hash=sha256:" not in b]


def uninstalled(pins: dict[str, str]) -> list[str]:
    """Return what is installed in another version than the pinned one."""
    found = []
    for name, pin in pins.items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue  # of another platform or Python
        if installed != pin:
            found.append(f"{name} is installed in {installed}, not {pin}: run make again.")
    return found


def main() -> int:
    """Compile, or with --check report what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        return compile_locks()
    found = faults()
    print("\n".join(found) or "The locks fit what is asked for and what is installed.")
    broken = subprocess.run([sys.executable, "-m", "pip", "check", "--quiet"], check=False)
    return 1 if found else broken.returncode


if __name__ == "__main__":
    sys.exit(main())
