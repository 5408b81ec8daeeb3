"""The checks of the locks and of the package find what they are for."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.settings import CHECKOUT
from scripts import lock, package, package_checks

HASH = " \\\n    --hash=sha256:0\n"


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What is wrong with the given files; without changes, nothing is."""
    monkeypatch.setattr(lock, "ROOT", tmp_path)

    def faults(**changed: str) -> list[str]:
        files = {
            "requirements_in": "alpha[extra]>=1  # a comment\n",
            "requirements_txt": f"alpha==1.5{HASH}beta==2{HASH}",
            "requirements_dev_in": "-r requirements.in\ngamma==3\n",
            "requirements_dev_txt": f"alpha==1.5{HASH}beta==2{HASH}gamma==3{HASH}",
            "requirements_audit_in": "delta\n",
            "requirements_audit_txt": f"delta==4{HASH}",
        } | changed
        for name, text in files.items():
            stem, _, suffix = name.rpartition("_")
            (tmp_path / f"{stem.replace('_', '-')}.{suffix}").write_text(text)
        return lock.faults()

    return faults


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"requirements_in": "alpha>=2\n"}, "alpha"),
        ({"requirements_in": "delta\n"}, "delta"),
        ({"requirements_txt": f"alpha==1.5{HASH}beta==2\n"}, "beta has no hash"),
        ({"requirements_txt": f"alpha==1.6{HASH}beta==2{HASH}"}, "1.6 at run time, 1.5"),
        ({"requirements_txt": f"alpha==1.5{HASH}chalice==1{HASH}"}, "chalice has no place"),
        ({"requirements_dev_in": "-r requirements.in\ngamma<3\n"}, "gamma<3"),
        (
            {"requirements_dev_txt": f"alpha==1.5{HASH}beta==2{HASH}gamma==3{HASH}pytest==0{HASH}"},
            "not 0: run make again",
        ),
    ],
)
def test_a_lock_that_does_not_hold_is_found(
    locks: Callable[..., list[str]], changed: dict[str, str], said: str | list[str]
) -> None:
    found = locks(**changed)
    assert found == said if isinstance(said, list) else any(said in fault for fault in found)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (package_checks.NEEDED[1:], "Missing"),
        ((*package_checks.NEEDED, "pip/__init__.py"), "Out of place"),
    ],
)
def test_a_package_with_a_file_too_few_or_too_many_is_refused(
    names: tuple[str, ...], said: str
) -> None:
    package_checks.check_names(package_checks.NEEDED)
    with pytest.raises(package.PackageError, match=said):
        package_checks.check_names(names)


def test_make_alone_prints_every_target() -> None:
    said = subprocess.run(["make"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    targets = [
        line.partition(":")[0]
        for line in (CHECKOUT / "Makefile").read_text().splitlines()
        if "## " in line and line[0].isalpha()
    ]
    assert {"run", "demo", "token", "test", "check"} <= set(targets)
    assert all(f"\n  {target} " in said for target in targets)
