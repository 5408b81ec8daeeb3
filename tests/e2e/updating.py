"""Updating a running deployment as an operator does: a new version, by a change set."""

from __future__ import annotations

import copy
import json
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack.aws import STACK_NAME
from devstack.client import request
from tests.e2e.deployment import Deployment, Template

UPDATE_SECONDS = 180.0
CONTRACT = "templates/openapi.json"
#: What the new code does that the old one doesn't: each process of it says so when it starts.
SAYS_SO = '\nlogger.info("A new version starts", version={version})\n'

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What CloudFormation said that it would change, and how it ended."""

    changes: dict[str, dict[str, Any]]
    status: str
    seconds: float


def changed_code(deployment: Deployment, version: int) -> Path:
    """A package whose code and whose contract are of another version; the rest is linked."""
    folder = deployment.folder / f"version-{version}"
    folder.mkdir()
    for part in deployment.code.iterdir():
        if part.name in {"chalicelib", "templates"}:
            shutil.copytree(part, folder / part.name)
        elif part.name not in {"app.py", "__pycache__"}:
            (folder / part.name).symlink_to(part)
    contract = json.loads((folder / CONTRACT).read_text())
    contract["info"]["version"] = str(version)
    (folder / CONTRACT).write_text(json.dumps(contract))
    code = (deployment.code / "app.py").read_text()
    (folder / "app.py").write_text(code + SAYS_SO.format(version=version))
    return folder


def update(deployment: Deployment, *, version: int, change: Callable[[Template], None]) -> Update:
    """Make a change set of new code and a changed template, and execute it."""
    cloudformation = deployment.cloud.client("cloudformation")
    template = copy.deepcopy(deployment.template)
    change(template)
    code = changed_code(deployment, version)
    url = deployment.publish(template, version=version, code=code)
    (before,) = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
    named = {"StackName": STACK_NAME, "ChangeSetName": f"version-{version}"}
    started = time.monotonic()
    cloudformation.create_change_set(
        **named,
        TemplateURL=url,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": parameter["ParameterKey"], "UsePreviousValue": True}
            for parameter in before["Parameters"]
        ],
    )
    found = _until(
        lambda: cloudformation.describe_change_set(**named), "Status", {"CREATE_COMPLETE", "FAILED"}
    )
    cloudformation.execute_change_set(**named)
    ended = _until(
        lambda: cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0],
        "StackStatus",
        {"UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED"},
        besides=before,
    )
    result = Update(
        changes={
            change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"]
            for change in found["Changes"]
        },
        status=ended["StackStatus"],
        seconds=time.monotonic() - started,
    )
    logger.info("Version %d: %s in %.1f s", version, result.status, result.seconds)
    return result


def _until(
    look: Callable[[], dict[str, Any]],
    name: str,
    wanted: set[str],
    *,
    besides: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Look until a status is one of those wanted, and not of the time before."""
    deadline = time.monotonic() + UPDATE_SECONDS
    while True:
        found = look()
        changed = besides is None or found.get("LastUpdatedTime") != besides.get("LastUpdatedTime")
        if found[name] in wanted and changed:
            return found
        assert time.monotonic() < deadline, f"{name} stays {found[name]}"
        time.sleep(0.1)


def served_version(deployment: Deployment) -> str:
    """The version of the contract that is served now."""
    version: str = request("GET", f"{deployment.url}/openapi.json").json()["info"]["version"]
    return version


def failures_of(deployment: Deployment) -> dict[str, str]:
    """What failed, and why, as the stack's events tell."""
    events = deployment.cloud.client("cloudformation").describe_stack_events(StackName=STACK_NAME)
    return {
        event["LogicalResourceId"]: event.get("ResourceStatusReason", "")
        for event in events["StackEvents"]
        if event["ResourceStatus"].endswith("_FAILED")
    }
