"""Whether a stage's template is valid, and asks AWS for nothing unsafe: cfn-lint and checkov."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import yaml
from samtranslator.metrics.metrics import DummyMetricsPublisher, Metrics
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from scripts.package import ROOT, PackageError, run

Checkov = Callable[[Path], tuple[int, list[dict[str, Any]]]]
"""How many checks a template passes, and which it fails."""

CHECKOV = ROOT / ".venv-audit" / "bin" / "checkov"
REGION = "us-east-1"
#: What checkov finds here and is meant so, with the reason. `make package-check` fails on any
#: other finding, and on a reason whose finding is gone.
ACCEPTED: dict[str, str] = {
    "CKV_AWS_18": "each read of a document is by a link that we sign and log",
    "CKV_AWS_116": "queues have dead-letter queues; a schedule's next run does what one couldn't; "
    "streams are caught up with by the sweep and by make rebuild-usage",
    "CKV_AWS_117": "everything is reached by TLS and a role; a VPC would add a NAT to pass by",
    "CKV_AWS_120": "answers are somebody's own and true now, so none may be kept",
    "CKV_AWS_173": "variables hold names; secrets are read at run time",
}


def check(template: Path, *, stage: str) -> list[str]:
    """What the checks say of a template, line by line.

    Raises:
        PackageError: it is invalid, or has a finding that isn't accepted.
    """
    lint = Path(sys.executable).with_name("cfn-lint")
    # W3005: Chalice names a function's queue by text, so that it is said again by DependsOn.
    options = ["--regions", REGION, "--ignore-checks", "W3005"]
    run([str(lint), *options, "--", str(template)], ROOT)
    return [f"{stage}: the template is valid.", *audit(template, stage=stage)]


def audit(template: Path, *, stage: str, checkov: Checkov | None = None) -> list[str]:
    """What checkov finds in what CloudFormation makes of the template.

    Raises:
        PackageError: checkov didn't run, or found what isn't accepted.
    """
    with tempfile.TemporaryDirectory(prefix="audit-") as folder:
        transformed = Path(folder) / "template.json"
        content = yaml.safe_load(template.read_text(encoding="utf-8"))
        transformed.write_text(json.dumps(as_deployed(content), default=str), encoding="utf-8")
        passed, failed = (checkov or _checkov)(transformed)
    found = {(item["check_id"], item["resource"].rpartition(".")[2]) for item in failed}
    unknown = sorted(
        f"{item['check_id']} {item['resource']}: {item['check_name']}"
        for item in failed
        if item["check_id"] not in ACCEPTED
    )
    if unknown:
        raise PackageError(f"{stage}: checkov finds\n  " + "\n  ".join(unknown))
    if gone := sorted(set(ACCEPTED) - {identity for identity, _ in found}):
        raise PackageError(f"{stage}: accepted, but not found any more: {', '.join(gone)}.")
    said = [f"{stage}: checkov passes {passed} checks; accepted, with a reason each:"]
    for identity, reason in sorted(ACCEPTED.items()):
        count = sum(known == identity for known, _ in found)
        said.append(f"  {identity} ({count}): {reason}")
    return said


def as_deployed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The template as SAM's macro makes it on AWS, parameters left open."""
    template = json.loads(json.dumps(content, default=str))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://code/deployment.zip"
    session = boto3.Session(region_name=REGION)
    metrics = Metrics("ServerlessTransform", DummyMetricsPublisher())
    translator = Translator({}, Parser(), boto_session=session, metrics=metrics)
    made: dict[str, Any] = translator.translate(template, {})
    metrics.publish()  # to nobody; it complains otherwise
    return made


def _checkov(template: Path) -> tuple[int, list[dict[str, Any]]]:
    """How many checks pass, and what fails. It asks nobody: no network is needed."""
    options = ["--framework", "cloudformation", "--output", "json", "--compact", "--quiet"]
    offline = ["--skip-download", "--skip-results-upload", "--skip-resources-without-violations"]
    command = [str(CHECKOV), "--file", str(template), *options, *offline]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        report = json.loads(done.stdout)
        summary = report["summary"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PackageError(f"checkov didn't run; make .venv-audit/.installed: {error}") from error
    if summary["parsing_errors"]:
        raise PackageError(f"checkov can't read the template: {report}")
    return summary["passed"], report["results"]["failed_checks"]
