"""What each stage deploys: the template as `chalice package` merges it, property by property.

The code is left out of these packages; that it is complete is `make package-check`'s matter.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from devstack.settings import CHECKOUT
from scripts import package, package_checks, slimming

KEPT = ("DeletionPolicy", "UpdateReplacePolicy")
NO_VALUE = {"Ref": "AWS::NoValue"}
DATA_KEY = {"Fn::If": ["HasDataKey", {"Ref": "DataKeyArn"}, NO_VALUE]}
#: What is forgotten by itself: docs/adr/what-may-be-forgotten.md.
FORGETFUL = {"NoticesTable", "PurchaseDaysTable"}
SECONDS_OF_VISIBILITY = 6
#: The contract's codes, and of what API Gateway may refuse itself.
REFUSALS = {
    "ACCESS_DENIED": (403, "forbidden"),
    "BAD_REQUEST_BODY": (400, "invalid_request"),
    "BAD_REQUEST_PARAMETERS": (400, "invalid_request"),
    "DEFAULT_4XX": (400, "invalid_request"),
    "DEFAULT_5XX": (500, "internal_error"),
    "EXPIRED_TOKEN": (403, "forbidden"),
    "INTEGRATION_FAILURE": (503, "busy"),
    "INTEGRATION_TIMEOUT": (503, "busy"),
    "INVALID_API_KEY": (403, "forbidden"),
    "INVALID_SIGNATURE": (403, "forbidden"),
    "MISSING_AUTHENTICATION_TOKEN": (404, "not_found"),
    "QUOTA_EXCEEDED": (429, "busy"),
    "REQUEST_TOO_LARGE": (413, "invalid_request"),
    "RESOURCE_NOT_FOUND": (404, "not_found"),
    "THROTTLED": (429, "busy"),
    "UNAUTHORIZED": (401, "unauthenticated"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "invalid_request"),
    "WAF_FILTERED": (403, "forbidden"),
}


class Merged:
    """The template of a stage."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self.resources: dict[str, Any] = content["Resources"]

    def of_type(self, kind: str) -> dict[str, Any]:
        return {name: r for name, r in self.resources.items() if r["Type"] == kind}

    def properties(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.resources[name]["Properties"]
        return found

    @property
    def functions(self) -> dict[str, Any]:
        found = self.of_type("AWS::Serverless::Function")
        return {name: function["Properties"] for name, function in found.items()}

    @property
    def tables(self) -> dict[str, Any]:
        return self.of_type("AWS::DynamoDB::Table")

    @property
    def queues(self) -> dict[str, Any]:
        found = self.of_type("AWS::SQS::Queue")
        return {name: queue["Properties"] for name, queue in found.items()}


@pytest.fixture(scope="module", params=package.STAGES)
def merged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Merged:
    folder = tmp_path_factory.mktemp(request.param)
    snapshot = package.snapshot(folder / "checkout")
    source = package_checks.without_requirements(snapshot, folder / "source")
    package.build(source, folder / "built", stage=request.param)
    return Merged(yaml.safe_load((folder / "built" / package.TEMPLATE).read_text()))


def test_each_function_has_limits_of_its_own(merged: Merged) -> None:
    config = json.loads((CHECKOUT / ".chalice" / "config.json").read_text())
    wanted = {
        "iam_policy_file",
        "lambda_memory_size",
        "lambda_timeout",
        "log_retention_in_days",
        "reserved_concurrency",
    }
    for name, settings in config["lambda_functions"].items():
        assert set(settings) == wanted, name
    assert len(merged.functions) == len(config["lambda_functions"])
    for function in merged.functions.values():
        assert function["Architectures"] == ["arm64"]
        assert function["Tracing"] == "Active"
        assert {"MemorySize", "Timeout", "ReservedConcurrentExecutions"} <= set(function)


def test_the_api_answers_before_api_gateway_gives_up(merged: Merged) -> None:
    assert merged.functions["APIHandler"]["Timeout"] <= 29


def test_each_log_is_kept_for_a_while(merged: Merged) -> None:
    groups = merged.of_type("AWS::Logs::LogGroup")
    # The API's own, and what the firewall turned away.
    assert len(groups) == len(merged.functions) + 2
    for name, group in groups.items():
        assert group["Properties"]["RetentionInDays"] == 90, name
        assert group["Properties"]["KmsKeyId"] == DATA_KEY, name


def test_each_table_is_paid_by_request_protected_and_can_be_restored(merged: Merged) -> None:
    assert len(merged.tables) >= 15
    for name, table in merged.tables.items():
        properties = table["Properties"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST", name
        recovery = properties["PointInTimeRecoverySpecification"]
        assert recovery == {"PointInTimeRecoveryEnabled": True}, name
        assert properties["DeletionProtectionEnabled"] is True, name
        encryption = properties["SSESpecification"]
        assert (encryption["SSEEnabled"], encryption["KMSMasterKeyId"]) == (True, DATA_KEY), name
        assert [table[policy] for policy in KEPT] == ["Retain", "Retain"], name


def test_only_what_may_be_forgotten_is(merged: Merged) -> None:
    lived = {
        name: table["Properties"]["TimeToLiveSpecification"]
        for name, table in merged.tables.items()
        if "TimeToLiveSpecification" in table["Properties"]
    }
    assert lived == {name: {"AttributeName": "forget_at", "Enabled": True} for name in FORGETFUL}


def test_each_queue_is_encrypted_and_has_dead_letters(merged: Merged) -> None:
    dead = {
        queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for queue in merged.queues.values()
        if "RedrivePolicy" in queue
    }
    for name, queue in merged.queues.items():
        assert ("RedrivePolicy" in queue) != (name in dead), name
        assert queue["KmsMasterKeyId"] == DATA_KEY, name
        assert queue["SqsManagedSseEnabled"] == {"Fn::If": ["HasDataKey", NO_VALUE, True]}, name
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600, name


def test_each_queue_waits_for_its_function_and_takes_back_what_failed(merged: Merged) -> None:
    served = set()
    for name, function in merged.functions.items():
        for source in function.get("Events", {}).values():
            if source["Type"] != "SQS":
                continue
            properties = source["Properties"]
            (queue,) = re.findall(r"\$\{(\w+)\.QueueName\}", json.dumps(properties["Queue"]))
            served.add(queue)
            needed = SECONDS_OF_VISIBILITY * function["Timeout"]
            assert merged.queues[queue]["VisibilityTimeout"] >= needed, name
            assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name
            at_once = properties["ScalingConfig"]["MaximumConcurrency"]
            assert at_once <= function["ReservedConcurrentExecutions"], name
    assert served == {name for name, queue in merged.queues.items() if "RedrivePolicy" in queue}


def test_a_notice_waits_for_nothing_but_its_stream(merged: Merged) -> None:
    """Neither a queue, nor a schedule, nor a window in which a batch is gathered."""
    ((_, source),) = merged.functions["NoticeWorker"]["Events"].items()
    assert source["Type"] == "DynamoDB"
    properties = source["Properties"]
    assert properties["Stream"] == {"Fn::GetAtt": ["NoticesTable", "StreamArn"]}
    assert properties.get("MaximumBatchingWindowInSeconds", 0) == 0
    assert "FilterCriteria" not in properties
    # Several shards are read at once, each as soon as it has something.
    assert merged.functions["NoticeWorker"]["ReservedConcurrentExecutions"] > 1


def test_documents_are_private_versioned_encrypted_and_kept(merged: Merged) -> None:
    ((name, bucket),) = merged.of_type("AWS::S3::Bucket").items()
    assert [bucket[policy] for policy in KEPT] == ["Retain", "Retain"]
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["OwnershipControls"] == {
        "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]
    }
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["Fn::If"] == [
        "HasDataKey",
        {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Ref": "DataKeyArn"}},
        {"SSEAlgorithm": "AES256"},
    ]
    rules = properties["LifecycleConfiguration"]["Rules"]
    assert [rule["Id"] for rule in rules] == ["unfinished-uploads"], "no document ever expires"
    ((_, policy),) = merged.of_type("AWS::S3::BucketPolicy").items()
    assert policy["Properties"]["Bucket"] == {"Ref": name}
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
        "Deny",
        "*",
        "s3:*",
    )
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_no_secret_is_in_the_template_or_resolved_when_deploying(merged: Merged) -> None:
    text = json.dumps(merged.content)
    assert "{{resolve:" not in text
    variables = merged.content["Globals"]["Function"]["Environment"]["Variables"]
    assert not {"STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRETS", "CURSOR_SECRET"} & set(variables)
    assert variables["STRIPE_SECRET_ID"] == {"Ref": "StripeSecretName"}
    assert variables["CURSOR_SECRET_ID"] == {"Fn::GetAtt": ["CursorSecret", "Id"]}


def test_what_is_measured_and_watched_is_told_apart_by_the_stacks_name(merged: Merged) -> None:
    variables = merged.content["Globals"]["Function"]["Environment"]["Variables"]
    service = variables["POWERTOOLS_SERVICE_NAME"]
    for name, function in merged.functions.items():
        own = function.get("Environment", {}).get("Variables", {})
        assert "POWERTOOLS_SERVICE_NAME" not in own, name
    # Stages are stacks of different names: one that is named here would be every stage's.
    assert service == {"Ref": "AWS::StackName"}
    watched = {
        name: {each["Name"]: each["Value"] for each in alarm["Properties"]["Dimensions"]}
        for name, alarm in merged.of_type("AWS::CloudWatch::Alarm").items()
        if alarm["Properties"]["Namespace"] == variables["POWERTOOLS_METRICS_NAMESPACE"]
    }
    assert {name: dimensions["service"] for name, dimensions in watched.items()} == dict.fromkeys(
        watched, service
    )
    assert len(watched) >= 6
    (dashboard,) = merged.of_type("AWS::CloudWatch::Dashboard").values()
    drawn = re.findall(r'"service", "([^"]*)"', dashboard["Properties"]["DashboardBody"]["Fn::Sub"])
    assert set(drawn) == {"${AWS::StackName}"}


def test_the_api_is_regional_throttled_traced_and_logged_without_tokens(merged: Merged) -> None:
    api = merged.properties("RestAPI")
    assert api["EndpointConfiguration"] == "REGIONAL"
    assert api["TracingEnabled"] is True
    (methods,) = api["MethodSettings"]
    assert (methods["HttpMethod"], methods["ResourcePath"]) == ("*", "/*")
    assert methods["ThrottlingRateLimit"] == {"Ref": "ApiRequestsPerSecond"}
    assert methods["ThrottlingBurstLimit"] == {"Ref": "ApiRequestsBurst"}
    logged = api["AccessLogSetting"]
    assert logged["DestinationArn"] == {"Fn::GetAtt": ["ApiAccessLogGroup", "Arn"]}
    said = json.loads(logged["Format"])
    assert {"request_id", "method", "path", "status", "latency_ms", "refusal"} <= set(said)
    for revealing in ("authorization", "authorizer", "querystring", "header", "$context.path?"):
        assert revealing not in logged["Format"].lower()


@pytest.mark.parametrize("kind", sorted(REFUSALS))
def test_api_gateways_own_refusals_are_problems_as_the_contract_has_them(
    merged: Merged, kind: str
) -> None:
    answer = merged.properties("RestAPI")["GatewayResponses"][kind]
    ((_, template),) = answer["ResponseTemplates"].items()
    problem = json.loads(template)
    assert set(problem) == {"type", "title", "status", "detail", "code"}
    status, code = REFUSALS[kind]
    assert (answer["StatusCode"], problem["status"], problem["code"]) == (str(status), status, code)
    headers = answer["ResponseParameters"]["Headers"]
    assert headers["Content-Type"] == "'application/problem+json'"
    assert ("Retry-After" in headers) == (code == "busy")


def test_no_refusal_of_api_gateways_is_in_its_own_words(merged: Merged) -> None:
    assert set(merged.properties("RestAPI")["GatewayResponses"]) == set(REFUSALS)


def test_the_firewall_can_be_left_out_whole(merged: Merged) -> None:
    parts = {name for name, r in merged.resources.items() if r.get("Condition") == "HasFirewall"}
    assert {merged.resources[name]["Type"] for name in parts} == {
        "AWS::WAFv2::WebACL",
        "AWS::WAFv2::WebACLAssociation",
        "AWS::WAFv2::LoggingConfiguration",
        "AWS::Logs::LogGroup",
    }
    (acl,) = merged.of_type("AWS::WAFv2::WebACL").values()
    statements = {rule["Name"]: rule["Statement"] for rule in acl["Properties"]["Rules"]}
    limit = statements["flood"]["RateBasedStatement"]["Limit"]
    assert limit == {"Ref": "FirewallRequestsPerMinute"}
    common = statements["common"]["ManagedRuleGroupStatement"]
    # Stripe's events and usage of many calls are larger than the rule set's 8 KB.
    counted = {override["Name"] for override in common["RuleActionOverrides"]}
    assert "SizeRestrictions_BODY" in counted
    exempt = common["ScopeDownStatement"]["NotStatement"]["Statement"]["ByteMatchStatement"]
    assert exempt["SearchString"] == "/webhooks/stripe"


def test_a_domain_of_ones_own_is_optional(merged: Merged) -> None:
    parts = {name for name, r in merged.resources.items() if r.get("Condition") == "HasDomain"}
    assert parts == {"ApiDomain", "ApiDomainMapping"}
    assert merged.properties("ApiDomain")["SecurityPolicy"] == "TLS_1_2"


def test_it_is_said_where_everything_is(merged: Merged) -> None:
    assert {"PageUrl", "WebhookUrl", "UsageQueueUrl"} <= set(merged.content["Outputs"])


def test_the_template_fits_into_what_cloudformation_takes(merged: Merged) -> None:
    assert len(json.dumps(merged.content, separators=(",", ":"))) < 1_000_000
    assert len(merged.resources) < 500
    assert len(merged.content["Outputs"]) <= 200


def test_descriptions_of_just_the_services_in_use_are_packed() -> None:
    wiring = "".join(p.read_text() for p in (CHECKOUT / "chalicelib" / "wiring").glob("*.py"))
    used = set(re.findall(r'_client\("(\w+)"\)', wiring))
    assert used | {"dynamodb"} == slimming.SERVICES  # PynamoDB makes that client itself
