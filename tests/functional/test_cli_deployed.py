"""The operator's commands on a deployed stack: --stack reads its functions' environment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from chalicelib.cli.main import main
from chalicelib.wiring import graph, services
from devstack.emulator import Account, Emulator
from tests.contract.databases import in_environment
from tests.support.stack import NOBODY
from tests.support.worker import fund

STACK = "deployed"
CODE = """
def handler(event, context):
    nothing = dict.fromkeys(("charged", "credited", "tax", "sent_back", "taken_back"), "0.00")
    return {"since": f"{event['detail']['days']} days ago", "payments": 0, "reversals": 0,
            "findings": [], "complete": True, "in_line": True, **nothing}
"""


@pytest.fixture(scope="module")
def account(emulator: Emulator) -> Iterator[Account]:
    """An installation, of which the operator's environment knows but the credentials."""
    account = emulator.account(given=NOBODY)
    with in_environment(account.environment):
        fund(services().ledger, "acme", "12.50")
        graph.cache_clear()
    with in_environment(account.cloud.environment()):
        cloudformation = boto3.Session().client("cloudformation")
        function = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.12",
                "Handler": "index.handler",
                "Role": "arn:aws:iam::100000000001:role/any",
                "Code": {"ZipFile": CODE},
                "Environment": {"Variables": {**account.variables, **NOBODY}},
            },
        }
        resources = {"Reconcile": function, "APIHandler": function}
        cloudformation.create_stack(
            StackName=STACK, TemplateBody=json.dumps({"Resources": resources})
        )
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=STACK, WaiterConfig={"Delay": 1}
        )
        client = boto3.Session().client("lambda")
        (first, *_) = (each["FunctionName"] for each in client.list_functions()["Functions"])
        client.put_function_concurrency(FunctionName=first, ReservedConcurrentExecutions=7)
        queue = boto3.Session().client("sqs").create_queue(QueueName="fed-from")["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:{account.cloud.account_id}:{queue.rpartition('/')[2]}"
        client.create_event_source_mapping(EventSourceArn=arn, FunctionName=first)
        yield account
    graph.cache_clear()


@pytest.fixture(autouse=True)
def operator(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the installation stays in this process's environment."""
    with in_environment(account.cloud.environment()):
        monkeypatch.delenv("ACCOUNTS_TABLE", raising=False)
        yield
    graph.cache_clear()


def reserved() -> dict[str, Any]:
    client = boto3.Session().client("lambda")
    return {
        function["FunctionName"]: client.get_function_concurrency(
            FunctionName=function["FunctionName"]
        ).get("ReservedConcurrentExecutions")
        for function in client.list_functions()["Functions"]
    }


def fed() -> set[bool]:
    """Whether the functions are fed from their queues."""
    sources = boto3.Session().client("lambda").list_event_source_mappings()["EventSourceMappings"]
    return {source["State"].startswith("Enabl") for source in sources}


def test_a_stack_is_attached_to_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["balance", "acme", "--stack", STACK]) == 0
    assert "12.50 USD are available" in capsys.readouterr().out
    assert main(["audit", "--all", "--stack", STACK]) == 0


def test_a_stack_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["balance", "acme", "--stack", "another"]) == 2
    assert "AWS: " in capsys.readouterr().err


def test_reconciling_is_done_by_the_installations_own_function(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["reconcile", "--stack", STACK, "--days", "30"]
    assert main([*words, "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("Would compare 30 days")
    assert main([*words, "--yes"]) == 0
    assert "Since 30 days ago: 0 payments." in capsys.readouterr().out


def test_functions_are_paused_and_run_again_with_what_they_had_reserved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, kept = reserved(), str(tmp_path / "kept" / "paused.json")
    assert sorted(str(value) for value in before.values()) == ["7", "None"]
    words = ["--stack", STACK, "--kept", kept]
    assert main(["pause", *words, "--dry-run"]) == 0
    assert reserved() == before
    assert main(["pause", *words, "--yes"]) == 0
    assert set(reserved().values()) == {0}
    assert fed() == {False}
    assert main(["pause", *words, "--yes"]) == 0, "a second time forgets nothing"
    assert main(["unpause", *words, "--yes"]) == 0
    assert reserved() == before
    assert fed() == {True}
    assert main(["unpause", *words, "--yes"]) == 2, "there is nothing to go back to"
    assert main(["pause", "--yes"]) == 2
