"""Each function may do exactly what it does: no right is missing, and none is granted in vain.

Every flow runs on a local stack whose functions note their AWS calls; what Lambda itself does for
a function is added. A failure names function, action and resource. When a flow is new, add it to
`flows.py`; when its rights are, to the policy in `.chalice/`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from chalice.app import DynamoDBEventConfig, SQSEventConfig

from app import app
from chalicelib.adapters.metrics import CATALOGUE
from devstack.aws import REGION, settings_of
from devstack.seed import BILLING_DETAILS
from devstack.settings import CHECKOUT, StackSettings
from devstack.stack import Stack
from devstack.template import Template
from devstack.web import API_FUNCTION
from tests.integration.flows import FLOWS, SENDER
from tests.support.measured import measured_in
from tests.support.policies import (
    Grant,
    Resolver,
    grants,
    missing,
    policy_files,
    unused,
)
from tests.support.rights import AHEAD, NOTES, Arns, Notes, Right

pytestmark = pytest.mark.slow

POLICIES = policy_files(CHECKOUT)
#: The parts of the stack that run the functions.
FUNCTIONS = frozenset({"web", "worker-1"})
#: Where a grant may say `*`, and why no more can be said.
WILDCARDS = {
    "logs": "the log's name has the function's, which is made after the policy",
    "xray": "X-Ray has no resources",
    "dynamodb:ListStreams": "it has no resource",
    "s3": "the names of documents are made by the application, below the prefixes of the policy",
    "ses": "SES looks for the sender's address or its domain, whichever was verified",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was needed, and what is granted."""

    notes: Notes
    logs: str
    secrets: frozenset[str]
    resolver: Resolver
    granted: Mapping[str, list[Grant]]

    def rights_of(self, function: str) -> list[Right]:
        """What a function needed, and what Lambda needs for it."""
        own = [right for right in self.notes.rights if right.function == function]
        return own + list(lambda_rights(function, self.resolver))


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Observed:
    home = tmp_path_factory.mktemp("policies")
    settings = StackSettings(
        home=home,
        root=Path(__file__).parent / "recorded",
        port=0,
        visibility_timeout_seconds=3,
        schedule_speed=60.0,
        environment={
            NOTES: str(home / "rights"),
            AHEAD: str(home / "ahead"),
            "MAIL_SENDER": SENDER,
        },
    )
    with Stack(settings) as stack:
        for address in (SENDER, str(BILLING_DETAILS["email"])):
            stack.cloud.client("sesv2").create_email_identity(EmailIdentity=address)
        for flow in FLOWS:
            flow(stack)
        resolver = Resolver(
            template=settings_of(CHECKOUT),
            physical_ids=stack.cloud.physical_ids(),
            arns=Arns(region=REGION, account_id=settings.account_id),
        )
        notes = Notes.read(home / "rights")
        logs = "".join(
            (stack.logs / f"{part}.log").read_text() for part in stack.parts if part in FUNCTIONS
        )
        secrets = frozenset(
            value
            for name, value in stack.environment.items()
            if name in {"STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRETS", "CURSOR_SECRET"}
        )
    granted = {
        function: list(grants(function, json.loads(path.read_text()), resolver))
        for function, path in POLICIES.items()
    }
    return Observed(notes=notes, logs=logs, secrets=secrets, resolver=resolver, granted=granted)


def lambda_rights(function: str, resolver: Resolver) -> Iterator[Right]:
    """What Lambda does in a function's name: it logs, traces, and reads the event source.

    Source: the managed policies AWSLambdaSQSQueueExecutionRole, AWSLambdaDynamoDBExecutionRole
    and AWSXRayDaemonWriteAccess. The stack makes the logs' groups.
    """
    log = resolver.arns.of("logs", "log-group:/aws/lambda/gateway-credits-F-1:log-stream:1")
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        yield Right(function, action, log)
    for action in ("xray:PutTraceSegments", "xray:PutTelemetryRecords"):
        yield Right(function, action, "*")
    for source in app.event_sources:
        if source.name != function:
            continue
        if isinstance(source, SQSEventConfig):
            queue = resolver.resolve({"Fn::Sub": (source.queue or "").replace("QueueName", "Arn")})
            for verb in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
                yield Right(function, f"sqs:{verb}", queue)
        elif isinstance(source, DynamoDBEventConfig):
            stream = resolver.resolve(_stream(resolver.template, function))
            for verb in ("DescribeStream", "GetRecords", "GetShardIterator"):
                yield Right(function, f"dynamodb:{verb}", stream)
            yield Right(function, "dynamodb:ListStreams", "*")


def _stream(template: Template, function: str) -> Any:
    return template.event_source(function=function, kind="dynamodb-event-source")["Stream"]


def test_every_function_has_a_policy_of_its_own() -> None:
    functions = {source.name for source in app.event_sources} | {API_FUNCTION}
    assert set(POLICIES) == functions
    assert len({path.name for path in POLICIES.values()}) == len(functions)


def test_every_route_and_every_function_was_tried(observed: Observed) -> None:
    routes = {f"{method} {path}" for path, methods in app.routes.items() for method in methods}
    untried = sorted(routes - observed.notes.routes)
    assert not untried, "add these to flows.py: " + ", ".join(untried)
    assert observed.notes.functions == set(POLICIES)


@pytest.mark.parametrize("function", sorted(POLICIES))
def test_no_right_is_missing(observed: Observed, function: str) -> None:
    lacking = missing(observed.rights_of(function), observed.granted[function])
    policy = POLICIES[function].name
    assert not lacking, f"{policy} lacks:\n" + "\n".join(map(str, lacking))


@pytest.mark.parametrize("function", sorted(POLICIES))
def test_no_right_is_granted_in_vain(observed: Observed, function: str) -> None:
    vain = unused(observed.rights_of(function), observed.granted[function])
    policy = POLICIES[function].name
    assert not vain, f"{policy} grants what no flow needs:\n" + "\n".join(map(str, vain))


@pytest.mark.parametrize("function", sorted(POLICIES))
def test_only_what_has_no_other_name_is_granted_by_wildcard(
    observed: Observed, function: str
) -> None:
    for grant in observed.granted[function]:
        assert "*" not in grant.action, grant
        service = grant.action.partition(":")[0]
        if "*" in grant.resource:
            assert grant.action in WILDCARDS or service in WILDCARDS, grant


def test_no_flow_logs_a_secret_a_card_or_who_somebody_is(observed: Observed) -> None:
    address = cast("dict[str, str]", BILLING_DETAILS["address"])
    people = {str(BILLING_DETAILS["name"]), str(BILLING_DETAILS["email"]), address["line1"]}
    for secret in observed.secrets | people:
        assert secret not in observed.logs
    for shape in ('"4242"', '"visa"', "_secret_", "whsec_", "sk_test", "Bearer", "eyJ"):
        assert shape not in observed.logs, shape


def test_the_flows_measure_what_the_catalogue_has(observed: Observed) -> None:
    measured = {each.name for each in measured_in(observed.logs)}
    # What needs a bug, an outage of days or another writer at the very moment isn't among them.
    rare = {"NoticesFailed", "Conflicts", "Rivalries", "ReportsConflict"}
    assert set(CATALOGUE) - measured <= rare


def test_a_policy_with_one_statement_less_is_found_out(observed: Observed) -> None:
    for function, granted in observed.granted.items():
        for taken in granted:
            rest = [grant for grant in granted if grant.sid != taken.sid]
            lacking = missing(observed.rights_of(function), rest)
            assert any(taken.allows(right) for right in lacking), f"{taken} is granted twice"


def test_a_policy_with_one_grant_more_is_found_out(observed: Observed) -> None:
    everything = {(g.action, g.resource) for granted in observed.granted.values() for g in granted}
    for function, granted in observed.granted.items():
        needed = observed.rights_of(function)
        own = {(grant.action, grant.resource) for grant in granted}
        for action, resource in everything - own:
            more = Grant(function, "More", action, resource)
            vain = unused(needed, [*granted, more])
            assert vain == [more] or any(more.allows(right) for right in needed), more
