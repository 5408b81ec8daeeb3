"""The template promises what the operator's page says: nothing is lost, and somebody is told."""

from __future__ import annotations

from typing import Any

import pytest
from chalice.app import SQSEventConfig

from app import app
from devstack.aws import settings_of
from devstack.invocation import FunctionSettings
from devstack.settings import CHECKOUT

TEMPLATE = settings_of(CHECKOUT).content
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
#: AWS advises a queue's messages to stay invisible for so many times what a function may take.
VISIBILITY_FACTOR = 6


def of_type(kind: str) -> dict[str, Any]:
    return {
        name: resource["Properties"]
        for name, resource in RESOURCES.items()
        if resource.get("Type") == kind
    }


QUEUES = of_type("AWS::SQS::Queue")
ALARMS = of_type("AWS::CloudWatch::Alarm")
TABLES = of_type("AWS::DynamoDB::Table")


def alarms_of(metric: str) -> list[Any]:
    """What the alarms of a metric look at."""
    found = [alarm for alarm in ALARMS.values() if alarm["MetricName"] == metric]
    return [dimension["Value"] for alarm in found for dimension in alarm.get("Dimensions", ())]


def dead_letter_queue_of(queue: dict[str, Any]) -> str:
    name: str = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
    return name


def test_every_queue_has_dead_letters_and_somebody_is_told_of_them() -> None:
    served = {name: queue for name, queue in QUEUES.items() if "RedrivePolicy" in queue}
    dead = {dead_letter_queue_of(queue) for queue in served.values()}
    assert set(served) | dead == set(QUEUES)
    told = alarms_of("ApproximateNumberOfMessagesVisible")
    assert sorted(value["Fn::GetAtt"][0] for value in told) == sorted(dead)


@pytest.mark.parametrize("source", [s for s in app.event_sources if isinstance(s, SQSEventConfig)])
def test_a_message_stays_invisible_for_as_long_as_its_function_may_take(
    source: SQSEventConfig,
) -> None:
    queue = QUEUES[(source.queue or "").removeprefix("${").removesuffix(".QueueName}")]
    timeout = FunctionSettings.read(CHECKOUT).timeout_seconds(source.name)
    assert queue["VisibilityTimeout"] >= VISIBILITY_FACTOR * timeout
    # Without a bound, a flood in one queue takes all functions from the API.
    assert source.maximum_concurrency is not None


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_reaches_the_topic(name: str) -> None:
    alarm = ALARMS[name]
    for actions in (alarm["AlarmActions"], alarm["OKActions"]):
        condition, topic, otherwise = actions["Fn::If"]
        assert condition in TEMPLATE["Conditions"]
        assert (topic, otherwise) == ([{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"})


@pytest.mark.parametrize(
    ("metric", "watched"),
    [
        ("Errors", {"Ref": "Sweep"}),
        ("Invocations", {"Ref": "Sweep"}),
        ("5XXError", "gateway-credits"),
        *(
            ("ApproximateAgeOfOldestMessage", {"Fn::GetAtt": [name, "QueueName"]})
            for name, queue in QUEUES.items()
            if "RedrivePolicy" in queue
        ),
        ("IteratorAge", {"Ref": "RollupWorker"}),
    ],
)
def test_what_must_not_go_unnoticed_has_an_alarm(metric: str, watched: object) -> None:
    assert watched in alarms_of(metric)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_table_can_be_restored_and_is_not_deleted(name: str) -> None:
    table = TABLES[name]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] is True
    assert table["SSESpecification"] == {"SSEEnabled": True}
    kept = {RESOURCES[name][key] for key in ("DeletionPolicy", "UpdateReplacePolicy")}
    assert kept == {"Retain"}


def test_the_api_is_throttled_and_documents_travel_by_tls_alone() -> None:
    (methods,) = RESOURCES["RestAPI"]["Properties"]["MethodSettings"]
    assert (methods["HttpMethod"], methods["ResourcePath"]) == ("*", "/*")
    assert {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= set(methods)
    (policy,) = of_type("AWS::S3::BucketPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
