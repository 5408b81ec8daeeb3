"""The parameters of a deployment: from a file, and as CloudFormation wants them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.change_sets import DeployError


def parameters_of(
    template: Mapping[str, Any], *, given: Mapping[str, str], current: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """The parameters as CloudFormation wants them; those not given stay as they are.

    Raises:
        DeployError: one is unknown, or needed and nobody has ever given it.
    """
    declared: Mapping[str, Any] = template["Parameters"]
    if unknown := sorted(set(given) - set(declared)):
        raise DeployError(f"There are no such parameters: {', '.join(unknown)}.")
    kept = {one["ParameterKey"] for one in (current or {}).get("Parameters", [])}
    needed = {name for name, parameter in declared.items() if "Default" not in parameter}
    if missing := sorted(needed - set(given) - kept):
        lines = [f"  {name}: {declared[name].get('Description', '')}" for name in missing]
        raise DeployError("\n".join(["These parameters have no value yet:", *lines]))
    values = [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]
    before = [
        {"ParameterKey": name, "UsePreviousValue": True}
        for name in declared
        if name in kept and name not in given
    ]
    return values + before


def reserved(template: Mapping[str, Any]) -> int:
    """How many concurrent executions the functions have for themselves."""
    properties = [resource.get("Properties", {}) for resource in template["Resources"].values()]
    return sum(each.get("ReservedConcurrentExecutions", 0) for each in properties)


def read_parameters(path: Path | None, *, stage: str) -> dict[str, str]:
    """The file of parameters: a JSON object of texts. The stage's own needn't be there.

    Raises:
        DeployError: it isn't there, or is none.
    """
    found = path or Path(f"parameters-{stage}.json")
    if path is None and not found.exists():
        return {}
    try:
        read = json.loads(found.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DeployError(f"{found} can't be read: {error}") from error
    if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
        raise DeployError(f"{found} has to be a JSON object of texts.")
    return read
