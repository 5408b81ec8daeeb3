"""`make deploy`: brings a package to an account of AWS, once somebody has seen what changes.

Needs credentials as any AWS client does, and no other tool. What it uploads, plans and asks is
in the account that the credentials are of, in the region that they name.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from scripts.change_sets import STUCK, Change, DeployError, Stack, table
from scripts.deploy_parameters import parameters_of, read_parameters, reserved
from scripts.package import STAGES, PackageError, build, refusal, snapshot
from scripts.uploads import Uploads

APPLICATION = "gateway-credits"
#: What Lambda keeps unreserved in every account.
_UNRESERVED_MIN = 100


class Session(Protocol):
    """What is used of a session of boto3."""

    region_name: str | None

    def client(self, service_name: str) -> Any:
        """A client of a service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the operator wants.

    `yes` answers the question beforehand, for pipelines, except for what endangers data: that
    needs `replace_data`, too.
    """

    stage: str
    stack: str
    parameters: Mapping[str, str]
    bucket: str | None = None
    yes: bool = False
    replace_data: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The operator: who reads, and answers; nobody does in a pipeline."""

    show: Callable[[str], None]
    ask: Callable[[str], str] | None
    colours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One deployment of a package."""

    session: Session
    wish: Wish
    console: Console
    pause: Callable[[float], None] | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def run(self, package: Path) -> None:
        """Upload, plan, ask, deploy, and tell where everything is.

        Raises:
            DeployError: nothing was deployed, or CloudFormation has put it back.
        """
        region = self.session.region_name
        if not region:
            raise DeployError("Say in which region: AWS_DEFAULT_REGION=eu-central-1")
        stack = self._stack()
        current = stack.describe()
        _refuse_stuck(stack.name, current)
        url, template = self._upload(package, region)
        given = self._settled(template, is_new=current is None)
        parameters = parameters_of(template, given=given, current=current)
        if current is None:
            self._check_account(template, given)
        name = f"deploy-{self.at:%Y%m%d-%H%M%S}"
        tags = {"application": APPLICATION, "stage": self.wish.stage}
        changes = stack.plan(name=name, template_url=url, parameters=parameters, tags=tags)
        if changes is None:
            self.console.show("Nothing has changed.")
        else:
            self._confirm(stack, name, changes)
            stack.carry_out(name, show=self.console.show)
        if self.wish.stage == "prod":
            stack.cloudformation.update_termination_protection(
                StackName=stack.name, EnableTerminationProtection=True
            )
        for key, value in sorted(stack.outputs().items()):
            self.console.show(f"{key}: {value}")

    def _stack(self) -> Stack:
        client = self.session.client("cloudformation")
        if self.pause is None:
            return Stack(cloudformation=client, name=self.wish.stack)
        return Stack(cloudformation=client, name=self.wish.stack, pause=self.pause)

    def _upload(self, package: Path, region: str) -> tuple[str, Mapping[str, Any]]:
        account = self.session.client("sts").get_caller_identity()["Account"]
        bucket = self.wish.bucket or f"{APPLICATION}-code-{account}-{region}"
        self.console.show(f"Account {account}, {region}, stack {self.wish.stack}, bucket {bucket}")
        uploads = Uploads(self.session.client("s3"), bucket=bucket, prefix=APPLICATION)
        if uploads.prepare(region=region, may_create=self.wish.bucket is None):
            self.console.show(f"Made the bucket {bucket}.")
        return uploads.put(package)

    def _settled(self, template: Mapping[str, Any], *, is_new: bool) -> dict[str, str]:
        """The parameters given, and for a new stack those that depend on the account."""
        given = dict(self.wish.parameters)
        if is_new and "StripeSecretName" in template["Parameters"]:
            given.setdefault("StripeSecretName", f"{self.wish.stack}/stripe")
        if is_new and "ApiLogRole" in template["Parameters"]:
            account = self.session.client("apigateway").get_account()
            there = account.get("cloudwatchRoleArn")
            given.setdefault("ApiLogRole", "exists" if there else "create")
        return given

    def _check_account(self, template: Mapping[str, Any], given: Mapping[str, str]) -> None:
        """Find out beforehand what a new stack would fail for after minutes."""
        secret = given.get("StripeSecretName")
        if secret:
            try:
                self.session.client("secretsmanager").describe_secret(SecretId=secret)
            except ClientError as error:
                raise DeployError(
                    f"There is no secret {secret} with Stripe's keys: docs/operating.md has the "
                    f"command that makes it. ({error})"
                ) from error
        needed = reserved(template)
        limits = self.session.client("lambda").get_account_settings()["AccountLimit"]
        left = limits["UnreservedConcurrentExecutions"] - needed
        if needed and left < _UNRESERVED_MIN:
            raise DeployError(
                f"The functions reserve {needed} of the account's concurrent executions, of which "
                f"{limits['UnreservedConcurrentExecutions']} are free, and {_UNRESERVED_MIN} must "
                "stay so. Have the quota raised (Service Quotas, Lambda), or lower "
                "reserved_concurrency in .chalice/config.json."
            )

    def _confirm(self, stack: Stack, name: str, changes: Sequence[Change]) -> None:
        self.console.show(table(changes, colours=self.console.colours))
        endangered = [change.logical_id for change in changes if change.endangers_data]
        if not self._agreed(endangered, count=len(changes)):
            stack.discard(name)
            raise DeployError("Nothing was deployed.")

    def _agreed(self, endangered: Sequence[str], *, count: int) -> bool:
        if endangered:
            self.console.show(f"!! Data may be lost with: {', '.join(endangered)}.")
            if self.wish.yes:
                if not self.wish.replace_data:
                    self.console.show("YES=1 doesn't answer for that; REPLACE_DATA=1 does.")
                return self.wish.replace_data
            question = f"Write the stack's name to go on ({self.wish.stack}): "
            return self._answer(question) == self.wish.stack
        if self.wish.yes:
            return True
        return self._answer(f"Deploy these {count} changes? [y/N] ").lower() in ("y", "yes")

    def _answer(self, question: str) -> str:
        if self.console.ask is None:
            raise_ = "There is nobody to ask; in a pipeline, say YES=1."
            self.console.show(raise_)
            return ""
        return self.console.ask(question).strip()


def _refuse_stuck(name: str, stack: Mapping[str, Any] | None) -> None:
    status = str(stack["StackStatus"]) if stack else ""
    if status in STUCK:
        raise DeployError(f"The stack {name} is {status}; {STUCK[status]}.")
    if status.endswith("IN_PROGRESS"):
        raise DeployError(f"The stack {name} is {status}: wait until that is over.")


def stack_of(stage: str) -> str:
    """What a stage's stack is called unless the operator says otherwise."""
    return APPLICATION if stage == "prod" else f"{APPLICATION}-{stage}"


def _wish(arguments: list[str] | None) -> Wish:
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__)
    parser.add_argument("--stage", choices=STAGES, default="prod")
    parser.add_argument("--stack", help="its name, if not the application's")
    parser.add_argument("--parameters", type=Path, help="a JSON file; parameters-STAGE.json")
    parser.add_argument("--bucket", help="an existing bucket for the code")
    parser.add_argument("--yes", action="store_true", help="don't ask")
    parser.add_argument("--replace-data", action="store_true", help="even if data may be lost")
    given = parser.parse_args(arguments)
    return Wish(
        stage=given.stage,
        stack=given.stack or stack_of(given.stage),
        parameters=read_parameters(given.parameters, stage=given.stage),
        bucket=given.bucket,
        yes=given.yes,
        replace_data=given.replace_data,
    )


def main(arguments: list[str] | None = None) -> int:
    """Package and deploy; 1 if nothing was, or not all of it."""
    if why := refusal():
        print(f"Can't package: {why}", file=sys.stderr)
        return 1
    console = Console(
        show=print,
        ask=input if sys.stdin.isatty() else None,
        colours=sys.stdout.isatty() and "NO_COLOR" not in os.environ,
    )
    try:
        wish = _wish(arguments)
        with tempfile.TemporaryDirectory(prefix="deploy-") as folder:
            source = snapshot(Path(folder) / "checkout")
            build(source, Path(folder) / "package", stage=wish.stage)
            deployment = Deployment(session=boto3.Session(), wish=wish, console=console)
            deployment.run(Path(folder) / "package")
    except (DeployError, PackageError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
