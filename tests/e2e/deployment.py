"""The package as CloudFormation deploys it, in an emulated AWS that enforces the policies.

What runs is what `make package` made, for this machine's processor: its template, its roles, its
code in processes of their own, behind the emulated API Gateway, queues, streams and schedule. The
functions' environment alone is added to: they are told where the local Stripe is, and where the
package is unpacked, since the emulator would take seconds to unpack it for each process anew. And
the documents' bucket may be used without TLS, which loopback doesn't have.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from devstack.aws import STACK_NAME, Cloud
from devstack.client import Client
from devstack.crew import Crew, free_url
from devstack.layout import aws_plan
from devstack.stripe.sending import Endpoint
from devstack.stripe.server import LocalStripe
from devstack.tokens import AUDIENCE, Issuer
from tests.e2e.key_server import KeyServer

#: The emulator serves API Gateway's addresses, which are called without keys, for this account.
ACCOUNT = "000000000000"
CODE_BUCKET = "code"
CREATION_SECONDS = 60.0
WEBHOOK_SECRET = "whsec_deployed"
SENDER = "billing@gateway.example"


class DeploymentError(Exception):
    """CloudFormation refused the template, or a function failed; the text says why."""


class Deployment(Crew):
    """A deployed package with the local Stripe beside it; a context manager."""

    def __init__(self, *, home: Path, package: Path) -> None:
        super().__init__(home=home)
        self._package = package
        self._running = ExitStack()
        self.cloud = Cloud(endpoint_url=free_url(), account_id=ACCOUNT)
        self.stripe = LocalStripe(webhook_secret=WEBHOOK_SECRET)
        self.template: dict[str, Any] = yaml.safe_load((package / "sam.yaml").read_text())

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
        with zipfile.ZipFile(self._package / "deployment.zip") as code:
            code.extractall(self.code)
        s3.create_bucket(Bucket=CODE_BUCKET)
        s3.put_object(Bucket=CODE_BUCKET, Key="deployment.zip", Body=_nothing())
        s3.put_object(Bucket=CODE_BUCKET, Key="template.json", Body=json.dumps(self._pointed()))
        self._keep_secrets()
        cloudformation.create_stack(
            StackName=STACK_NAME,
            # As a template of more than 51,200 bytes has to be given.
            TemplateURL=f"{self.cloud.endpoint_url}/{CODE_BUCKET}/template.json",
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in self._parameters().items()
            ],
        )
        self._wait_until_created(cloudformation)
        endpoint = Endpoint(url=f"{self.url}/webhooks/stripe", secrets=(WEBHOOK_SECRET,))
        self.stripe.point_webhooks(endpoint)

    def _pointed(self) -> dict[str, Any]:
        """The template with the code's address, and what is different here."""
        del self.template["Resources"]["DocumentsBucketPolicy"]
        for name, resource in list(self.template["Resources"].items()):
            if resource.get("Condition") == "HasFirewall":
                del self.template["Resources"][name]  # the emulator has no such thing
        for function in self.functions.values():
            function["Properties"]["CodeUri"] = f"s3://{CODE_BUCKET}/deployment.zip"
        shared = self.template["Globals"]["Function"]["Environment"]["Variables"]
        shared |= {"STRIPE_API_BASE": self.stripe.url, "PYTHONPATH": str(self.code)}
        return self.template

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
        return self.folder / "code"

    @property
    def issuer(self) -> Issuer:
        """Whose tokens are accepted."""
        return self._keys.issuer

    @property
    def functions(self) -> dict[str, Any]:
        """The template's functions by their logical ids."""
        resources = self.template["Resources"].items()
        return {k: r for k, r in resources if r["Type"] == "AWS::Serverless::Function"}

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

    def client(self, organization_id: str, scope: str) -> Client:
        """A caller with a token of the scope."""
        token = self.issuer.token(organization_id=organization_id, scope=scope)
        return Client(url=self.url, organization_id=organization_id, token=token)

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


def _nothing() -> bytes:
    """An archive that holds no code: all of it is found where PYTHONPATH says."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("elsewhere", "")
    return archive.getvalue()
