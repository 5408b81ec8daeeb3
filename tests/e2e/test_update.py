"""A deployed stack is updated under load, then an update fails half-way: nothing is lost.

The emulated CloudFormation updates in place by change sets and rolls back as AWS's does, with two
differences. It kills the processes that are at work in a function that changes, where Lambda lets
them end: what was under way must be done again, so this asks for more than AWS does. And it gives
an API whose routes changed a new address, so the routes stay as they are here. What a killed
process had taken from a queue comes again after the queue's visibility time-out, which is
shortened, since the minutes that the template says are only waited for. It may come more often,
since a process may take longer than that to start on a busy machine; what is never taken would
keep its queue from becoming empty.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from devstack.seed import BILLING_DETAILS
from tests.e2e.conftest import deployed
from tests.e2e.deployment import SENDER, Deployment, Template, functions_of
from tests.e2e.evidence import births, entries, messages_in, wait_until_quiet
from tests.e2e.load import Load
from tests.e2e.tally import Tally
from tests.e2e.updating import Update, failures_of, served_version, update
from tests.support.actor import Actor, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.station]
logger = logging.getLogger(__name__)

DATA = (
    "AWS::DynamoDB::Table",
    "AWS::SQS::Queue",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
    "AWS::Events::EventBus",
)
UNMAKEABLE = "ConfigurationOfNobody"
VISIBILITY_SECONDS = 15
RECEIPTS = 100
RETENTION_SECONDS = 1_036_800
STEPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happened while the load was on."""

    load: Load
    before: dict[str, str]
    born: dict[str, Any]
    updated: Update
    version_after_update: str
    failed: Update
    failures: dict[str, str]
    version_after_failure: str


@pytest.fixture(scope="module")
def deployment(
    built: Path, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("deployment")
    with deployed(pytestconfig, home=home, package=built, change=hurry_queues) as running:
        yield running


def hurry_queues(template: Template) -> None:
    """Let what a killed process had taken come again soon, and more often."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::SQS::Queue":
            resource["Properties"]["VisibilityTimeout"] = VISIBILITY_SECONDS
            if "RedrivePolicy" in resource["Properties"]:
                resource["Properties"]["RedrivePolicy"]["maxReceiveCount"] = RECEIPTS


@pytest.fixture(scope="module")
def story(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Story:
    for address in (SENDER, str(BILLING_DETAILS["email"])):
        deployment.cloud.client("sesv2").create_email_identity(EmailIdentity=address)
    before, born = dict(deployment.physical_ids), births(deployment)
    with Load(deployment, folder=tmp_path_factory.mktemp("gateway")) as load:
        load.wait_for_steps(STEPS)
        updated = update(deployment, version=2, change=second_version)
        load.wait_for_steps(STEPS)
        version_after_update = served_version(deployment)
        failed = update(deployment, version=3, change=third_version)
        load.wait_for_steps(STEPS)
        story = Story(
            load=load,
            before=before,
            born=born,
            updated=updated,
            version_after_update=version_after_update,
            failed=failed,
            failures=failures_of(deployment),
            version_after_failure=served_version(deployment),
        )
    steps = {name: done.steps for name, done in load.done.items()}
    logger.info("Steps: %s", steps)
    logger.info("Calls not served meanwhile: %d", load.done["serving"].unserved)
    logger.info("Asked again after: %s", dict(load.told()))
    wait_until_quiet(deployment)
    return story


def second_version(template: Template) -> None:
    """Other settings, a queue that keeps messages for a shorter time, tables with a tag."""
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    shared["PURCHASE_MAXIMUM"] = "5000.00"
    for name, resource in template["Resources"].items():
        if name in functions_of(template):
            resource["Properties"]["Description"] = "The second version."
        elif resource["Type"] == "AWS::DynamoDB::Table":
            resource["Properties"]["Tags"] = [{"Key": "version", "Value": "2"}]
    template["Resources"]["UsageQueue"]["Properties"]["MessageRetentionPeriod"] = RETENTION_SECONDS


def third_version(template: Template) -> None:
    """Another one, that configures no function there is: found out when all others changed."""
    second_version(template)
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    shared["PURCHASE_MAXIMUM"] = "6.00"
    template["Resources"][UNMAKEABLE] = {
        "Type": "AWS::Lambda::EventInvokeConfig",
        "DependsOn": sorted(functions_of(template)),
        "Properties": {"FunctionName": "nobody", "Qualifier": "$LATEST"},
    }


def test_the_update_changes_every_function_and_replaces_nothing(
    deployment: Deployment, story: Story
) -> None:
    assert story.updated.status == "UPDATE_COMPLETE"
    changes = story.updated.changes
    assert set(deployment.functions) <= set(changes)
    assert {change["Action"] for change in changes.values()} == {"Modify"}
    data = [change for change in changes.values() if change["ResourceType"] in DATA]
    assert {"UsageQueue", "LedgerTable"} <= {change["LogicalResourceId"] for change in data}
    assert {change["Replacement"] for change in data} == {"False"}
    # What refers to something that changes may have to be replaced, and was not.
    assert deployment.cloud.physical_ids() == story.before
    assert births(deployment) == story.born
    queue = deployment.cloud.client("sqs").get_queue_attributes(
        QueueUrl=story.before["UsageQueue"], AttributeNames=["MessageRetentionPeriod"]
    )
    assert queue["Attributes"]["MessageRetentionPeriod"] == str(RETENTION_SECONDS)


def test_the_new_version_serves_in_every_function(deployment: Deployment, story: Story) -> None:
    assert story.version_after_update == "2"
    shared = deployment.cloud.client("lambda")
    for name in deployment.functions:
        found = shared.get_function(FunctionName=deployment.physical_ids[name])["Configuration"]
        assert found["Description"] == "The second version.", name
        assert found["Environment"]["Variables"]["PURCHASE_MAXIMUM"] == "5000.00", name
    for name in ("APIHandler", "UsageWorker", "RollupWorker", "InvoiceWorker"):
        log = deployment.log_of(name)
        assert any('"A new version starts"' in line for line in log), f"{name} is the old one"


def test_an_update_that_fails_half_way_leaves_the_version_before_serving(
    deployment: Deployment, story: Story
) -> None:
    assert story.failed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert list(story.failures) == [UNMAKEABLE]
    assert story.version_after_failure == "2"
    order = {"amount": "7.00", "payment_method_id": story.load.card}
    assert story.load.actor.customer.post("/purchases", order)["status"] == "succeeded"


def test_only_what_was_cut_off_was_asked_for_again(story: Story) -> None:
    own = [json.loads(r.body) for r in story.load.refusals if '"code"' in r.body]
    assert {refusal["code"] for refusal in own} <= {"busy", "request_in_progress"}
    for refusal in story.load.refusals:
        if '"code"' not in refusal.body:
            # API Gateway's words, as the emulator has them, for a function that was killed.
            assert refusal.status == 502, refusal
            assert set(json.loads(refusal.body)) == {"message"}


def test_all_that_was_answered_and_reported_is_in_the_ledger_once(story: Story) -> None:
    load = story.load
    deducting, reporting, serving = (
        load.done[name] for name in ("deducting", "reporting", "serving")
    )
    found = entries(load.actor)
    ids = {entry["id"] for entry in found}
    assert len(ids) == len(found)
    assert set(deducting.keys.values()) <= ids
    causes = Counter(entry["cause"] for entry in found)
    assert set(deducting.keys) == {c.partition("#")[2] for c in causes if c.startswith("deduction")}
    assert all(causes[f"report#{report_id}"] == 1 for report_id in reporting.keys)
    taken: dict[str, Decimal] = {}
    for entry in found:
        kind = entry["cause"].partition("#")[0]
        taken[kind] = taken.get(kind, Decimal(0)) - Decimal(entry["amount"])
    assert taken["deduction"] == deducting.spent
    assert taken["report"] == reporting.spent + serving.spent


def test_no_purchase_is_lost_or_paid_twice(story: Story) -> None:
    load = story.load
    actor, bought = load.actor, load.done["buying"].keys
    for purchase_id in bought.values():
        path = f"/purchases/{purchase_id}"
        wait_for(path, partial(_succeeded, actor, path))
    credited = [entry for entry in entries(load.actor) if entry["type"] == "purchase"]
    listed = {entry["cause"].partition("#")[2] for entry in credited}
    assert len(listed) == len(credited)
    assert set(bought.values()) <= listed
    intents = actor.stripe("GET", "/payment_intents?limit=100")["data"]
    paid = Counter(
        intent["metadata"]["purchase_id"] for intent in intents if intent["status"] == "succeeded"
    )
    assert paid == Counter(listed), "one payment for each credit"
    history = actor.customer.get("/transactions", limit="100")["data"]
    numbers = sorted(int(line["invoice"]["number"].rpartition("-")[2]) for line in history)
    assert numbers == list(range(1, len(listed) + 1)), "a gap or a repeat"


def _succeeded(actor: Actor, path: str) -> bool:
    return bool(actor.customer.get(path)["status"] == "succeeded")


def _nothing_due(actor: Actor, table: str) -> bool:
    return all("due" not in row for row in actor.rows(table))


def test_the_laws_hold_and_everything_else_is_caught_up_with(
    deployment: Deployment, story: Story
) -> None:
    load, actor = story.load, story.load.actor
    found = entries(load.actor)
    account = actor.customer.get("/credits")
    kept = Decimal(account["available"]) + Decimal(account["held"])
    assert sum(Decimal(entry["amount"]) for entry in found) == kept
    purchases = sum(Decimal(e["amount"]) for e in found if e["type"] == "purchase")
    assert kept == 500 + purchases - load.spent

    def summed() -> bool:
        days = actor.customer.get("/usage", group_by="day")["data"]
        return sum(Decimal(day["amount"]) for day in days) == load.spent

    wait_for("the sums of the usage", summed)
    for table in ("InvoicesTable", "NoticesTable"):
        # Whoever was cut off over one is followed by the sweep, minutes later.
        wait_for(
            f"the end of what is due in {table}",
            partial(_nothing_due, actor, table),
            patience_seconds=600,
        )
    # Stripe's last events, and what the sweep has asked for meanwhile, may be at work still.
    wait_until_quiet(deployment)
    assert not any(messages_in(deployment).values()), "in a queue, or among dead letters"


def test_no_function_was_denied_anything_or_failed_by_itself(deployment: Deployment) -> None:
    """The last of the tests: it reads what all others left in the logs."""
    for name, failures in Tally.of(deployment).failures.items():
        assert not failures, f"{name}: {failures[0][:2000]}"
