"""The client against the running service: exact to the nano-dollar, whatever dies meanwhile."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest

from devstack.settings import CHECKOUT
from devstack.stack import Stack
from gateway import (
    Amount,
    CallRefusedError,
    CreditsBlockedError,
    CreditsClient,
    CreditsUnavailableError,
    ModelCall,
    Traces,
    format_usd,
    usd,
)
from gateway.metrics import Metric
from tests.gateway.fakes import Counts
from tests.gateway.stack_side import (
    PATIENCE_SECONDS,
    Customer,
    eventually,
    gateway_client,
)

WEB_SEARCH = "web search"


def search(nanos: int) -> Amount:
    return Amount(amount_nanos=nanos, description=WEB_SEARCH)


def in_usd(nanos: int) -> Decimal:
    return Decimal(nanos) / 10**9


def serve_until_refused(client: CreditsClient, organization_id: str, *, nanos: int) -> int:
    """Make calls until one is refused; gives how many were served."""
    served = 0
    while True:
        try:
            call = client.reserve(organization_id, amount_nanos=nanos)
        except CallRefusedError:
            return served
        with call:
            call.record(search(nanos))
            served += 1


def test_calls_of_many_threads_are_paid_from_few_holds_to_the_nano_dollar(
    stack: Stack, tmp_path: Path
) -> None:
    customer = Customer(stack, "10.00")
    counts = Counts()
    spent = [0] * 8

    def make_calls(thread: int) -> None:
        chance = random.Random(thread)
        for _ in range(40):
            expected = chance.randint(1, 20_000_000)
            with client.reserve(
                customer.organization_id,
                amount_nanos=expected,
                project_id=f"project-{chance.randrange(2)}",
            ) as call:
                used = chance.randint(0, expected)
                call.record(search(used))
                spent[thread] += used

    with gateway_client(stack, tmp_path, counts=counts) as client:
        threads = [threading.Thread(target=make_calls, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    eventually(customer.credits, (format_usd(usd("10") - sum(spent)), "0.00"))
    assert customer.spent() == in_usd(sum(spent))
    granted = counts.times[Metric.LEASES_GRANTED]
    # Both projects report on each lease, once.
    assert granted <= len(customer.usage_entries()) <= 2 * granted < 40
    assert list(tmp_path.iterdir()) == [], "nothing is left to be sent"


def test_model_calls_and_traces_cost_what_the_service_says(stack: Stack, tmp_path: Path) -> None:
    customer = Customer(stack, "10.00")
    used = ModelCall(
        provider="openai",
        model="gpt-4o",
        units={"input_tokens": 1000, "output_tokens": 100, "cache_read_tokens": 200},
    )
    with gateway_client(stack, tmp_path) as client:
        for _ in range(10):
            with client.reserve(customer.organization_id, amount_nanos=usd("0.01")) as call:
                call.record(used)
                call.record(Traces(count=1))
    # 800 at 2.50, 200 at 1.25 and 100 at 10.00 dollars for a million; ten traces are free.
    price_nanos = 10 * (800 * 2500 + 200 * 1250 + 100 * 10_000)
    eventually(customer.credits, (format_usd(usd("10") - price_nanos), "0.00"))
    (entry,) = customer.usage_entries()
    assert entry["overdrawn"] is False


def test_usage_without_a_lease_is_reported_after_a_while(stack: Stack, tmp_path: Path) -> None:
    customer = Customer(stack, "10.00")
    with gateway_client(stack, tmp_path) as client:
        assert client.check(customer.organization_id).allowed
        for _ in range(20):
            client.record(customer.organization_id, search(1000), project_id="search")
        eventually(customer.credits, ("9.99998", "0.00"))
    assert len(customer.usage_entries()) == 1


def test_an_unused_lease_gives_everything_back(stack: Stack, tmp_path: Path) -> None:
    customer = Customer(stack, "10.00")
    with gateway_client(stack, tmp_path) as client:
        with client.reserve(customer.organization_id, amount_nanos=1):
            assert customer.credits() == ("9.00", "1.00")
        with client.reserve(customer.organization_id, amount_nanos=1):
            pass
    assert customer.credits() == ("10.00", "0.00")


def test_the_last_credits_can_be_spent_and_then_calls_are_blocked(
    stack: Stack, tmp_path: Path
) -> None:
    customer = Customer(stack, "5.00")
    with gateway_client(stack, tmp_path, amount_nanos=usd("2.00")) as client:
        served = serve_until_refused(client, customer.organization_id, nanos=usd("0.10"))
        with pytest.raises(CreditsBlockedError) as blocked:
            client.reserve(customer.organization_id, amount_nanos=1)
        assert blocked.value.reason == "exhausted"
    assert served == 50
    eventually(customer.credits, ("0.00", "0.00"))
    assert all(entry["overdrawn"] is False for entry in customer.usage_entries())


def test_after_a_purchase_calls_are_served_again(stack: Stack, tmp_path: Path) -> None:
    customer = Customer(stack, "5.00")
    with gateway_client(stack, tmp_path) as client:
        with client.reserve(customer.organization_id, amount_nanos=usd("5.00")) as call:
            call.record(search(usd("5.00")))
        with pytest.raises(CreditsBlockedError):
            client.reserve(customer.organization_id, amount_nanos=1)
        customer.buy("5.00")

        def served() -> bool:
            try:
                client.reserve(customer.organization_id, amount_nanos=1).end()
            except CreditsBlockedError:
                return False
            return True

        eventually(served, wanted=True)


def test_while_the_service_is_down_open_leases_serve_and_then_calls_are_refused(
    stack: Stack, tmp_path: Path
) -> None:
    customer = Customer(stack, "10.00")
    # Its socket stays open while it is down, so that callers wait.
    with gateway_client(stack, tmp_path, timeout_seconds=1.0) as client:
        with client.reserve(customer.organization_id, amount_nanos=usd("0.10")) as call:
            call.record(search(usd("0.10")))
        stack.kill("web")
        try:
            served = serve_until_refused(client, customer.organization_id, nanos=usd("0.10"))
            with pytest.raises(CreditsUnavailableError):
                client.reserve(customer.organization_id, amount_nanos=1)
            assert served == 9
            with pytest.raises(CreditsUnavailableError):
                client.reserve("never-heard-of", amount_nanos=1)
        finally:
            stack.restart("web")
    eventually(customer.credits, ("9.00", "0.00"))


GATEWAY = """
import json, sys
from pathlib import Path
from devstack.aws import Cloud
from gateway import *
said = json.loads(sys.argv[1])
client = CreditsClient(
    service=HttpService(said["url"], token=lambda: said["token"], timeout_seconds=30),
    queue=Cloud(endpoint_url=said["aws"], account_id=said["account"]).client("sqs"),
    queue_url=said["queue"],
    journals=JournalFolder(Path(said["folder"])),
    settings=ClientSettings(leases=LeasePolicy(amount_nanos=usd("0.05"))),
)
client.start()
while True:
    with client.reserve(said["organization"], amount_nanos=1_000_001) as call:
        call.record(Amount(amount_nanos=1_000_001, description="a call"))
        print("recorded", flush=True)
"""


def test_a_killed_gateway_loses_nothing_and_a_second_replay_changes_nothing(
    stack: Stack, tmp_path: Path
) -> None:
    customer = Customer(stack, "10.00")
    folder, copy = tmp_path / "journals", tmp_path / "copy"
    said = {
        "url": stack.url,
        "token": stack.token(organization_id="gateway", scope="gateway"),
        "aws": stack.cloud.endpoint_url,
        "account": stack.cloud.account_id,
        "queue": stack.description()["usage_queue_url"],
        "folder": str(folder),
        "organization": customer.organization_id,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", GATEWAY, json.dumps(said)], cwd=CHECKOUT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    with process.stdout:
        told = [process.stdout.readline() for _ in range(120)]
        process.kill()
        told += process.stdout.readlines()
    assert set(told) == {b"recorded\n"}
    process.wait()
    shutil.copytree(folder, copy)
    for journals in (folder, copy):
        with gateway_client(stack, journals) as client:
            assert client.flush(timeout_seconds=PATIENCE_SECONDS)
    # One more may have been recorded than it could tell.
    one = in_usd(1_000_001)
    possible = {one * len(told), one * (len(told) + 1)}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while customer.spent() not in possible and time.monotonic() < deadline:
        time.sleep(0.2)
    spent = customer.spent()
    assert spent in possible
    # What the second replay sent is handled once this is, since reports come in order.
    with gateway_client(stack, tmp_path / "last") as client:
        client.record(customer.organization_id, search(1))
    eventually(customer.spent, spent + in_usd(1))
    assert sum(map(Decimal, customer.credits())) == 10 - spent - in_usd(1)


def test_events_of_the_bus_stop_and_release_calls_at_once(stack: Stack, tmp_path: Path) -> None:
    events, sqs = stack.cloud.client("events"), stack.cloud.client("sqs")
    url = sqs.create_queue(QueueName="for-gateways")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    bus = stack.environment["EVENT_BUS"]
    pattern = {"detail-type": ["credits.exhausted", "credits.restored"]}
    events.put_rule(Name="gateways", EventBusName=bus, EventPattern=json.dumps(pattern))
    target = {"Id": "gateways", "Arn": arn["QueueArn"]}
    events.put_targets(Rule="gateways", EventBusName=bus, Targets=[target])
    customer = Customer(stack, "5.00")

    with gateway_client(stack, tmp_path) as client:

        def heard() -> bool:
            answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
            return any(
                client.apply_event(event)
                for event in (json.loads(m["Body"]) for m in answer.get("Messages", ()))
                if event["detail"]["organization_id"] == customer.organization_id
            )

        eventually(heard, wanted=True)  # restored, by the first purchase
        client.record(customer.organization_id, search(usd("5.00")))
        client.flush()
        eventually(heard, wanted=True)
        assert not client.check(customer.organization_id).allowed
        customer.buy("5.00")
        eventually(heard, wanted=True)
        assert client.check(customer.organization_id).allowed


def test_a_closed_client_makes_no_calls(stack: Stack, tmp_path: Path) -> None:
    customer = Customer(stack, "5.00")
    client = gateway_client(stack, tmp_path)
    client.start()
    assert client.close()
    assert client.close(), "again"
    with pytest.raises(CreditsUnavailableError):
        client.reserve(customer.organization_id, amount_nanos=1)
