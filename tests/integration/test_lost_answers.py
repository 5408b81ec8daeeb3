"""DynamoDB commits and its answer is lost, or it is busy: everything counts once all the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devstack.emulator import Account, Emulator
from devstack.faults import Faults
from tests.fakes.values import usd
from tests.functional.api import Answer, Api, running_api
from tests.support.worker import amount, fund, report, running_worker

WRITE = "TransactWriteItems"
#: More often than anybody tries.
ALWAYS = 100


@pytest.fixture
def api(faulty_emulator: Emulator, faults: Faults) -> Iterator[Api]:
    with running_api(faulty_emulator) as running:
        fund(running.services.ledger, "acme", "10.00")
        faults.clear()
        yield running


def deduct(api: Api, key: str = "once") -> Answer:
    return api.call("POST", "acme/deductions", body={"amount": "1.25"}, scope="gateway", key=key)


def lose_answers(faults: Faults, times: int) -> None:
    faults.lose_response(service="dynamodb", operation=WRITE, times=times)


def available(api: Api) -> int:
    return api.services.ledger.account("acme").available_nanos


def test_a_deduction_whose_answer_is_lost_is_made_once(api: Api, faults: Faults) -> None:
    lose_answers(faults, 1)
    answer = deduct(api)
    assert answer.status == 201
    assert len(faults.fired()) == 1, "the answer was really lost"
    assert available(api) == usd("8.75")
    assert deduct(api).json() == answer.json()
    assert available(api) == usd("8.75")


def test_a_deduction_whose_every_answer_is_lost_is_made_once(api: Api, faults: Faults) -> None:
    lose_answers(faults, ALWAYS)
    unknown = deduct(api)
    assert unknown.status in {201, 503}
    faults.clear()
    answer = deduct(api)
    assert (answer.status, answer.headers.get("Idempotency-Replayed")) == (201, "true")
    assert available(api) == usd("8.75")


def test_a_purchase_whose_answers_are_lost_is_credited_once(api: Api, faults: Faults) -> None:
    card = api.card("acme")
    body = {"amount": "50.00", "payment_method_id": card}
    lose_answers(faults, 2)
    answer = api.call("POST", "acme/purchases", body=body, scope="credits:write", key="buy")
    assert answer.status == 201
    faults.clear()
    again = api.call("POST", "acme/purchases", body=body, scope="credits:write", key="buy")
    assert again.json() == answer.json()
    assert available(api) == usd("60.00")
    assert len(api.stripe.state.all("payment_intent")) == 1


def test_a_conflict_is_tried_again(api: Api, faults: Faults) -> None:
    faults.conflict(items=2, times=4)
    assert deduct(api).status == 201
    assert len(faults.fired()) == 4
    assert available(api) == usd("8.75")


def test_a_conflict_that_stays_makes_us_busy_and_takes_nothing(api: Api, faults: Faults) -> None:
    faults.conflict(items=2, times=ALWAYS)
    answer = deduct(api)
    assert (answer.status, answer.code) == (503, "busy")
    assert int(answer.headers["Retry-After"]) >= 1
    assert available(api) == usd("10.00")
    faults.clear()
    assert deduct(api).status == 201
    assert available(api) == usd("8.75")


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_a_throttled_write_is_tried_again(api: Api, faults: Faults, code: str) -> None:
    faults.fail(service="dynamodb", operation=WRITE, code=code, times=2)
    assert deduct(api).status == 201
    assert available(api) == usd("8.75")


@pytest.mark.parametrize("times", [1, 3])
def test_a_report_whose_answer_is_lost_is_applied_once(
    faulty_aws: Account, faults: Faults, times: int
) -> None:
    with running_worker(faulty_aws) as worker:
        fund(worker.services.ledger, "acme", "10.00")
        lose_answers(faults, times)
        sent = [report("acme", f"r{number}", amount("1.25")) for number in range(3)]
        worker.send(*sent)
        worker.poller.poll()
        assert len(faults.fired()) >= 1, "the answer was really lost"
        faults.clear()
        # What the worker failed comes back only after its time-out: the gateway sends it again.
        worker.send(*sent, group="again")
        for _ in range(2):
            worker.poller.poll()
        assert worker.available() == usd("6.25")
        assert worker.dead_letters() == {}


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_a_read_that_is_throttled_for_long_makes_us_busy(
    api: Api, faults: Faults, code: str
) -> None:
    faults.fail(service="dynamodb", operation="GetItem", code=code, times=ALWAYS)
    answer = api.call("GET", "acme/credits", scope="credits:read")
    assert (answer.status, answer.code) == (503, "busy")
    faults.clear()
    assert api.call("GET", "acme/credits", scope="credits:read").status == 200


def test_a_read_whose_every_answer_is_lost_makes_us_busy(api: Api, faults: Faults) -> None:
    faults.lose_response(service="dynamodb", operation="Query", times=ALWAYS)
    answer = api.call("GET", "acme/ledger", scope="credits:read")
    assert (answer.status, answer.code) == (503, "busy")


def test_a_read_that_we_may_not_make_is_our_fault(api: Api, faults: Faults) -> None:
    faults.fail(service="dynamodb", operation="GetItem", code="AccessDeniedException", times=ALWAYS)
    assert api.call("GET", "acme/credits", scope="credits:read").status == 500
