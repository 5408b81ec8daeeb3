"""Which installation the commands work on: a deployed one, the local stack, the environment's."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from chalicelib.config import SettingsError
from chalicelib.wiring import graph

#: What `make run` writes while it runs, and takes away again.
ENVIRONMENT_FILE = Path(__file__).resolve().parent.parent.parent / ".local" / "environment.json"
#: One that is there says that the environment is an installation's.
_TELLING = "ACCOUNTS_TABLE"
#: All functions have the same variables; this one is in every installation.
_FUNCTION = "Reconcile"


def attach(*, stack: str | None, environment: Path | None) -> None:
    """Let this process be one of the installation's, with its tables, queues and Stripe account.

    The credentials for AWS stay those of whoever runs the command; the local stack brings its own.

    Raises:
        SettingsError: if there is no such installation, or none was named and none runs here.
    """
    if stack is not None:
        found: Mapping[str, str] = variables_of(stack)
    elif environment is not None or _TELLING not in os.environ:
        found = _read(environment or ENVIRONMENT_FILE)
    else:
        found = {}
    os.environ.update(found)
    graph.cache_clear()


def variables_of(stack: str) -> Mapping[str, str]:
    """The variables that a deployed stack's functions have."""
    session = boto3.Session()
    client: Any = session.client("lambda")
    name = function_name(stack)
    configuration = client.get_function_configuration(FunctionName=name)
    variables: dict[str, str] = configuration["Environment"]["Variables"]
    # Lambda itself sets the region, and so it isn't among them.
    return {"AWS_REGION": client.meta.region_name, **variables}


def function_name(stack: str) -> str:
    """The name of the stack's function that reconciles."""
    resource = (
        boto3.Session()
        .client("cloudformation")
        .describe_stack_resource(StackName=stack, LogicalResourceId=_FUNCTION)
    )
    return str(resource["StackResourceDetail"]["PhysicalResourceId"])


def _read(file: Path) -> Mapping[str, str]:
    try:
        found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            "Start the local stack with make run, or name an installation with --stack."
        ) from None
    return found
