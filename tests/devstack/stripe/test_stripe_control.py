"""The control routes and the process: how tests and people play the world around Stripe."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from devstack.stripe.faults import Fault
from devstack.stripe.server import LocalStripe
from tests.devstack.stripe.conftest import Sink, types_of

Control = Callable[..., dict[str, Any]]
SaveCard = Callable[[str], str]
Client = stripe.StripeClient
ROOT = Path(__file__).resolve().parents[3]


def charge(client: Client, customer: str, card: str) -> Any:
    return client.v1.payment_intents.create(
        params={
            "amount": 500,
            "currency": "usd",
            "customer": customer,
            "payment_method": card,
            "confirm": True,
            "off_session": True,
        }
    )


def test_requests_are_counted_by_route(client: Client, control: Control, customer: str) -> None:
    client.v1.customers.retrieve(customer)
    client.v1.customers.retrieve(customer)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.retrieve("pi_x")
    counts = control("GET", "/requests")["counts"]
    assert counts == {
        "POST /v1/customers": 1,
        "GET /v1/customers/{customer}": 2,
        "GET /v1/payment_intents/{intent}": 1,
    }
    assert [entry["status"] for entry in control("GET", "/requests")["data"]] == [200] * 3 + [404]
    control("DELETE", "/requests")
    assert control("GET", "/requests")["counts"] == {}


def test_a_saved_card_can_go_bad_and_be_good_again(
    client: Client, control: Control, customer: str, save_card: SaveCard
) -> None:
    card = save_card("pm_card_visa")
    control("POST", f"/payment_methods/{card}/behave", decline_code="lost_card")
    with pytest.raises(stripe.CardError) as decline:
        charge(client, customer, card)
    assert decline.value.error is not None
    assert decline.value.error.decline_code == "lost_card"
    control("POST", f"/payment_methods/{card}/behave", like="pm_card_processing")
    assert charge(client, customer, card).status == "processing"
    control("POST", f"/payment_methods/{card}/behave", like="pm_card_visa")
    assert charge(client, customer, card).status == "succeeded"


def test_a_card_is_removed_in_the_dashboard(
    client: Client, local: LocalStripe, control: Control, save_card: SaveCard
) -> None:
    card = save_card("pm_card_visa")
    control("POST", f"/payment_methods/{card}/detach")
    assert client.v1.payment_methods.retrieve(card).customer is None
    event = local.state.all("event")[-1]
    assert event["type"] == "payment_method.detached"
    assert event["data"]["previous_attributes"]["customer"].startswith("cus_")
    assert event["request"] == {"id": None, "idempotency_key": None}


def test_an_issuer_replaces_a_card(
    client: Client, local: LocalStripe, control: Control, customer: str, save_card: SaveCard
) -> None:
    card = save_card("pm_card_visa")
    control("POST", f"/payment_methods/{card}/replace", number="5555555555554444", exp_year=2044)
    details = client.v1.payment_methods.retrieve(card).card
    assert details is not None
    assert (details.brand, details.last4, details.exp_year) == ("mastercard", "4444", 2044)
    assert types_of(local)[-1] == "payment_method.automatically_updated"
    assert charge(client, customer, card).status == "succeeded"


def test_the_clock_runs_ahead(client: Client, local: LocalStripe, control: Control) -> None:
    before = client.v1.customers.create().created
    control("POST", "/clock", advance_seconds=86_400)
    assert client.v1.customers.create().created >= before + 86_400


def test_old_events_are_forgotten_after_thirty_days(client: Client, control: Control) -> None:
    client.v1.customers.create()
    control("POST", "/clock", advance_seconds=31 * 86_400)
    assert client.v1.events.list().data == []


def test_a_fault_befalls_just_the_calls_it_is_meant_for(
    client: Client, control: Control, local: LocalStripe
) -> None:
    control(
        "POST",
        "/faults",
        method="POST",
        path="/v1/customers/.*",
        status=503,
        skip=1,
        count=2,
    )
    made = client.v1.customers.create().id
    statuses = []
    for number in range(4):
        try:
            client.v1.customers.update(made, params={"name": str(number)})
            statuses.append(200)
        except stripe.APIError as error:
            statuses.append(error.http_status or 0)
    assert statuses == [200, 503, 503, 200]


def test_a_rate_limit_can_be_played(client: Client, local: LocalStripe) -> None:
    local.api.faults.add(Fault(status=429))
    with pytest.raises(stripe.RateLimitError):
        client.v1.customers.list()


def test_faults_can_be_forgotten(client: Client, control: Control) -> None:
    control("POST", "/faults", count=None, effect="drop")
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.list()
    control("DELETE", "/faults")
    client.v1.customers.list()


def test_reset_forgets_everything(
    client: Client, local: LocalStripe, control: Control, customer: str, sink: Sink
) -> None:
    assert local.webhooks.wait_until_idle()
    control("POST", "/faults", count=None)
    control("POST", "/disturbances", action="drop", count=None)
    control("POST", "/reset")
    assert control("GET", "/objects/customer") == {"data": []}
    sink.received.clear()
    client.v1.customers.create()
    assert local.webhooks.wait_until_idle()
    assert sink.types() == ["customer.created"]


def test_objects_and_deliveries_can_be_read(
    client: Client, local: LocalStripe, control: Control, customer: str
) -> None:
    assert local.webhooks.wait_until_idle()
    assert control("GET", "/objects/customer")["data"][0]["id"] == customer
    delivery = control("GET", "/deliveries")["data"][0]
    assert (delivery["event_type"], delivery["status"]) == ("customer.created", 200)


def test_the_webhook_endpoint_is_listed(client: Client, control: Control, sink: Sink) -> None:
    endpoint = client.v1.webhook_endpoints.list().data[0]
    assert (endpoint.url, endpoint.api_version) == (sink.url, stripe.api_version)
    assert client.v1.webhook_endpoints.retrieve(endpoint.id).enabled_events == ["*"]
    control("POST", "/webhooks", url=None)
    assert client.v1.webhook_endpoints.list().data == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/nothing", {}, 404),
        ("/clock", {}, 400),
        ("/faults", {"path": "("}, 400),
        ("/faults", {"colour": "red"}, 400),
        ("/faults", {"effect": "explode"}, 400),
        ("/disturbances", {"action": "sing"}, 400),
        ("/disturbances", {"action": "reorder", "count": None}, 400),
        ("/payment_intents/pi_x/authenticate", {"outcome": "accept"}, 404),
        ("/payment_methods/pm_x/behave", {}, 404),
        ("/charges/ch_x/dispute", {"colour": "red"}, 400),
    ],
)
def test_a_wrong_control_request_says_so(
    local: LocalStripe, path: str, body: dict[str, Any], status: int
) -> None:
    with requests.Session() as session:
        answer = session.post(f"{local.url}/_control{path}", json=body, timeout=20)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_a_foreign_page_can_not_reach_the_control_routes(local: LocalStripe) -> None:
    with requests.Session() as session:
        form = session.post(f"{local.url}/_control/reset", data="{}", timeout=20)
        preflight = session.options(f"{local.url}/_control/reset", timeout=20)
    assert form.status_code == 415
    assert "Access-Control-Allow-Origin" not in preflight.headers


def test_a_page_of_another_port_may_use_the_api(local: LocalStripe) -> None:
    with requests.Session() as session:
        preflight = session.options(f"{local.url}/v1/setup_intents/seti_1/confirm", timeout=20)
        script = session.get(f"{local.url}/v3/", timeout=20)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert "window.Stripe" in script.text


def test_the_process_says_when_it_is_ready_and_ends_cleanly() -> None:
    command = [sys.executable, "-W", "error", "-m", "devstack.stripe", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"local Stripe ready on (http://127\.0\.0\.1:\d+)\n", line)
        assert found, line
        client = stripe.StripeClient("sk_test_local", base_addresses={"api": found[1]})
        assert client.v1.customers.create(params={"name": "Ada"}).name == "Ada"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, err) == (0, "", "")


def test_the_process_says_which_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "devstack.stripe", "--port", str(port)],
            check=False,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
    assert ended.returncode == 1
    assert str(port) in ended.stderr
