"""The package is made smaller without harm, and what is wrong with one is found."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scripts import package_checks, slimming, template_checks
from scripts.package import CODE, TEMPLATE, PackageError

LOAD = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("_speedups", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module._escape_inner("<"))
"""
TINY = {
    "Resources": {
        "Sweep": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Runtime": "python3.12",
                "Handler": "app.sweep",
                "CodeUri": "./deployment.zip",
                "Role": "arn:aws:iam::123456789012:role/sweep",
            },
        }
    }
}


def archive(path: Path, **files: bytes | str) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name), content)
    return path


def library() -> Path:
    spec = importlib.util.find_spec("markupsafe._speedups")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


@pytest.mark.skipif(sys.platform != "linux", reason="what is packed are Linux's libraries")
def test_a_library_without_its_symbols_still_works(tmp_path: Path) -> None:
    whole = library().read_bytes()
    slim = slimming.stripped(whole)
    assert len(slim) < len(whole)
    assert slimming.stripped(slim) == slim
    place = tmp_path / library().name
    place.write_bytes(slim)
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LOAD, str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout == "&lt;\n", said.stderr


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF", b"print('\x7fELF')", b"\x7fELF\x01\x01 32 bit"]
)
def test_what_is_no_library_of_lambdas_stays_as_it_is(content: bytes) -> None:
    assert slimming.stripped(content) == content


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        ("botocore/data/dynamodb/2012-08-10/service-2.json.gz", True),
        ("botocore/data/endpoints.json", True),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", False),
        ("botocore/data/s3control/2018-08-20/service-2.json.gz", False),
        ("botocore/client.py", True),
        ("boto3/data/ec2/resources-1.json", False),
        ("stripe/params/_charge_params.py", False),
        ("stripe/_charge.py", True),
        ("stdnum/eu/vat.py", True),
        ("stdnum/oui.dat", False),
        ("templates/invoice.typ", True),
    ],
)
def test_only_what_nothing_reads_is_left_out(name: str, *, stays: bool) -> None:
    assert slimming.is_needed(name) is stays


def test_the_same_package_is_always_slimmed_to_the_same_bytes(tmp_path: Path) -> None:
    files = {"app.py": "app = 1", "stripe/params/x.py": "", "chalicelib/__init__.py": ""}
    made = []
    for number in range(2):
        one = archive(tmp_path / f"{number}.zip", **files)
        slimming.slim(one)
        made.append(one.read_bytes())
        with zipfile.ZipFile(one) as slim:
            assert slim.namelist() == ["app.py", "chalicelib/__init__.py"]
            assert slim.read("app.py") == b"app = 1"
    assert made[0] == made[1]


def test_a_package_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archive(tmp_path / CODE, **dict.fromkeys(package_checks.NEEDED, b"1234567890"))
    assert "unzipped" in package_checks.measure(made, tmp_path)
    monkeypatch.setattr(package_checks, "UNZIPPED_MAX_BYTES", 10 * len(package_checks.NEEDED) - 1)
    with pytest.raises(PackageError, match="too large"):
        package_checks.measure(made, tmp_path)


def test_a_package_without_one_of_the_fonts_is_refused(tmp_path: Path) -> None:
    made = archive(tmp_path / CODE, **dict.fromkeys(package_checks.NEEDED, b""))
    (tmp_path / "templates" / "fonts").mkdir(parents=True)
    (tmp_path / "templates" / "fonts" / "Sans.ttf").touch()
    with pytest.raises(PackageError, match=r"Missing in the package: templates/fonts/Sans\.ttf"):
        package_checks.measure(made, tmp_path)


def test_a_package_that_leans_on_something_outside_is_refused(tmp_path: Path) -> None:
    archive(tmp_path / CODE, **{"app.py": "import chalice", "botocore/data/s3/x.json": "{}"})
    (tmp_path / TEMPLATE).write_text(json.dumps(TINY))
    with pytest.raises(PackageError, match="No module named 'chalice'"):
        package_checks.try_out(tmp_path, tmp_path / "unzipped")


def test_a_handler_of_another_module_is_refused() -> None:
    assert package_checks.handlers_of(TINY) == {"Sweep": "app.sweep"}
    stray = json.loads(json.dumps(TINY).replace("app.sweep", "chalicelib.workers.sweep"))
    with pytest.raises(PackageError, match="Sweep"):
        package_checks.handlers_of(stray)


def test_two_builds_that_differ_are_refused(tmp_path: Path) -> None:
    for name, content in (("a", b"1"), ("b", b"2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / TEMPLATE).write_bytes(content)
    with pytest.raises(PackageError, match=f"differ in {TEMPLATE}"):
        package_checks.compare(tmp_path / "a", tmp_path / "b", products=[TEMPLATE])


def finding(identity: str, resource: str = "AWS::Lambda::Function.Sweep") -> dict[str, Any]:
    return {"check_id": identity, "resource": resource, "check_name": "Something is unsafe"}


def audited(tmp_path: Path, *findings: str) -> list[str]:
    """What the audit says of a template with these findings."""
    template = tmp_path / TEMPLATE
    template.write_text(json.dumps(TINY))
    failed = [finding(identity) for identity in findings]
    return template_checks.audit(template, stage="prod", checkov=lambda _: (7, failed))


def test_each_finding_that_is_accepted_is_told_with_its_reason(tmp_path: Path) -> None:
    summary, *lines = audited(tmp_path, *template_checks.ACCEPTED)
    assert "passes 7 checks" in summary
    for line, (identity, reason) in zip(
        lines, sorted(template_checks.ACCEPTED.items()), strict=True
    ):
        assert identity in line
        assert line.endswith(reason)


def test_any_other_finding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"CKV_NEW AWS::Lambda::Function\.Sweep: Something"):
        audited(tmp_path, *template_checks.ACCEPTED, "CKV_NEW")


def test_a_reason_for_what_is_not_found_any_more_is_refused(tmp_path: Path) -> None:
    gone, *rest = sorted(template_checks.ACCEPTED)
    with pytest.raises(PackageError, match=f"not found any more: {gone}"):
        audited(tmp_path, *rest)


def test_what_is_audited_is_what_cloudformation_makes_of_it() -> None:
    made = template_checks.as_deployed(TINY)
    assert made["Resources"]["Sweep"]["Type"] == "AWS::Lambda::Function"
