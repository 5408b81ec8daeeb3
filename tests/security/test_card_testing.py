"""Card testing over the API: a stolen token can't be used to try a list of stolen cards."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from devstack.emulator import Emulator
from tests.functional.api import Answer, Api, running_api

MOST = 4


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> Iterator[Api]:
    with running_api(emulator, CARD_TRIES_PER_HOUR=str(MOST)) as running:
        yield running


def buy(api: Api, organization_id: str, card: str, key: str) -> Answer:
    body = {"amount": "5.00", "payment_method_id": card}
    path = f"{organization_id}/purchases"
    return api.call("POST", path, body=body, scope="credits:write", key=key)


def charges(api: Api) -> int:
    """How often Stripe was asked to charge a card."""
    return api.stripe.api.journal.counts()["POST /v1/payment_intents"]


def require_slow_down(answer: Answer) -> None:
    assert (answer.status, answer.code) == (429, "busy")
    assert 0 < int(answer.headers["Retry-After"]) <= 3600


def test_a_list_of_cards_can_not_be_charged_one_after_the_other(api: Api) -> None:
    bad = api.card("tested", "pm_card_chargeCustomerFail")
    for number in range(MOST):
        assert buy(api, "tested", bad, f"{number}").status == 402
    charged = charges(api)
    require_slow_down(buy(api, "tested", bad, "more"))
    assert charges(api) == charged, "no bank was asked"
    again = buy(api, "tested", bad, "0")
    assert (again.status, again.headers["Idempotency-Replayed"]) == (402, "true")


def test_tries_at_the_same_moment_count_each_other_in_the_database(api: Api) -> None:
    bad = api.card("hurried", "pm_card_chargeCustomerFail")
    before = charges(api)

    def attempt(number: int) -> int:
        return buy(api, "hurried", bad, f"{number}").status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(attempt, range(6 * MOST)))
    assert set(statuses) <= {402, 409, 429, 503}
    assert statuses.count(402) <= MOST
    assert charges(api) - before <= MOST


def test_what_is_paid_does_not_count(api: Api) -> None:
    good = api.card("honest")
    for number in range(2 * MOST):
        assert buy(api, "honest", good, f"{number}").status == 201


def test_a_list_of_cards_can_not_be_saved_one_after_the_other(api: Api) -> None:
    path = "saving/payment-methods/setup"
    for _ in range(MOST):
        assert api.call("POST", path, scope="credits:write").status == 200
    require_slow_down(api.call("POST", path, scope="credits:write"))
    require_slow_down(api.call("POST", path, token=api.token("x", "operator")))
    other = api.call("POST", "another/payment-methods/setup", scope="credits:write")
    assert other.status == 200
