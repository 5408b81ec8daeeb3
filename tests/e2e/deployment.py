"""The package as CloudFormation deploys it, in an emulated AWS that enforces the policies.

What runs is what `make package` made, for this machine's processor: its template, its roles, its
code in processes of their own, behind the emulated API Gateway, queues, streams and schedule. The
functions' environment alone is added to: they are told where the local Stripe is, and where the
package is unpacked, since the emulator would take seconds to unpack it for each process anew. The
documents' bucket may be used without TLS, which loopback doesn't have. And who may send mail may
do it for any sender: the emulator asks for the right without saying who sends. Time-outs are
longer, for machines that are busy with other tests.
"""

from __future__ import annotations

import io
import json
import logging
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from devstack.aws import STACK_NAME, Cloud
from devstack.crew import Crew, free_url
from devstack.layout import aws_plan
from devstack.stripe.sending import Endpoint
from devstack.stripe.server import LocalStripe
from devstack.tokens import AUDIENCE, Issuer
from tests.e2e.key_server import KeyServer

#: The emulator serves API Gateway's addresses, which are called without keys, for this account.
ACCOUNT = "000000000000"
CODE_BUCKET = "code"
#: Beside what `make package` makes: the same, unpacked once for all deployments.
CODE_FOLDER = "unpacked"
CREATION_SECONDS = 180.0
SLOWNESS = 8
WEBHOOK_SECRET = "whsec_deployed"
SENDER = "billing@gateway.example"

logger = logging.getLogger(__name__)
Template = dict[str, Any]


class DeploymentError(Exception):
    """CloudFormation refused the template, or a function failed; the text says why."""


class Deployment(Crew):
    """A deployed package with the local Stripe beside it; a context manager.

    `change` is done to the template before it is deployed.
    """

    def __init__(
        self, *, home: Path, package: Path, change: Callable[[Template], None] = lambda _: None
    ) -> None:
        super().__init__(home=home)
        self._package = package
        self._running = ExitStack()
        self.cloud = Cloud(endpoint_url=free_url(), account_id=ACCOUNT)
        self.stripe = LocalStripe(webhook_secret=WEBHOOK_SECRET)
        self.template: Template = yaml.safe_load((package / "sam.yaml").read_text())
        change(self.template)

    def __enter__(self) -> Deployment:
        try:
            self._running.enter_context(self.stripe)
            self._keys = self._running.enter_context(KeyServer())
            self._start_aws()
            self._deploy()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()
        self.stop()

    def _start_aws(self) -> None:
        self.prepare()
        plan = aws_plan(self.cloud.endpoint_url, folder=self.folder)
        # Each function acts by its role's policy, and finds no module of the checkout.
        environment = {**plan.environment, "AUTH": "true", "PYTHONPATH": ""}
        self.launch([replace(plan, environment=environment)])
        self.wait_for(plan.name)

    def _deploy(self) -> None:
        s3, cloudformation = self.cloud.client("s3"), self.cloud.client("cloudformation")
        s3.create_bucket(Bucket=CODE_BUCKET)
        template_url = self.publish(self._adapted(), version=1, code=self.code)
        self._keep_secrets()
        cloudformation.create_stack(
            StackName=STACK_NAME,
            TemplateURL=template_url,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in self._parameters().items()
            ],
        )
        self._wait_until_created(cloudformation)
        endpoint = Endpoint(url=f"{self.url}/webhooks/stripe", secrets=(WEBHOOK_SECRET,))
        self.stripe.point_webhooks(endpoint)

    def _adapted(self) -> Template:
        """The template with what is different here."""
        del self.template["Resources"]["DocumentsBucketPolicy"]
        for name, resource in list(self.template["Resources"].items()):
            if resource.get("Condition") == "HasFirewall":
                del self.template["Resources"][name]  # the emulator has no such thing
        for statement in _statements(self.template):
            if statement["Action"] == ["ses:SendEmail"]:
                statement["Resource"] = "*"
        shared = self.template["Globals"]["Function"]["Environment"]["Variables"]
        # How long they take here says how busy the machine is; they are still to end.
        for function in self.functions.values():
            function["Properties"]["Timeout"] *= SLOWNESS
        # The functions inherit the emulator's environment, where only its warnings are wanted.
        shared |= {"STRIPE_API_BASE": self.stripe.url, "POWERTOOLS_LOG_LEVEL": "INFO"}
        return self.template

    def publish(self, template: Template, *, version: int, code: Path) -> str:
        """Store a version as `aws cloudformation package` does; gives the template's address.

        The template is pointed to the code, under a name that no other version has.
        """
        s3, name = self.cloud.client("s3"), f"version-{version}"
        for function in functions_of(template).values():
            function["Properties"]["CodeUri"] = f"s3://{CODE_BUCKET}/{name}.zip"
        shared = template["Globals"]["Function"]["Environment"]["Variables"]
        shared["PYTHONPATH"] = str(code)
        s3.put_object(Bucket=CODE_BUCKET, Key=f"{name}.zip", Body=_nothing_but(name))
        s3.put_object(Bucket=CODE_BUCKET, Key=f"{name}.json", Body=json.dumps(template))
        # As a template of more than 51,200 bytes has to be given.
        return f"{self.cloud.endpoint_url}/{CODE_BUCKET}/{name}.json"

    def _keep_secrets(self) -> None:
        """What operating.md has the operator do before deploying."""
        keys = {"api_key": self.stripe.api_key, "webhook_secrets": WEBHOOK_SECRET}
        self.cloud.client("secretsmanager").create_secret(
            Name=self.template["Parameters"]["StripeSecretName"]["Default"],
            SecretString=json.dumps(keys),
        )

    def _parameters(self) -> dict[str, str]:
        return {
            "StripePublishableKey": self.stripe.publishable_key,
            "JwtIssuer": self.issuer.url,
            "JwtAudience": AUDIENCE,
            "JwtJwksUrl": self._keys.key_set_url,
            "MailSender": SENDER,
        }

    def _wait_until_created(self, cloudformation: Any) -> None:
        deadline = time.monotonic() + CREATION_SECONDS
        while time.monotonic() < deadline:
            (stack,) = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
            if stack["StackStatus"] == "CREATE_COMPLETE":
                count = len(self.template["Resources"])
                logger.info("Deployed %d resources, %d functions", count, len(self.functions))
                self._outputs = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}
                return
            if stack["StackStatus"] != "CREATE_IN_PROGRESS":
                break
            time.sleep(0.05)
        events = cloudformation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
        reasons = [f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}" for e in events]
        raise DeploymentError("\n".join(["The stack was not created.", *reasons]))

    @property
    def code(self) -> Path:
        """Where the package is unpacked."""
        return self._package / CODE_FOLDER

    @property
    def issuer(self) -> Issuer:
        """Whose tokens are accepted."""
        return self._keys.issuer

    @property
    def functions(self) -> dict[str, Any]:
        """The template's functions by their logical ids."""
        return functions_of(self.template)

    @cached_property
    def physical_ids(self) -> dict[str, str]:
        """The names and addresses that CloudFormation gave, by logical ids."""
        return self.cloud.physical_ids()

    @cached_property
    def url(self) -> str:
        """Where API Gateway serves the stage."""
        stage = self._outputs["EndpointURL"].rstrip("/").rpartition("/")[2]
        path = f"/restapis/{self._outputs['RestAPIId']}/{stage}/_user_request_"
        return f"{self.cloud.endpoint_url}{path}"

    @property
    def description(self) -> dict[str, str]:
        """What `make run` writes into stack.json, as far as its clients use it."""
        return {
            "url": self.url,
            "aws_endpoint_url": self.cloud.endpoint_url,
            "aws_access_key_id": self.cloud.account_id,
            "usage_queue_url": self.physical_ids["UsageQueue"],
            "stripe_api_base": self.stripe.url,
            "stripe_api_key": self.stripe.api_key,
        }

    @property
    def environment(self) -> dict[str, str]:
        """Where Stripe is, by the names that the application has for it."""
        return {"STRIPE_API_BASE": self.stripe.url, "STRIPE_API_KEY": self.stripe.api_key}

    def token(self, *, organization_id: str, scope: str) -> str:
        """A token that the API accepts."""
        return self.issuer.token(organization_id=organization_id, scope=scope)

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """Call a function by its logical id, and return its answer.

        Raises:
            DeploymentError: it failed.
        """
        answer = self.cloud.client("lambda").invoke(
            FunctionName=self.physical_ids[function], Payload=json.dumps(event)
        )
        said = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise DeploymentError(f"{function} failed: {said}")
        return said

    def log_of(self, function: str) -> list[str]:
        """What a function has logged so far."""
        logs = self.cloud.client("logs")
        group = f"/aws/lambda/{self.physical_ids[function]}"
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]


def functions_of(template: Template) -> dict[str, Any]:
    """A template's functions by their logical ids."""
    resources = template["Resources"].items()
    return {k: r for k, r in resources if r["Type"] == "AWS::Serverless::Function"}


def _statements(template: Template) -> Iterator[dict[str, Any]]:
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::IAM::Role":
            for policy in resource["Properties"].get("Policies", ()):
                yield from policy["PolicyDocument"]["Statement"]


def _nothing_but(name: str) -> bytes:
    """An archive that holds no code: all of it is found where PYTHONPATH says."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("elsewhere", name)
    return archive.getvalue()
