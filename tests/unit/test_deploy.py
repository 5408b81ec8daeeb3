"""`make deploy` shows what changes before it changes anything, and says why where it won't."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from devstack.settings import CHECKOUT
from scripts.change_sets import Change, DeployError, Stack, table
from scripts.deploy import Console, Deployment, Wish, main
from scripts.deploy_parameters import parameters_of, read_parameters, reserved

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TEMPLATE = {
    "Parameters": {
        "JwtIssuer": {"Type": "String", "Description": "The `iss` of tokens."},
        "StripeSecretName": {"Type": "String", "Default": "x"},
        "ApiLogRole": {"Type": "String", "Default": "exists"},
    },
    "Resources": {
        "Sweep": {
            "Type": "AWS::Serverless::Function",
            "Properties": {"CodeUri": "./deployment.zip", "ReservedConcurrentExecutions": 2},
        },
        "AccountsTable": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
    },
}
ADD = {"Action": "Add", "LogicalResourceId": "Sweep", "ResourceType": "AWS::Lambda::Function"}
REPLACE = {
    "Action": "Modify",
    "LogicalResourceId": "AccountsTable",
    "ResourceType": "AWS::DynamoDB::Table",
    "Replacement": "True",
}


def refusal(code: str, text: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": text}}, "Any")


@dataclass
class Cloud:
    """An AWS account, as far as a deployment looks at it; it is each of its own clients."""

    region_name: str | None = "eu-central-1"
    status: str | None = None
    changes: list[dict[str, Any]] = field(default_factory=lambda: [ADD])
    plan_fails: str | None = None
    ends: str = "CREATE_COMPLETE"
    unreserved: int = 1000
    secrets: tuple[str, ...] = ("gateway-credits/stripe",)
    log_role: str | None = None
    kept: tuple[str, ...] = ()
    objects: dict[str, bytes] = field(default_factory=dict)
    buckets: set[str] = field(default_factory=set)
    planned: dict[str, Any] | None = None
    executed: list[str] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)
    protected: bool = False
    events: list[dict[str, str]] = field(default_factory=list)

    def client(self, service_name: str) -> Any:
        assert service_name
        return self

    meta = type("Meta", (), {"endpoint_url": "https://s3.eu-central-1.amazonaws.com"})

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "123456789012"}

    def head_bucket(self, *, Bucket: str) -> None:  # noqa: N803 - boto3's names, here and below
        if Bucket not in self.buckets:
            raise refusal("404", "Not Found")

    def create_bucket(self, *, Bucket: str, **_: Any) -> None:  # noqa: N803
        self.buckets.add(Bucket)

    def put_public_access_block(self, **given: Any) -> None:
        assert set(given["PublicAccessBlockConfiguration"].values()) == {True}

    def put_bucket_policy(self, **given: Any) -> None:
        assert "aws:SecureTransport" in given["Policy"]

    def head_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        if f"{Bucket}/{Key}" not in self.objects:
            raise refusal("404", "Not Found")

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        assert f"{Bucket}/{Key}" not in self.objects, "uploaded twice"
        self.objects[f"{Bucket}/{Key}"] = Body

    def get_account(self) -> dict[str, str]:
        return {"cloudwatchRoleArn": self.log_role} if self.log_role else {}

    def describe_secret(self, *, SecretId: str) -> None:  # noqa: N803
        if SecretId not in self.secrets:
            raise refusal("ResourceNotFoundException", "can't find the specified secret")

    def get_account_settings(self) -> dict[str, Any]:
        return {"AccountLimit": {"UnreservedConcurrentExecutions": self.unreserved}}

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        if self.status is None:
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist")
        parameters = [{"ParameterKey": key, "ParameterValue": "kept"} for key in self.kept]
        output = {"OutputKey": "PageUrl", "OutputValue": "https://page.example/"}
        stack = {"StackStatus": self.status, "Parameters": parameters, "Outputs": [output]}
        return {"Stacks": [stack]}

    def create_change_set(self, **given: Any) -> None:
        self.planned = given
        self.status = self.status or "REVIEW_IN_PROGRESS"

    def describe_change_set(self, **given: Any) -> dict[str, Any]:
        if self.plan_fails is not None:
            return {"Status": "FAILED", "StatusReason": self.plan_fails}
        # One change a page, so that a plan of several is only seen whole by who turns them.
        page = int(given.get("NextToken", "0"))
        found = self.changes[page : page + 1]
        answer = {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": c} for c in found]}
        more = {"NextToken": str(page + 1)} if page + 1 < len(self.changes) else {}
        return {**answer, **more}

    def delete_change_set(self, *, StackName: str, ChangeSetName: str) -> None:  # noqa: N803
        self.discarded.append(f"{StackName}:{ChangeSetName}")

    def delete_stack(self, *, StackName: str) -> None:  # noqa: N803
        assert self.status == "REVIEW_IN_PROGRESS", "only an empty stack may be removed"
        self.discarded.append(StackName)
        self.status = None

    def execute_change_set(self, *, StackName: str, ChangeSetName: str) -> None:  # noqa: N803
        self.executed.append(f"{StackName}:{ChangeSetName}")
        failed = "ROLLBACK" in self.ends
        event = {
            "EventId": f"event-{len(self.events)}",
            "LogicalResourceId": "Sweep",
            "ResourceStatus": "CREATE_FAILED" if failed else "CREATE_COMPLETE",
            "ResourceStatusReason": "the quota is used up",
        }
        self.events.insert(0, event)
        self.status = self.ends

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"StackEvents": self.events}]

    def update_termination_protection(self, **given: Any) -> None:
        self.protected = given["EnableTerminationProtection"]


@dataclass
class Operator:
    """Who sits there, and answers with the same word whatever is asked."""

    answer: str | None = "y"
    read: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def console(self) -> Console:
        return Console(show=self.read.append, ask=None if self.answer is None else self._ask)

    def _ask(self, question: str) -> str:
        self.asked.append(question)
        return self.answer or ""

    @property
    def text(self) -> str:
        return "\n".join(self.read)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "deployment.zip").write_bytes(b"code")
    (tmp_path / "sam.yaml").write_text(yaml.safe_dump(TEMPLATE))
    return tmp_path


def wish(**given: Any) -> Wish:
    parameters = {"JwtIssuer": "https://issuer.example"}
    return Wish(**{"stage": "prod", "stack": "gateway-credits", "parameters": parameters} | given)


def deploy(cloud: Cloud, package: Path, operator: Operator, **given: Any) -> None:
    Deployment(
        session=cloud,
        wish=wish(**given),
        console=operator.console,
        pause=lambda _: None,
        at=NOW,
    ).run(package)


def test_what_changes_is_shown_and_carried_out_once_agreed(package: Path) -> None:
    cloud, operator = Cloud(), Operator("y")
    deploy(cloud, package, operator)
    assert operator.asked == ["Deploy these 1 changes? [y/N] "]
    assert "Add     Sweep     AWS::Lambda::Function" in operator.text
    assert cloud.executed == ["gateway-credits:deploy-20261123-000000"]
    assert "PageUrl: https://page.example/" in operator.read
    assert "CREATE_COMPLETE" in operator.text, "nobody told how it goes"
    assert cloud.protected
    assert cloud.planned is not None
    assert cloud.planned["ChangeSetType"] == "CREATE"
    assert cloud.planned["Capabilities"] == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


@pytest.mark.parametrize("answer", ["", "n", "no", "gateway-credits", None])
def test_without_a_yes_nothing_is_deployed_and_nothing_is_left(
    package: Path, answer: str | None
) -> None:
    cloud, operator = Cloud(), Operator(answer)
    with pytest.raises(DeployError, match="Nothing was deployed"):
        deploy(cloud, package, operator)
    assert cloud.executed == []
    assert cloud.discarded == ["gateway-credits:deploy-20261123-000000", "gateway-credits"]


def test_a_pipeline_says_yes_beforehand(package: Path) -> None:
    cloud, operator = Cloud(), Operator(None)
    deploy(cloud, package, operator, yes=True)
    assert len(cloud.executed) == 1


@pytest.mark.parametrize(
    ("answer", "given", "goes_on"),
    [
        ("y", {}, False),
        ("gateway-credits", {}, True),
        (None, {"yes": True}, False),
        (None, {"yes": True, "replace_data": True}, True),
    ],
)
def test_what_holds_data_is_not_replaced_by_a_mere_yes(
    package: Path, answer: str | None, given: dict[str, bool], *, goes_on: bool
) -> None:
    cloud = Cloud(status="UPDATE_COMPLETE", changes=[ADD, REPLACE], ends="UPDATE_COMPLETE")
    operator = Operator(answer)
    if goes_on:
        deploy(cloud, package, operator, **given)
    else:
        with pytest.raises(DeployError, match="Nothing was deployed"):
            deploy(cloud, package, operator, **given)
    assert bool(cloud.executed) is goes_on
    assert "!! Data may be lost with: AccountsTable." in operator.read


def test_a_stack_that_is_there_is_not_removed_with_a_plan_that_is_refused(package: Path) -> None:
    cloud = Cloud(status="UPDATE_COMPLETE")
    with pytest.raises(DeployError):
        deploy(cloud, package, Operator("n"))
    assert cloud.discarded == ["gateway-credits:deploy-20261123-000000"]


def test_what_has_not_changed_is_not_deployed(package: Path) -> None:
    cloud = Cloud(
        status="UPDATE_COMPLETE",
        plan_fails="The submitted information didn't contain changes. Submit different information",
    )
    operator = Operator()
    deploy(cloud, package, operator)
    assert "Nothing has changed." in operator.read
    assert (cloud.executed, operator.asked) == ([], [])


def test_a_template_that_is_refused_is_refused_with_its_reason(package: Path) -> None:
    cloud = Cloud(plan_fails="Transform AWS::Serverless failed: no CodeUri")
    with pytest.raises(DeployError, match="no CodeUri"):
        deploy(cloud, package, Operator())
    assert cloud.status is None, "an empty stack was left behind"


def test_a_failure_is_told_with_its_reasons(package: Path) -> None:
    cloud = Cloud(ends="ROLLBACK_COMPLETE")
    with pytest.raises(DeployError, match=r"ROLLBACK_COMPLETE.\nSweep: the quota is used up"):
        deploy(cloud, package, Operator())
    assert not cloud.protected


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("ROLLBACK_COMPLETE", "delete it first"),
        ("UPDATE_ROLLBACK_FAILED", "continue its rollback"),
        ("UPDATE_IN_PROGRESS", "wait until"),
    ],
)
def test_a_stack_that_can_not_be_updated_is_left_alone(
    package: Path, status: str, said: str
) -> None:
    cloud = Cloud(status=status)
    with pytest.raises(DeployError, match=said):
        deploy(cloud, package, Operator())
    assert cloud.planned is None
    assert cloud.objects == {}


def test_the_code_is_uploaded_once_and_named_by_its_content(package: Path) -> None:
    cloud = Cloud()
    deploy(cloud, package, Operator())
    first = dict(cloud.objects)
    cloud.status = "UPDATE_COMPLETE"
    cloud.ends = "UPDATE_COMPLETE"
    deploy(cloud, package, Operator())
    assert cloud.objects == first
    assert cloud.buckets == {"gateway-credits-code-123456789012-eu-central-1"}
    (template,) = (content for name, content in first.items() if name.endswith(".json"))
    uri = json.loads(template)["Resources"]["Sweep"]["Properties"]["CodeUri"]
    assert uri.removeprefix("s3://") in first
    assert cloud.planned is not None
    assert cloud.planned["TemplateURL"].startswith("https://s3.eu-central-1.amazonaws.com/")


def test_a_bucket_that_was_named_is_not_made(package: Path) -> None:
    cloud = Cloud()
    with pytest.raises(DeployError, match="There is no bucket ours"):
        deploy(cloud, package, Operator(), bucket="ours")
    cloud.buckets.add("ours")
    deploy(cloud, package, Operator(), bucket="ours")
    assert cloud.buckets == {"ours"}


@pytest.mark.parametrize(
    ("cloud", "said"),
    [
        (Cloud(secrets=()), "There is no secret gateway-credits/stripe"),
        (Cloud(unreserved=101), "The functions reserve 2 .* of which 101 are free"),
        (Cloud(region_name=None), "Say in which region"),
    ],
)
def test_what_a_new_stack_would_fail_for_is_found_out_before(
    package: Path, cloud: Cloud, said: str
) -> None:
    with pytest.raises(DeployError, match=said):
        deploy(cloud, package, Operator())
    assert cloud.planned is None


@pytest.mark.parametrize(("role", "parameter"), [(None, "create"), ("arn:role", "exists")])
def test_a_new_stack_makes_the_role_for_logs_where_the_account_has_none(
    package: Path, role: str | None, parameter: str
) -> None:
    cloud = Cloud(log_role=role, secrets=("gateway-credits-dev/stripe",))
    deploy(cloud, package, Operator(), stage="dev", stack="gateway-credits-dev")
    assert cloud.planned is not None
    values = {p["ParameterKey"]: p["ParameterValue"] for p in cloud.planned["Parameters"]}
    assert values == {
        "JwtIssuer": "https://issuer.example",
        "ApiLogRole": parameter,
        "StripeSecretName": "gateway-credits-dev/stripe",
    }
    assert not cloud.protected, "only the stage prod is"


def test_parameters_that_were_given_before_stay_as_they_are() -> None:
    current = {"Parameters": [{"ParameterKey": "JwtIssuer"}, {"ParameterKey": "Gone"}]}
    assert parameters_of(TEMPLATE, given={}, current=current) == [
        {"ParameterKey": "JwtIssuer", "UsePreviousValue": True}
    ]


def test_parameters_that_are_unknown_or_missing_are_named() -> None:
    with pytest.raises(DeployError, match="JwtIssuer: The `iss` of tokens"):
        parameters_of(TEMPLATE, given={}, current=None)
    with pytest.raises(DeployError, match="no such parameters: JwtIsuer"):
        parameters_of(TEMPLATE, given={"JwtIsuer": "x"}, current=None)


def test_parameters_are_read_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_parameters(None, stage="prod") == {}
    file = tmp_path / "parameters-prod.json"
    file.write_text('{"JwtIssuer": "https://issuer.example"}')
    assert read_parameters(None, stage="prod") == {"JwtIssuer": "https://issuer.example"}
    for text in ("{", "[]", '{"ApiRequestsBurst": 5}'):
        file.write_text(text)
        with pytest.raises(DeployError, match=r"parameters-prod\.json"):
            read_parameters(file, stage="prod")
    with pytest.raises(DeployError, match="can't be read"):
        read_parameters(tmp_path / "none.json", stage="prod")


def test_make_hands_on_what_was_asked_for() -> None:
    said = ["STAGE=dev", "PARAMETERS=p.json", "BUCKET=ours", "STACK=mine", "YES=1"]
    for more, replaces in ((["REPLACE_DATA=1"], True), ([], False)):
        told = subprocess.run(
            ["make", "--dry-run", "deploy", *said, *more],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        line = " ".join(told.replace("\\\n", " ").split())
        assert "--stage dev --stack mine --parameters p.json --bucket ours --yes" in line
        assert ("--replace-data" in line) is replaces


def test_without_its_parameters_file_nothing_is_even_packaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--stage", "dev", "--parameters", str(tmp_path / "none.json")]) == 1
    assert capsys.readouterr().out == ""


def test_what_endangers_data_stands_out() -> None:
    endangering = [
        ("Remove", "AWS::S3::Bucket", ""),
        ("Modify", "AWS::SQS::Queue", "Conditional"),
        ("Modify", "AWS::DynamoDB::Table", "True"),
    ]
    harmless = [
        ("Add", "AWS::DynamoDB::Table", ""),
        ("Modify", "AWS::DynamoDB::Table", ""),
        ("Modify", "AWS::Lambda::Function", "True"),
        ("Remove", "AWS::CloudWatch::Alarm", ""),
    ]
    changes = [
        Change(action=action, logical_id="Thing", kind=kind, replacement=replacement)
        for action, kind, replacement in endangering + harmless
    ]
    _, *lines = table(changes, colours=True).splitlines()
    marked = ["!! HOLDS DATA" in line and line.startswith("\x1b[31") for line in lines]
    assert marked == [True] * len(endangering) + [False] * len(harmless)
    assert "\x1b" not in table(changes, colours=False)


def test_waiting_has_an_end() -> None:
    seconds = iter(range(0, 1_000_000, 100))
    cloud = Cloud(status="CREATE_IN_PROGRESS", ends="UPDATE_IN_PROGRESS")
    stack = Stack(
        cloudformation=cloud,
        name="x",
        pause=lambda _: None,
        clock=lambda: float(next(seconds)),
    )
    with pytest.raises(DeployError, match="longer than an hour"):
        stack.carry_out("plan", show=lambda _: None)


def test_reserved_executions_are_summed() -> None:
    assert reserved(TEMPLATE) == 2
