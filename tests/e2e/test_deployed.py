"""What `make package` makes runs as deployed, each function with no rights but its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from devstack.client import Client, request
from devstack.seed import seed
from devstack.stripe.sending import Endpoint, post
from devstack.walk import Walk
from tests.e2e.deployment import WEBHOOK_SECRET, Deployment

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 60.0
ALARM = "AWS::CloudWatch::Alarm"
#: What a function's log says when the rights of its role, its code or its time didn't suffice.
FAILURES = ("AccessDenied", "not authorized", '"level":"ERROR"', "Traceback", "timed out")
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


def wait_for(what: str, look: Callable[[], Any]) -> Any:
    """The first truthy answer; reaching the deadline is a failure, never a measurement."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come")


@pytest.fixture
def organization() -> str:
    return f"org-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def customer(deployment: Deployment, organization: str) -> Client:
    """Somebody with billing details and a saved card."""
    client = deployment.client(organization, "credits:read credits:write")
    seed(deployment.description, client)
    return client


@pytest.fixture
def gateway(deployment: Deployment, organization: str) -> Client:
    return deployment.client(organization, "gateway")


def buy(customer: Client, amount: str, *, card: str | None = None) -> dict[str, Any]:
    (saved, *_) = customer.get("/payment-methods")["data"]
    return customer.post("/purchases", {"amount": amount, "payment_method_id": card or saved["id"]})


def available(customer: Client) -> Decimal:
    return Decimal(customer.get("/credits")["available"])


def assert_conserved(customer: Client) -> None:
    entries = customer.get("/ledger", limit="100")["data"]
    credits_ = customer.get("/credits")
    kept = Decimal(credits_["available"]) + Decimal(credits_["held"])
    assert sum(Decimal(entry["amount"]) for entry in entries) == kept


def send_report(deployment: Deployment, organization: str, *lines: dict[str, Any]) -> str:
    """Send a report twice, as a gateway does that got no answer."""
    report_id = str(uuid.uuid4())
    report = {
        "version": 1,
        "report_id": report_id,
        "organization_id": organization,
        "project_id": "search",
        "occurred_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "hold_id": None,
        "final": False,
        "lines": lines,
    }
    for _ in range(2):
        deployment.cloud.client("sqs").send_message(
            QueueUrl=deployment.physical_ids["UsageQueue"],
            MessageGroupId=organization,
            MessageDeduplicationId=str(uuid.uuid4()),
            MessageBody=json.dumps(report),
        )
    return report_id


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
    anonymous = request("GET", f"{deployment.url}/v1/organizations/acme/credits")
    assert anonymous.status_code == 401


def test_the_whole_way_from_card_to_invoice_works(deployment: Deployment, tmp_path: Path) -> None:
    walk = Walk(description=deployment.description, issuer=deployment.issuer, home=tmp_path)
    walk.run()
    stored = deployment.cloud.client("s3").list_objects_v2(
        Bucket=deployment.physical_ids["DocumentsBucket"], Prefix=f"invoices/{walk.organization}/"
    )
    suffixes = sorted(Path(item["Key"]).suffix for item in stored["Contents"])
    assert suffixes == [".html", ".html", ".pdf", ".pdf"]


def test_models_are_priced_and_what_has_no_price_is_kept_aside(
    deployment: Deployment, organization: str, customer: Client, gateway: Client
) -> None:
    buy(customer, "50.00")
    deducted = gateway.post("/deductions", {"amount": "1.25"})
    assert Decimal(deducted["available"]) == Decimal("48.75")
    call = {"kind": "model", "provider": "openai", "calls": 1, "input_tokens": 1_000_000}
    send_report(deployment, organization, call | {"model": "gpt-4o"})
    odd = send_report(deployment, organization, call | {"model": "nobody-sells-this"})
    send_report(
        deployment, organization, {"kind": "amount", "amount": "0.0125", "description": "search"}
    )

    def used() -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = customer.get("/ledger")["data"]
        return [entry for entry in entries if entry["type"] == "usage"]

    wait_for("both reports", lambda: len(used()) == 2)
    by_queue, by_model = (Decimal(entry["amount"]) for entry in used())
    assert by_queue == Decimal("-0.0125")
    assert by_model < -1
    assert available(customer) == Decimal("48.75") + by_queue + by_model
    assert_conserved(customer)

    def set_aside() -> list[dict[str, Any]]:
        answer = deployment.cloud.client("sqs").receive_message(
            QueueUrl=deployment.physical_ids["UsageDeadLetterQueue"],
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
        )
        found = answer.get("Messages", [])
        return [m for m in found if json.loads(m["Body"])["report_id"] == odd]

    (first, *_) = wait_for("the odd report", set_aside)
    assert "nobody-sells-this" in first["MessageAttributes"]["reason"]["StringValue"]


def test_a_webhook_counts_with_its_signature_only(deployment: Deployment, customer: Client) -> None:
    # This card's payment waits for the customer, so that the webhook alone tells of its success.
    bought = buy(customer, "25.00", card=_second_card(deployment, customer))
    assert bought["status"] == "requires_action"
    intent = bought["client_secret"].partition("_secret_")[0]
    address = f"{deployment.url}/webhooks/stripe"
    event = {"id": "evt_forged", "object": "event", "type": "payment_intent.succeeded"}
    forged = json.dumps(event | {"data": {"object": {"id": intent, "object": "payment_intent"}}})
    for secret, status in (("whsec_of_somebody_else", 400), (WEBHOOK_SECRET, 200)):
        endpoint = Endpoint(url=address, secrets=(secret,))
        assert post(endpoint, forged, timeout_seconds=30) == status
    # The forger who knows the secret gains nothing: what Stripe says of the payment counts.
    assert available(customer) == 0
    request(
        "POST",
        f"{deployment.stripe.url}/_control/payment_intents/{intent}/authenticate",
        json={"outcome": "accept"},
    ).raise_for_status()
    wait_for("the credits", lambda: available(customer) == 25)
    assert_conserved(customer)


def test_a_webhook_secret_is_replaced_without_a_deployment(deployment: Deployment) -> None:
    event = {"id": "evt_new", "object": "event", "type": "product.created"}
    text = json.dumps(event | {"data": {"object": {"id": "prod_1", "object": "product"}}})
    endpoint = Endpoint(url=f"{deployment.url}/webhooks/stripe", secrets=("whsec_new",))
    assert post(endpoint, text, timeout_seconds=30) == 400
    deployment.cloud.client("secretsmanager").put_secret_value(
        SecretId=deployment.template["Parameters"]["StripeSecretName"]["Default"],
        SecretString=json.dumps(
            {
                "api_key": deployment.stripe.api_key,
                "webhook_secrets": f"whsec_new,{WEBHOOK_SECRET}",
            }
        ),
    )
    # A function that has only just asked for the secret waits for half a minute.
    wait_for("the new secret", lambda: post(endpoint, text, timeout_seconds=30) == 200)


def _second_card(deployment: Deployment, customer: Client) -> str:
    setup = customer.call("POST", "/payment-methods/setup", body={})
    intent = setup["client_secret"].partition("_secret_")[0]
    response = request(
        "POST",
        f"{deployment.stripe.url}/v1/setup_intents/{intent}/confirm",
        data={
            "payment_method": "pm_card_authenticationRequired",
            "return_url": "https://example.com/done",
        },
        headers={"Authorization": f"Bearer {deployment.stripe.api_key}"},
    )
    response.raise_for_status()
    if response.json()["status"] == "requires_action":
        request(
            "POST",
            f"{deployment.stripe.url}/_control/setup_intents/{intent}/authenticate",
            json={"outcome": "accept"},
        ).raise_for_status()
    card: str = response.json()["payment_method"]
    return card


def test_the_sweep_gives_back_what_an_expired_hold_kept(
    deployment: Deployment, customer: Client, gateway: Client
) -> None:
    buy(customer, "10.00")
    gateway.post("/holds", {"amount": "4.00", "expires_in_seconds": 10})
    assert available(customer) == 6
    deployment.invoke("Sweep", SCHEDULED)
    assert available(customer) == 6

    def given_back() -> bool:
        deployment.invoke("Sweep", SCHEDULED)
        return available(customer) == 10

    wait_for("the end of the hold", given_back)
    assert_conserved(customer)


SCHEDULED = {
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "version": "0",
    "account": "000000000000",
    "region": "us-east-1",
    "source": "aws.events",
    "detail-type": "Scheduled Event",
    "time": "2026-11-23T10:00:00Z",
    "resources": [],
    "detail": {},
}
RECORDS: dict[str, Any] = {"Records": []}
#: An event that asks for nothing, by the kind of the function's event source.
IDLE = {"Schedule": SCHEDULED, "SQS": RECORDS, "DynamoDB": RECORDS}


def test_every_function_starts_and_answers(deployment: Deployment) -> None:
    idle = {
        name: IDLE[source["Type"]]
        for name, function in deployment.functions.items()
        for source in function["Properties"].get("Events", {}).values()
    }
    assert set(deployment.functions) - set(idle) == {"APIHandler"}, "a function without an event"
    for name, event in idle.items():
        deployment.invoke(name, event)


def test_the_schedule_calls_the_sweep(deployment: Deployment) -> None:
    events, functions = deployment.cloud.client("events"), deployment.cloud.client("lambda")
    targets = events.list_targets_by_rule(Rule=deployment.physical_ids["SweepSweepEvent"])
    sweep = functions.get_function(FunctionName=deployment.physical_ids["Sweep"])
    assert [t["Arn"] for t in targets["Targets"]] == [sweep["Configuration"]["FunctionArn"]]


def test_every_alarm_watches_something_that_is_there(deployment: Deployment) -> None:
    physical = deployment.physical_ids
    there = {value.rpartition("/")[2] for value in physical.values()} | {"gateway-credits"}
    alarms = deployment.cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    declared = [r for r in deployment.template["Resources"].values() if r["Type"] == ALARM]
    assert len(alarms) == len(declared)
    for alarm in alarms:
        watched = {dimension["Value"] for dimension in alarm["Dimensions"]}
        assert watched <= there, f"{alarm['AlarmName']} watches {watched - there}"


def test_each_log_is_kept_for_a_while(deployment: Deployment) -> None:
    groups = deployment.cloud.client("logs").describe_log_groups()["logGroups"]
    kept = {group["logGroupName"]: group.get("retentionInDays") for group in groups}
    for name in deployment.functions:
        assert kept[f"/aws/lambda/{deployment.physical_ids[name]}"] == 90, name


def test_no_function_was_denied_anything_or_failed(deployment: Deployment) -> None:
    """The last of the tests: it reads what all others left in the logs and dead-letter queues."""
    for name in deployment.functions:
        log = deployment.log_of(name)
        assert log, f"{name} never ran"
        failures = [line for line in log if any(sign in line for sign in FAILURES)]
        assert not failures, f"{name}: {failures[0][:2000]}"
    sqs = deployment.cloud.client("sqs")
    for name, address in deployment.physical_ids.items():
        if name.endswith("DeadLetterQueue") and name != "UsageDeadLetterQueue":
            answer = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["All"])
            assert answer["Attributes"]["ApproximateNumberOfMessages"] == "0", name
