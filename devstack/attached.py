"""Runs a command with the environment of the stack that runs in this checkout, if one does.

`python -m devstack.attached scripts.redrive usage`. Without a running stack the command gets the
environment as it is, which for an operator names the tables and queues of a real installation.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from devstack.aws import Cloud, resource_variables, settings_of
from devstack.crew import DESCRIPTION_FILE
from devstack.settings import CHECKOUT


def attached_environment(home: Path = CHECKOUT / ".local") -> dict[str, str]:
    """Return what the running stack's application reads; empty when none runs."""
    file = home / DESCRIPTION_FILE
    if not file.exists():
        return {}
    description = json.loads(file.read_text())
    cloud = Cloud(
        endpoint_url=description["aws_endpoint_url"],
        account_id=description["aws_access_key_id"],
    )
    return {
        **resource_variables(cloud, settings_of(CHECKOUT)),
        **cloud.environment(),
        "STRIPE_API_KEY": description["stripe_api_key"],
        "STRIPE_API_BASE": description["stripe_api_base"],
        "STRIPE_PUBLISHABLE_KEY": "pk_test_local",
        "STRIPE_WEBHOOK_SECRETS": description["stripe_webhook_secret"],
    }


def main(arguments: Sequence[str]) -> None:
    """Run the module that the first argument names, with the others as its arguments."""
    os.environ.update(attached_environment())
    sys.argv = [arguments[0], *arguments[1:]]
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
