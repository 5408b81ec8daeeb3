"""`make package-check`: whether what would be deployed is complete, sound and small enough.

Builds the package twice, and once more where this machine's processor isn't the Lambdas': so each
handler can be imported by an interpreter that has nothing but the package.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from scripts import template_checks
from scripts.package import CODE, PRODUCTS, STAGES, TEMPLATE, PackageError, build, refusal, snapshot

UNZIPPED_MAX_BYTES = 120 * 1024 * 1024
"""Half of what Lambda takes: each new container has to fetch it."""
NEEDED = ("app.py", "chalice/app.py", "chalicelib/config.py", "templates/invoice.typ")
#: Folders of which every file is needed: code, and templates with their fonts.
WHOLE = ("chalicelib", "templates")
FORBIDDEN = ("__pycache__/", "/devstack/", "/tests/support/", "/pip/")
#: Lambda's processor.
ARCHITECTURE = "arm64"
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
#: Prints how long the import of a handler takes, in an interpreter that has only the package.
BARE_IMPORT = """
import sys, time
package, handler = sys.argv[1:]
sys.path.insert(0, package)
module, _, name = handler.rpartition(".")
began = time.perf_counter()
function = getattr(__import__(module), name)
print(time.perf_counter() - began)
if not callable(function):
    raise TypeError(handler)
"""
#: Imports every module, and makes each AWS client: what is only imported on its first use, too.
BARE_MODULES = """
import importlib, pkgutil, sys
package, *services = sys.argv[1:]
sys.path.insert(0, package)
import app, chalicelib, boto3, typst
for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
    importlib.import_module(module.name)
for service in services:
    boto3.client(service, region_name="us-east-1")
files = {str(getattr(module, "__file__", "")) for module in sys.modules.values()}
foreign = {file for file in files if "site-packages" in file}
if foreign:
    raise ImportError(f"taken from outside of the package: {foreign}")
"""


def check(source: Path, target: Path) -> list[str]:
    """Build, and return what the package is like, line by line.

    Raises:
        PackageError: the builds differ, a file is missing or out of place, a handler can't be
            imported, the package is too large, or a stage's template has a fault.
    """
    said = []
    with tempfile.TemporaryDirectory(prefix="package-") as folder:
        builds = Path(folder)
        build(source, target)
        build(source, builds / "again")
        compare(target, builds / "again")
        said += [measure(target / CODE, source), "Two builds of the same source are equal."]
        own = machine()
        if own != ARCHITECTURE:
            build(source, builds / "own", architecture=own)
        runnable = builds / ("again" if own == ARCHITECTURE else "own")
        said += try_out(runnable, builds / "unzipped")
        for stage in STAGES:
            built = builds / stage
            build(without_requirements(source, builds / f"{stage}-source"), built, stage=stage)
            said += template_checks.check(built / TEMPLATE, stage=stage)
        compare(target, builds / "prod", products=(TEMPLATE,))
    return said


def without_requirements(source: Path, target: Path) -> Path:
    """A snapshot that is packaged in a moment: its template is the same, its code isn't whole."""
    shutil.copytree(source, target, symlinks=True)
    (target / "requirements.txt").write_text("", encoding="utf-8")
    return target


def machine() -> str:
    """This machine's processor, as Lambda calls it."""
    return _ARCHITECTURES[platform.machine().lower()]


def compare(first: Path, second: Path, *, products: Iterable[str] = PRODUCTS) -> None:
    """Raise PackageError unless two builds are equal to the byte."""
    for name in products:
        if _digest(first / name) != _digest(second / name):
            raise PackageError(f"Two builds of the same source differ in {name}.")


def measure(archive: Path, source: Path) -> str:
    """How large the package of a snapshot is.

    Raises:
        PackageError: it is too large, or has a file too few or too many.
    """
    with zipfile.ZipFile(archive) as package:
        names = package.namelist()
        unzipped = sum(entry.file_size for entry in package.infolist())
    check_names(names, *files_of(source))
    size = f"{_megabytes(unzipped)} of {_megabytes(UNZIPPED_MAX_BYTES)} unzipped"
    if unzipped > UNZIPPED_MAX_BYTES:
        raise PackageError(f"The package is too large: {size}.")
    return f"{len(names)} files, {_megabytes(archive.stat().st_size)} zipped, {size}."


def files_of(source: Path) -> Iterator[str]:
    """What of a snapshot has to be in its package."""
    for folder in WHOLE:
        for path in sorted((source / folder).rglob("*")):
            if path.is_file():
                yield path.relative_to(source).as_posix()


def check_names(names: Iterable[str], *more: str) -> None:
    """Raise PackageError unless the package has what it needs, and nothing that it must not."""
    present = set(names)
    missing = [name for name in (*NEEDED, *more) if name not in present]
    if missing:
        raise PackageError(f"Missing in the package: {', '.join(missing)}.")
    misplaced = [name for name in present if any(part in f"/{name}" for part in FORBIDDEN)]
    if misplaced:
        raise PackageError(f"Out of place in the package: {', '.join(sorted(misplaced)[:5])}.")


def try_out(built: Path, folder: Path) -> list[str]:
    """Import all of a package made for this machine, and say how long each handler takes.

    Raises:
        PackageError: something can't be imported, or only from outside of the package.
    """
    with zipfile.ZipFile(built / CODE) as package:
        package.extractall(folder)
    _bare(BARE_MODULES, folder, *sorted(services_of(folder)))
    template = yaml.safe_load((built / TEMPLATE).read_text(encoding="utf-8"))
    said = ["Every module is imported from the package alone. Handlers, first time:"]
    for name, handler in sorted(handlers_of(template).items()):
        seconds = float(_bare(BARE_IMPORT, folder, handler))
        said.append(f"  {name:<20} {handler:<26} {seconds * 1000:5.0f} ms")
    return said


def handlers_of(template: Mapping[str, Any]) -> dict[str, str]:
    """Each function's handler.

    Raises:
        PackageError: one is of another module than app.py, and so would run without it.
    """
    functions = {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    handlers = {name: function["Handler"] for name, function in functions.items()}
    if strangers := [name for name, handler in handlers.items() if not handler.startswith("app.")]:
        raise PackageError(f"Not of app.py, and so without its middleware: {strangers}.")
    return handlers


def services_of(folder: Path) -> set[str]:
    """The AWS services whose descriptions are in an unpacked package."""
    return {path.name for path in (folder / "botocore" / "data").iterdir() if path.is_dir()}


def _bare(program: str, folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-I", "-S", "-B", "-c", program, str(folder), *arguments]
    done = subprocess.run(command, env={}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageError(f"In an interpreter that has only the package:\n{done.stderr}")
    return done.stdout


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _megabytes(count: int) -> str:
    return f"{count / 1024 / 1024:.1f} MB"


def main() -> int:
    """Make the package and judge it."""
    parser = argparse.ArgumentParser(prog="make package-check", description=__doc__)
    parser.add_argument("target", type=Path)
    given = parser.parse_args()
    if why := refusal():
        print(f"Skipped the package: {why}")
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix="snapshot-") as folder:
            source = snapshot(Path(folder) / "checkout")
            print("\n".join(check(source, given.target.resolve())))
    except PackageError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
