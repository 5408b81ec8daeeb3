"""`make package` and `make package-check`: what CloudFormation deploys, and whether it is sound.

Chalice packs for the interpreter that it runs on, so this needs Python 3.12, which the Lambdas
run. It works on a copy of the checkout: what a build leaves behind, and what development left
lying about, never gets into the package.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("app.py", "chalicelib", "templates", "vendor", ".chalice", "requirements.txt")
PRODUCTS = ("deployment.zip", "sam.yaml")
STAGE = "prod"
LAMBDA_PYTHON = (3, 12)
UNZIPPED_MAX_BYTES = 250 * 1024 * 1024
"""Lambda's limit for a function with its layers, unzipped."""
NEEDED = ("app.py", "chalice/app.py", "chalicelib/config.py", "templates/invoice.typ")
FORBIDDEN = ("__pycache__/", "/devstack/", "/tests/support/", "/pip/")
CHECK_SOURCE = (
    "from chalice.cli.factory import CLIFactory; "
    "from chalice.deploy.validate import validate_configuration; "
    f"validate_configuration(CLIFactory('.').create_config_obj('{STAGE}'))"
)


class PackageError(Exception):
    """The package could not be made, or is not sound; the text says why."""


def snapshot(folder: Path) -> Path:
    """Copy what is packaged to `folder`, once, so that several builds are of the same source."""
    folder.mkdir()
    for name in SOURCES:
        _copy(ROOT / name, folder / name)
    return folder


def build(source: Path, target: Path, *, architecture: str | None = None) -> None:
    """Package a snapshot into `target`, which is replaced.

    `architecture` (`x86_64` or `arm64`) makes the package for another processor than config.json
    says: for the one that tries it out.

    Raises:
        PackageError: Chalice failed, or left a dependency out, which it only warns about.
    """
    with tempfile.TemporaryDirectory(prefix="package-") as folder:
        copy = Path(folder) / "checkout"
        _copy(source, copy)
        if architecture is not None:
            _aim(copy / ".chalice" / "config.json", architecture)
        _run([sys.executable, "-c", CHECK_SOURCE], copy)
        chalice = Path(sys.executable).with_name("chalice")
        template = ".chalice/resources.yaml"
        command = ["package", "--stage", STAGE, "--merge-template", template, "out"]
        output = _run([str(chalice), *command], copy)
        if "Could not install dependencies" in output:
            raise PackageError(output)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in PRODUCTS:
            shutil.move(copy / "out" / name, target / name)


def _aim(config: Path, architecture: str) -> None:
    """Change the processor in a copy of config.json, which has it once, for all functions."""
    settings = json.loads(config.read_text(encoding="utf-8"))
    settings["lambda_architecture"] = architecture
    config.write_text(json.dumps(settings), encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "deployments", "deployed")
        shutil.copytree(source, target, symlinks=True, ignore=ignored)
    else:
        shutil.copy2(source, target)


def _run(command: list[str], folder: Path) -> str:
    environment = {
        **os.environ,
        "AWS_DEFAULT_REGION": "us-east-1",  # any; the template names none
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(folder),
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PackageError(done.stdout)
    return done.stdout


def check(source: Path, target: Path) -> str:
    """Build twice, and return what the package is like in a sentence.

    Raises:
        PackageError: the builds differ, a file is missing or out of place, the package is too
            large, or the template has a fault.
    """
    build(source, target)
    with tempfile.TemporaryDirectory(prefix="package-") as folder:
        again = Path(folder) / "again"
        build(source, again)
        for name in PRODUCTS:
            if _digest(target / name) != _digest(again / name):
                raise PackageError(f"Two builds of the same source differ in {name}.")
    with zipfile.ZipFile(target / "deployment.zip") as package:
        names = package.namelist()
        unzipped = sum(entry.file_size for entry in package.infolist())
    check_names(names)
    if unzipped > UNZIPPED_MAX_BYTES:
        raise PackageError(f"{_megabytes(unzipped)} unzipped are more than Lambda's 250 MB.")
    lint = Path(sys.executable).with_name("cfn-lint")
    # W3005: Chalice names a function's queue by text, so that it is said again by DependsOn.
    options = ["--regions", "us-east-1", "--ignore-checks", "W3005"]
    _run([str(lint), *options, "--", str(target / "sam.yaml")], ROOT)
    zipped = (target / "deployment.zip").stat().st_size
    return (
        f"{len(names)} files, {_megabytes(zipped)} zipped, {_megabytes(unzipped)} of "
        f"{_megabytes(UNZIPPED_MAX_BYTES)} unzipped; the template is valid; two builds are equal."
    )


def check_names(names: Iterable[str]) -> None:
    """Raise PackageError unless the package has what it needs, and nothing that it must not."""
    present = set(names)
    missing = [name for name in NEEDED if name not in present]
    if missing:
        raise PackageError(f"Missing in the package: {', '.join(missing)}.")
    misplaced = [name for name in present if any(part in f"/{name}" for part in FORBIDDEN)]
    if misplaced:
        raise PackageError(f"Out of place in the package: {', '.join(sorted(misplaced)[:5])}.")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _megabytes(count: int) -> str:
    return f"{count / 1024 / 1024:.1f} MB"


def main() -> int:
    """Make the package, and with --check judge it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    if sys.version_info[:2] != LAMBDA_PYTHON:
        wanted = ".".join(map(str, LAMBDA_PYTHON))
        text = f"this is Python {sys.version.split()[0]}, and the Lambdas run {wanted}."
        print(f"Skipped the package: {text}" if given.check else f"Can't package: {text}")
        return 0 if given.check else 1
    try:
        with tempfile.TemporaryDirectory(prefix="snapshot-") as folder:
            source = snapshot(Path(folder) / "checkout")
            if given.check:
                print(f"The package: {check(source, given.target.resolve())}")
            else:
                build(source, given.target.resolve())
                print(f"Made {given.target}.")
    except PackageError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
