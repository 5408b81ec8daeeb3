"""The local Stripe refuses what Stripe refuses, in Stripe's words."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

from devstack.stripe import published
from devstack.stripe.server import LocalStripe


def post(local: LocalStripe, path: str, form: str, key: str | None = None) -> requests.Response:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    headers["Authorization"] = f"Bearer {key or local.api_key}"
    with requests.Session() as session:
        return session.post(f"{local.url}{path}", data=form, headers=headers, timeout=20)


@pytest.mark.parametrize(
    ("params", "code", "param", "message"),
    [
        ({"currency": "usd"}, "parameter_missing", "amount", "Missing required param: amount."),
        (
            {"amount": 500, "currency": "usd", "sum": 1},
            "parameter_unknown",
            "sum",
            "Received unknown parameter: sum",
        ),
        (
            {"amount": 500, "currency": "usd", "payment_method_types": ["card"]},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
            "no longer supported",
        ),
        (
            {"amount": "5.00", "currency": "usd"},
            "parameter_invalid_integer",
            "amount",
            "Invalid integer: 5.00",
        ),
        (
            {"amount": 500, "currency": "usd", "confirm": "yes"},
            None,
            "confirm",
            "Invalid boolean: yes",
        ),
        (
            {"amount": 500, "currency": "usd", "setup_future_usage": "sometimes"},
            None,
            "setup_future_usage",
            "must be one of off_session or on_session",
        ),
        (
            {"amount": 500, "currency": "usd", "payment_method_options": {"card": {"cvv": "1"}}},
            "parameter_unknown",
            "payment_method_options[card][cvv]",
            "payment_method_options[card][cvv]",
        ),
        (
            {"amount": 500, "currency": "usd", "customer": ""},
            "parameter_invalid_empty",
            "customer",
            "You passed an empty string",
        ),
        ({"amount": 500, "currency": "usd", "metadata": "a"}, None, "metadata", "Invalid object"),
        ({"amount": 500, "currency": "usd", "expand": "customer"}, None, "expand", "Invalid array"),
        ({"amount": 49, "currency": "usd"}, "amount_too_small", "amount", "at least"),
        ({"amount": 100_000_000, "currency": "usd"}, "amount_too_large", "amount", "no more than"),
        ({"amount": 500, "currency": "zzz"}, None, "currency", "Invalid currency: zzz"),
        (
            {"amount": 500, "currency": "usd", "customer": "cus_nobody"},
            "resource_missing",
            "customer",
            "No such customer: 'cus_nobody'",
        ),
        (
            {"amount": 500, "currency": "usd", "off_session": True},
            None,
            "off_session",
            "confirm=true",
        ),
        (
            {"amount": 500, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"},
            None,
            None,
            "you must provide a `return_url`",
        ),
    ],
)
def test_a_wrong_parameter_is_refused_as_stripe_refuses_it(
    *,
    client: stripe.StripeClient,
    local: LocalStripe,
    params: Any,
    code: str | None,
    param: str | None,
    message: str,
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.create(params=params)
    assert refusal.value.http_status == 400
    assert refusal.value.code == code
    assert refusal.value.param == param
    assert message in str(refusal.value.user_message)
    assert local.state.all("payment_intent") == []


def test_a_wrong_enum_in_a_list_names_its_place(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.create(
            params={
                "amount": 500,
                "currency": "usd",
                "allowed_payment_method_types": ["card", "shells"],
            }
        )
    assert refusal.value.param == "allowed_payment_method_types[1]"


def test_only_routes_of_the_pinned_stripe_python_are_served() -> None:
    real = frozenset({("POST", "/v1/payment_intents/{intent}/confirm")})
    found = published.parameter_types(real)
    assert [kind.__name__ for kind in found.values()] == ["PaymentIntentConfirmParams"]
    with pytest.raises(LookupError, match="/v1/wishes"):
        published.parameter_types(real | {("POST", "/v1/wishes")})


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/customers/cus_1/wishes", "/v1/"])
def test_an_unknown_route_is_answered_404(local: LocalStripe, path: str) -> None:
    answer = post(local, path, "")
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert path in answer.json()["error"]["message"]


def test_a_missing_object_in_the_path_is_answered_404(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.retrieve("pi_nobody")
    assert refusal.value.http_status == 404
    assert refusal.value.code == "resource_missing"


@pytest.mark.parametrize("key", ["sk_test_somebody_else", "x"])
def test_a_wrong_key_is_answered_401(local: LocalStripe, key: str) -> None:
    client = stripe.StripeClient(key, base_addresses={"api": local.url})
    with pytest.raises(stripe.AuthenticationError) as refusal:
        client.v1.customers.list()
    assert refusal.value.http_status == 401


def test_no_key_is_answered_401(local: LocalStripe) -> None:
    with requests.Session() as session:
        answer = session.get(f"{local.url}/v1/customers", timeout=20)
    assert answer.status_code == 401
    assert "You did not provide an API key" in answer.json()["error"]["message"]


def test_a_publishable_key_may_not_do_a_servers_work(local: LocalStripe) -> None:
    answer = post(local, "/v1/customers", "email=a@example.com", key=local.publishable_key)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "secret_key_required"


def test_a_publishable_key_needs_the_client_secret(
    local: LocalStripe, client: stripe.StripeClient
) -> None:
    intent = client.v1.setup_intents.create(params={"allowed_payment_method_types": ["card"]})
    path = f"/v1/setup_intents/{intent.id}/confirm"
    bare = post(local, path, "payment_method=pm_card_visa", key=local.publishable_key)
    assert bare.json()["error"]["param"] == "client_secret"
    wrong = post(
        local,
        path,
        "payment_method=pm_card_visa&client_secret=seti_x_secret_y",
        key=local.publishable_key,
    )
    assert wrong.json()["error"]["code"] == "setup_intent_invalid_parameter"
    right = post(
        local,
        path,
        f"payment_method=pm_card_visa&client_secret={intent.client_secret}",
        key=local.publishable_key,
    )
    assert right.json()["status"] == "succeeded"


def test_card_numbers_come_from_browsers_only(local: LocalStripe) -> None:
    form = "type=card&card[number]=4242424242424242&card[exp_month]=1&card[exp_year]=2040"
    refused = post(local, "/v1/payment_methods", form)
    assert refused.status_code == 400
    assert "unsafe" in refused.json()["error"]["message"]
    taken = post(local, "/v1/payment_methods", form, key=local.publishable_key)
    assert taken.json()["card"]["last4"] == "4242"


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("card[number]=4242424242424241&card[exp_month]=1&card[exp_year]=2040", "incorrect_number"),
        (
            "card[number]=4242424242424242&card[exp_month]=13&card[exp_year]=2040",
            "invalid_expiry_month",
        ),
        (
            "card[number]=4242424242424242&card[exp_month]=1&card[exp_year]=2020",
            "invalid_expiry_year",
        ),
        (
            "card[number]=4242424242424242&card[exp_month]=1&card[exp_year]=40&card[cvc]=12",
            "invalid_cvc",
        ),
        (
            "card[number]=378282246310005&card[exp_month]=1&card[exp_year]=40&card[cvc]=123",
            "invalid_cvc",
        ),
        ("card[number]=4111111111111111&card[exp_month]=1&card[exp_year]=40", "card_declined"),
    ],
)
def test_a_mistyped_card_is_refused(local: LocalStripe, card: str, code: str) -> None:
    answer = post(local, "/v1/payment_methods", f"type=card&{card}", key=local.publishable_key)
    assert answer.status_code == 402
    assert answer.json()["error"]["type"] == "card_error"
    assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize("form", ["a[b=1", "a=1&a[b]=2", "a[b]=1&a=2", "[a]=1"])
def test_a_malformed_form_is_refused(local: LocalStripe, form: str) -> None:
    assert post(local, "/v1/customers", form).status_code == 400


@pytest.mark.parametrize(
    "metadata",
    [{"k" * 41: "v"}, {"k": "v" * 501}, {f"k{number}": "v" for number in range(51)}],
)
def test_metadata_is_bounded(client: stripe.StripeClient, metadata: dict[str, str]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.create(params={"metadata": metadata})


def test_metadata_is_merged_and_unset_by_empty_text(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create(params={"metadata": {"a": "1", "b": "2"}})
    changed = client.v1.customers.update(customer.id, params={"metadata": {"b": "", "c": "3"}})
    assert changed.to_dict()["metadata"] == {"a": "1", "c": "3"}
    assert (
        client.v1.customers.update(customer.id, params={"metadata": ""}).to_dict()["metadata"] == {}
    )
