"""The same key answers the same, for ever: Stripe's idempotency, under threads and faults."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
import stripe

from devstack.stripe.faults import Fault
from devstack.stripe.server import LocalStripe
from tests.devstack.stripe.conftest import wait_until

Control = Callable[..., dict[str, Any]]
FORM = "amount=5000&currency=usd&confirm=true&off_session=true&payment_method="


def post(local: LocalStripe, key: str, form: str, path: str = "") -> requests.Response:
    headers = {
        "Authorization": f"Bearer {local.api_key}",
        "Idempotency-Key": key,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    with requests.Session() as session:
        url = f"{local.url}{path or '/v1/payment_intents'}"
        return session.post(url, data=form, headers=headers, timeout=20)


@pytest.mark.parametrize(
    ("card", "status"), [("pm_card_visa", 200), ("pm_card_visa_chargeDeclined", 402)]
)
def test_a_replay_answers_the_first_answer_and_does_nothing(
    local: LocalStripe, card: str, status: int
) -> None:
    first = post(local, "k", FORM + card)
    second = post(local, "k", FORM + card)
    assert first.status_code == second.status_code == status
    assert first.content == second.content
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Original-Request"] == first.headers["Request-Id"]
    assert len(local.state.all("payment_intent")) == 1
    assert len(local.state.all("charge")) == 1


def test_a_key_with_other_parameters_is_refused(
    local: LocalStripe, client: stripe.StripeClient
) -> None:
    client.v1.customers.create(params={"name": "A"}, options={"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError) as refusal:
        client.v1.customers.create(params={"name": "B"}, options={"idempotency_key": "k"})
    assert refusal.value.http_status == 400
    assert "same parameters" in str(refusal.value.user_message)
    assert len(local.state.all("customer")) == 1


def test_a_key_at_another_address_is_refused(local: LocalStripe) -> None:
    post(local, "k", "description=A", "/v1/customers")
    answer = post(local, "k", "description=A", "/v1/setup_intents")
    assert answer.json()["error"]["type"] == "idempotency_error"


@pytest.mark.parametrize(
    "form", ["amount=5000", "amount=1&currency=usd", "amount=5000&currency=zzz", "amount=x"]
)
def test_what_fails_validation_is_not_kept(local: LocalStripe, form: str) -> None:
    assert post(local, "k", form).status_code == 400
    assert post(local, "k", "amount=5000&currency=usd").status_code == 200


def test_a_wrong_expansion_does_not_free_the_key_of_what_was_done(local: LocalStripe) -> None:
    wrong = f"{FORM}pm_card_visa&expand[0]=wishes"
    assert post(local, "k", wrong).status_code == 400
    assert post(local, "k", wrong).headers["Idempotent-Replayed"] == "true"
    assert len(local.state.all("charge")) == 1


def test_a_second_request_meanwhile_gets_409_and_is_not_kept(
    local: LocalStripe, control: Control
) -> None:
    control("POST", "/faults", effect="hold", path="/v1/payment_intents")
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(post, local, "k", FORM + "pm_card_visa")
        wait_until(lambda: control("GET", "/faults")["held"] == 1, "the first being at work")
        meanwhile = post(local, "k", FORM + "pm_card_visa")
        assert meanwhile.status_code == 409
        assert meanwhile.json()["error"]["code"] == "idempotency_key_in_use"
        control("POST", "/faults/release")
        first = held.result()
    assert first.status_code == 200
    assert post(local, "k", FORM + "pm_card_visa").content == first.content
    assert len(local.state.all("payment_intent")) == 1


def test_sixteen_threads_with_one_key_charge_once(local: LocalStripe) -> None:
    start = threading.Barrier(16)

    def attempt(_number: int) -> tuple[int, bytes]:
        start.wait()
        answer = post(local, "k", FORM + "pm_card_visa")
        while answer.status_code == 409:
            answer = post(local, "k", FORM + "pm_card_visa")
        return answer.status_code, answer.content

    with ThreadPoolExecutor(16) as pool:
        answers = Counter(pool.map(attempt, range(16)))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 200
    assert len(local.state.all("payment_intent")) == 1
    assert len(local.state.all("charge")) == 1


def test_sixteen_threads_with_keys_of_their_own_lose_nothing(
    local: LocalStripe, client: stripe.StripeClient
) -> None:
    def attempt(number: int) -> str:
        return client.v1.payment_intents.create(
            params={
                "amount": 1_000 + number,
                "currency": "usd",
                "payment_method": "pm_card_visa",
                "confirm": True,
                "off_session": True,
            },
            options={"idempotency_key": f"k{number}"},
        ).id

    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(attempt, range(80)))
    assert len(set(made)) == 80
    charged = sum(charge["amount"] for charge in local.state.all("charge"))
    assert charged == sum(1_000 + number for number in range(80))


def test_a_500_after_the_effect_is_replayed_for_ever(local: LocalStripe) -> None:
    local.api.faults.add(Fault(moment="after", effect="error"))
    first = post(local, "k", FORM + "pm_card_visa")
    second = post(local, "k", FORM + "pm_card_visa")
    assert first.status_code == second.status_code == 500
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(local.state.all("charge")) == 1


def test_a_500_before_the_effect_is_not_kept(local: LocalStripe) -> None:
    local.api.faults.add(Fault(moment="before", effect="error", status=503))
    assert post(local, "k", FORM + "pm_card_visa").status_code == 503
    assert local.state.all("charge") == []
    assert post(local, "k", FORM + "pm_card_visa").status_code == 200


@pytest.mark.parametrize(("moment", "before"), [("before", 0), ("after", 1)])
def test_a_lost_answer_is_found_again_by_the_key(
    local: LocalStripe, moment: Any, before: int
) -> None:
    local.api.faults.add(Fault(moment=moment, effect="drop"))
    with pytest.raises(requests.ConnectionError):
        post(local, "k", FORM + "pm_card_visa")
    assert len(local.state.all("charge")) == before
    assert post(local, "k", FORM + "pm_card_visa").json()["status"] == "succeeded"
    assert len(local.state.all("charge")) == 1


def test_stripe_python_retries_a_lost_answer_by_itself(
    local: LocalStripe, control: Control
) -> None:
    control("POST", "/faults", effect="drop", moment="after", path="/v1/payment_intents")
    client = stripe.StripeClient(
        local.api_key, base_addresses={"api": local.url}, max_network_retries=2
    )
    intent = client.v1.payment_intents.create(
        params={
            "amount": 500,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "off_session": True,
        }
    )
    assert intent.status == "succeeded"
    assert len(local.state.all("charge")) == 1
    assert [entry.status for entry in local.api.journal.all()] == [0, 200]
    assert [entry.replayed for entry in local.api.journal.all()] == [False, True]


def test_a_key_is_forgotten_after_a_day(local: LocalStripe, control: Control) -> None:
    post(local, "k", FORM + "pm_card_visa")
    control("POST", "/clock", advance_seconds=24 * 3600 + 60)
    answer = post(local, "k", FORM + "pm_card_visa")
    assert "Idempotent-Replayed" not in answer.headers
    assert len(local.state.all("charge")) == 2


def test_a_key_is_at_most_255_characters_long(local: LocalStripe) -> None:
    assert post(local, "k" * 256, "name=A", "/v1/customers").status_code == 400
    assert post(local, "k" * 255, "name=A", "/v1/customers").status_code == 200
