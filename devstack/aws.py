"""The emulated AWS of a stack: its clients, and the resources created from the template."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from devstack.template import Template

REGION = "us-east-1"
#: What the emulator verifies presigned links with, for accounts that nobody made.
SECRET_KEY = "test"  # noqa: S105 - it protects nothing
DEFAULT_ACCOUNT = "100000000001"
STACK_NAME = "gateway-credits"
CREATION_SECONDS = 120.0


class ResourceError(Exception):
    """The emulator refused the template; the text says which resource, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """An account of the emulated AWS; in the emulator an access key of 12 digits *is* one."""

    endpoint_url: str
    account_id: str = DEFAULT_ACCOUNT

    def client(self, service: str) -> Any:
        """Return a boto3 client of the account, that no proxy setting can lead astray."""
        session = boto3.Session(
            aws_access_key_id=self.account_id,
            aws_secret_access_key=SECRET_KEY,
            region_name=REGION,
        )
        config = Config(proxies={}, max_pool_connections=64, retries={"max_attempts": 2})
        return session.client(service, endpoint_url=self.endpoint_url, config=config)

    def environment(self) -> dict[str, str]:
        """Return the variables that make any AWS SDK use the account."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.account_id,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            # The clients' own default, said so that no file in the home folder can change it.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def physical_ids(self) -> dict[str, str]:
        """Return the physical id of each resource of the stack by its logical one."""
        answer = self.client("cloudformation").describe_stack_resources(StackName=STACK_NAME)
        return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in answer["StackResources"]}


def create_resources(
    cloud: Cloud,
    template: Template,
    *,
    given: Iterable[str] = (),
    visibility_timeout_seconds: int | None = None,
) -> dict[str, str]:
    """Create the template's tables, queues, bucket and bus; return the functions' environment.

    CloudFormation itself resolves the environment: each variable is made an output of the
    stack. Those named in `given` are left out, since whoever calls sets them.

    Raises:
        ResourceError: a resource or a variable was refused.
    """
    names = {
        output: (name, value)
        for output, (name, value) in _outputs(template).items()
        if name not in set(given)
    }
    body = {
        **{k: template.content[k] for k in ("Conditions", "Mappings") if k in template.content},
        "Parameters": _filled(template.content.get("Parameters", {})),
        "Resources": template.data_resources(visibility_timeout_seconds=visibility_timeout_seconds),
        "Outputs": {output: {"Value": value} for output, (_, value) in names.items()},
    }
    cloudformation = cloud.client("cloudformation")
    # A date such as a policy's `Version: 2012-10-17` was read as one, and is written as text.
    cloudformation.create_stack(StackName=STACK_NAME, TemplateBody=json.dumps(body, default=str))
    variables = _variables_in(_settled(cloudformation), template)
    for name, value in variables.items():
        if "{{resolve:" in value:
            raise ResourceError(f"{name} is a secret, and the local stack gives it no value.")
    return variables


def resource_variables(cloud: Cloud, template: Template) -> dict[str, str]:
    """Return what `create_resources` did, for a stack that exists already."""
    return _variables_in(_settled(cloud.client("cloudformation")), template)


def _outputs(template: Template) -> dict[str, tuple[str, Any]]:
    """Return the variables, by the names of the outputs that they are made."""
    variables = enumerate(template.variables().items())
    return {f"Variable{number}": variable for number, variable in variables}


def _variables_in(stack: dict[str, Any], template: Template) -> dict[str, str]:
    names = _outputs(template)
    return {
        names[output["OutputKey"]][0]: str(output["OutputValue"])
        for output in stack.get("Outputs", [])
    }


def _settled(cloudformation: Any) -> dict[str, Any]:
    """Wait until the stack is complete, and return its description."""
    deadline = time.monotonic() + CREATION_SECONDS
    while time.monotonic() < deadline:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return stack
        if "FAILED" in stack["StackStatus"] or "ROLLBACK" in stack["StackStatus"]:
            events = cloudformation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
            reasons = [
                f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
                for event in events
                if "FAILED" in event["ResourceStatus"] and "ResourceStatusReason" in event
            ]
            raise ResourceError("The template was refused. " + "; ".join(reasons))
        time.sleep(0.05)
    raise ResourceError(f"The resources were not there after {CREATION_SECONDS:.0f} s.")


def _filled(parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the parameters with a value for those that have no default."""
    return {name: {"Default": "local", **parameter} for name, parameter in parameters.items()}


def settings_of(root: Path) -> Template:
    """Return the template of the application in `root`."""
    return Template.read(root / ".chalice" / "resources.yaml")
