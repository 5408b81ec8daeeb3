"""`make deploy` against CloudFormation as the emulator has it: change sets, updates, refusals."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.emulator import Account, Emulator
from scripts import package, package_checks
from scripts.change_sets import DeployError
from scripts.deploy import Console, Deployment, Wish
from tests.support.stack import NOBODY

pytestmark = pytest.mark.slow

PARAMETERS = {
    "StripePublishableKey": "pk_test_x",
    "JwtIssuer": "https://issuer.example",
    "JwtAudience": "gateway-credits",
    "JwtJwksUrl": "https://issuer.example/jwks.json",
}


@dataclass
class Session:
    """A session of boto3 in the emulated account."""

    account: Account
    region_name: str | None = "us-east-1"

    def client(self, service_name: str) -> Any:
        return self.account.cloud.client(service_name)


@dataclass
class Operator:
    """Who agrees to everything, and reads it."""

    read: list[str] = field(default_factory=list)

    @property
    def console(self) -> Console:
        return Console(show=self.read.append, ask=lambda _: "y")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployed")
    snapshot = package.snapshot(folder / "checkout")
    source = package_checks.without_requirements(snapshot, folder / "source")
    package.build(source, folder / "built", stage="dev")
    # What the emulator has no words for; the template's own tests look at it.
    template = yaml.safe_load((folder / "built" / package.TEMPLATE).read_text())
    for name, resource in list(template["Resources"].items()):
        if resource.get("Condition") == "HasFirewall":
            del template["Resources"][name]
    (folder / "built" / package.TEMPLATE).write_text(json.dumps(template, default=str))
    return folder / "built"


@pytest.fixture
def account(emulator: Emulator) -> Account:
    account = emulator.account(given=NOBODY)
    account.cloud.client("secretsmanager").create_secret(
        Name="credits-rehearsal/stripe", SecretString='{"api_key": "x", "webhook_secrets": "y"}'
    )
    return account


def deploy(account: Account, built: Path, **parameters: str) -> Operator:
    operator = Operator()
    Deployment(
        session=Session(account),
        wish=Wish(stage="dev", stack="credits-rehearsal", parameters=PARAMETERS | parameters),
        console=operator.console,
        pause=lambda _: None,
    ).run(built)
    return operator


def test_a_stack_is_made_and_then_changed_by_what_has_changed(
    account: Account, built: Path
) -> None:
    made = deploy(account, built)
    text = "\n".join(made.read)
    assert "AccountsTable" in text
    assert any(line.startswith("WebhookUrl: https://") for line in made.read), text
    cloudformation = account.cloud.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName="credits-rehearsal")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    changed = deploy(account, built, ApiRequestsBurst="50")
    (stack,) = cloudformation.describe_stacks(StackName="credits-rehearsal")["Stacks"]
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    values = {p["ParameterKey"]: p["ParameterValue"] for p in stack["Parameters"]}
    assert values["ApiRequestsBurst"] == "50"
    assert values["StripeSecretName"] == "credits-rehearsal/stripe"
    assert "Modify" in "\n".join(changed.read)


def test_a_refusal_leaves_no_stack_behind(account: Account, built: Path) -> None:
    wish = Wish(stage="dev", stack="credits-rehearsal", parameters=PARAMETERS)
    console = Console(show=lambda _: None, ask=lambda _: "n")
    with pytest.raises(DeployError, match="Nothing was deployed"):
        Deployment(session=Session(account), wish=wish, console=console).run(built)
    stacks = account.cloud.client("cloudformation").list_stacks(
        StackStatusFilter=["CREATE_COMPLETE", "REVIEW_IN_PROGRESS"]
    )["StackSummaries"]
    assert "credits-rehearsal" not in {stack["StackName"] for stack in stacks}
