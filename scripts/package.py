"""`make package`: what CloudFormation deploys for a stage, the code and the template.

Chalice packs for the interpreter that it runs on, so this needs Python 3.12, which the Lambdas
run. It works on a copy of the checkout: what a build leaves behind, and what development left
lying about, never gets into the package.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.slimming import slim

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("app.py", "chalicelib", "templates", "vendor", ".chalice", "requirements.txt")
CODE, TEMPLATE = "deployment.zip", "sam.yaml"
PRODUCTS = (CODE, TEMPLATE)
STAGES = ("dev", "prod")
LAMBDA_PYTHON = (3, 12)
VALIDATION = (
    "import sys; "
    "from chalice.cli.factory import CLIFactory; "
    "from chalice.deploy.validate import validate_configuration; "
    "validate_configuration(CLIFactory('.').create_config_obj(sys.argv[1]))"
)


class PackageError(Exception):
    """The package could not be made, or is not sound; the text says why."""


def snapshot(folder: Path) -> Path:
    """Copy what is packaged to `folder`, once, so that several builds are of the same source."""
    folder.mkdir()
    for name in SOURCES:
        _copy(ROOT / name, folder / name)
    return folder


def build(
    source: Path, target: Path, *, stage: str = "prod", architecture: str | None = None
) -> None:
    """Package a snapshot for a stage into `target`, which is replaced.

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
        run([sys.executable, "-c", VALIDATION, stage], copy)
        chalice = Path(sys.executable).with_name("chalice")
        template = ".chalice/resources.yaml"
        command = ["package", "--stage", stage, "--merge-template", template, "out"]
        output = run([str(chalice), *command], copy)
        if "Could not install dependencies" in output:
            raise PackageError(output)
        slim(copy / "out" / CODE)
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


def run(command: list[str], folder: Path) -> str:
    """What a command says, run in a folder whose modules it finds.

    Raises:
        PackageError: it failed; the text is what it said.
    """
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


def refusal() -> str | None:
    """Why no package can be made here, if so."""
    if sys.version_info[:2] == LAMBDA_PYTHON:
        return None
    wanted = ".".join(map(str, LAMBDA_PYTHON))
    return f"this is Python {sys.version.split()[0]}, and the Lambdas run {wanted}."


def main() -> int:
    """Make the package."""
    parser = argparse.ArgumentParser(prog="make package", description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--stage", choices=STAGES, default="prod")
    given = parser.parse_args()
    if why := refusal():
        print(f"Can't package: {why}", file=sys.stderr)
        return 1
    try:
        with tempfile.TemporaryDirectory(prefix="snapshot-") as folder:
            source = snapshot(Path(folder) / "checkout")
            build(source, given.target.resolve(), stage=given.stage)
    except PackageError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Made {given.target} for the stage {given.stage}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
