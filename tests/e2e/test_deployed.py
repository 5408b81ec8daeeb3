"""What `make package` makes is deployed whole: each function with its role, its log, its alarms."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from devstack.aws import STACK_NAME
from devstack.client import request
from devstack.walk import Walk
from tests.e2e.deployment import Deployment
from tests.e2e.tally import Tally

pytestmark = pytest.mark.slow

ALARM = "AWS::CloudWatch::Alarm"
BARE_IMPORT = """
import importlib, sys
package, handlers = sys.argv[1], sys.argv[2:]
sys.path.insert(0, package)
for handler in handlers:
    module, _, name = handler.rpartition(".")
    if not callable(getattr(importlib.import_module(module), name)):
        raise TypeError(handler)
files = {str(getattr(module, "__file__", "")) for module in sys.modules.values()}
foreign = {file for file in files if "site-packages" in file}
if foreign:
    raise ImportError(f"taken from outside of the package: {foreign}")
"""


def test_every_handler_is_imported_from_the_package_alone(deployment: Deployment) -> None:
    handlers = [f["Properties"]["Handler"] for f in deployment.functions.values()]
    # A handler of another module would run without app.py, and so without its middleware.
    assert {handler.partition(".")[0] for handler in handlers} == {"app"}
    bare = [sys.executable, "-I", "-S", "-c", BARE_IMPORT, str(deployment.code), *handlers]
    done = subprocess.run(bare, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_open_routes_answer(deployment: Deployment) -> None:
    health = request("GET", f"{deployment.url}/healthz")
    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    contract = request("GET", f"{deployment.url}/openapi.json")
    packaged = json.loads((deployment.code / "templates" / "openapi.json").read_text())
    assert contract.json() == packaged
    page = request("GET", f"{deployment.url}/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_nobody_is_served_without_a_token_or_below_another_path(deployment: Deployment) -> None:
    path = f"{deployment.url}/v1/organizations/acme/credits"
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        anonymous = request("GET", path, headers=headers)
        assert (anonymous.status_code, anonymous.json()["code"]) == (401, "unauthenticated")
    # Refused by API Gateway itself; the emulated one has only its own words for it.
    for method, url in (("GET", f"{deployment.url}/no/such/route"), ("DELETE", path)):
        assert request(method, url).status_code in {403, 404}


def test_the_demo_walks_through_it(deployment: Deployment, tmp_path: Path) -> None:
    walk = Walk(description=deployment.description, issuer=deployment.issuer, home=tmp_path)
    walk.run()
    stored = deployment.cloud.client("s3").list_objects_v2(
        Bucket=deployment.physical_ids["DocumentsBucket"], Prefix=f"invoices/{walk.organization}/"
    )
    suffixes = sorted(Path(item["Key"]).suffix for item in stored["Contents"])
    assert suffixes == [".html", ".html", ".pdf", ".pdf"]


def test_each_function_has_a_role_of_its_own_that_is_enforced(deployment: Deployment) -> None:
    functions = deployment.cloud.client("lambda")
    names = [deployment.physical_ids[name] for name in deployment.functions]
    roles = [functions.get_function(FunctionName=n)["Configuration"]["Role"] for n in names]
    assert len(set(roles)) == len(names)
    for role in roles:
        session = deployment.cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="test")
        keys = session["Credentials"]
        dynamodb = boto3.client(
            "dynamodb",
            endpoint_url=deployment.cloud.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        # No function removes what is in the ledger; a role that could would let one try.
        with pytest.raises(ClientError, match="AccessDenied"):
            dynamodb.delete_item(
                TableName=deployment.physical_ids["LedgerTable"], Key={"entry_key": {"S": "any"}}
            )


def test_each_schedule_calls_its_function(deployment: Deployment) -> None:
    events, functions = deployment.cloud.client("events"), deployment.cloud.client("lambda")
    for function, rule in (("Sweep", "SweepSweepEvent"), ("Reconcile", "ReconcileReconcileEvent")):
        targets = events.list_targets_by_rule(Rule=deployment.physical_ids[rule])["Targets"]
        found = functions.get_function(FunctionName=deployment.physical_ids[function])
        assert [t["Arn"] for t in targets] == [found["Configuration"]["FunctionArn"]]


def test_each_function_measures_and_logs_under_the_stacks_name(deployment: Deployment) -> None:
    functions = deployment.cloud.client("lambda")
    for name in deployment.functions:
        found = functions.get_function(FunctionName=deployment.physical_ids[name])
        variables = found["Configuration"]["Environment"]["Variables"]
        assert variables["POWERTOOLS_SERVICE_NAME"] == STACK_NAME, name


def test_every_alarm_watches_something_that_is_there(deployment: Deployment) -> None:
    physical = deployment.physical_ids
    there = {value.rpartition("/")[2] for value in physical.values()} | {"gateway-credits"}
    alarms = deployment.cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    declared = [r for r in deployment.template["Resources"].values() if r["Type"] == ALARM]
    assert len(alarms) == len(declared)
    for alarm in alarms:
        # Whether a metric of ours is measured is tests/unit/test_runbook.py's question.
        ours = alarm["Namespace"] == "GatewayCredits"
        if ours:
            dimensions = {d["Name"]: d["Value"] for d in alarm["Dimensions"]}
            assert dimensions["service"] == STACK_NAME, alarm["AlarmName"]
            continue
        watched = {d["Value"] for d in alarm.get("Dimensions", ())}
        assert watched <= there, f"{alarm['AlarmName']} watches {watched - there}"


def test_the_dashboard_shows_what_is_there(deployment: Deployment) -> None:
    cloudwatch = deployment.cloud.client("cloudwatch")
    (listed,) = cloudwatch.list_dashboards()["DashboardEntries"]
    found = cloudwatch.get_dashboard(DashboardName=listed["DashboardName"])["DashboardBody"]
    assert "${" not in found
    shown = {
        str(part)
        for widget in json.loads(found)["widgets"]
        for given in widget["properties"].get("metrics", ())
        for part in given
    }
    for name in deployment.functions:
        assert deployment.physical_ids[name] in shown, name


def test_each_log_is_kept_for_a_while(deployment: Deployment) -> None:
    groups = deployment.cloud.client("logs").describe_log_groups()["logGroups"]
    kept = {group["logGroupName"]: group.get("retentionInDays") for group in groups}
    for name in deployment.functions:
        assert kept[f"/aws/lambda/{deployment.physical_ids[name]}"] == 90, name


def test_no_function_was_denied_anything_or_failed(deployment: Deployment) -> None:
    """The last of the tests: it reads what all others left in the logs."""
    for name, failures in Tally.of(deployment).failures.items():
        assert not failures, f"{name}: {failures[0][:2000]}"
