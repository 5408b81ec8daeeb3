"""Holds over HTTP: as the contract says, and the same answer to the same key for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from chalicelib.domain.instant import parse_instant
from chalicelib.domain.money import parse_usd
from chalicelib.domain.price_rules import PriceBook, TraceTerms
from chalicelib.domain.pricing import Tariff
from chalicelib.usecases.pricing import Pricing
from chalicelib.wiring import now
from devstack.emulator import Emulator
from tests.functional.api import Answer, Api, running_api
from tests.support.worker import fund

_serial = count(1)
CALLS = {"kind": "model", "provider": "openai", "model": "gpt-4o", "input_tokens": 1_000_000}
UNPRICED = {**CALLS, "model": "none-such"}


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> Iterator[Api]:
    with running_api(emulator, TRACES_PER_MONTH="10", TRACES_PRICE_PER_THOUSAND="0.50") as running:
        yield running


class Caller:
    """A gateway that calls for an organization of its own, which has ten dollars."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.org = f"org-{next(_serial)}"
        fund(api.services.ledger, self.org, "10.00")

    def post(
        self, path: str, body: object = None, *, key: str | None = "", scope: str = "gateway"
    ) -> Answer:
        made = f"key-{next(_serial)}" if key == "" else key
        return self.api.call("POST", f"{self.org}/{path}", body=body, scope=scope, key=made)

    def place(self, amount: str = "4.00", **fields: object) -> Any:
        answer = self.post("holds", {"amount": amount, **fields})
        assert answer.status == 201, answer.body
        return answer.json()

    def settle(self, hold: Any, **body: object) -> Any:
        answer = self.post(f"holds/{hold['id']}/settle", body)
        assert answer.status == 200, answer.body
        return answer.json()

    def get(self, path: str, scope: str = "credits:read") -> Any:
        return self.api.call("GET", f"{self.org}/{path}", scope=scope).json()

    @property
    def credits(self) -> tuple[str, str]:
        body = self.get("credits")
        return body["available"], body["held"]


@pytest.fixture
def caller(api: Api) -> Caller:
    return Caller(api)


def test_a_hold_is_placed_for_ten_minutes_unless_another_time_is_asked_for(caller: Caller) -> None:
    hold = caller.place()
    assert hold.keys() == {"id", "amount", "remaining", "expires_at", "status"}
    assert (hold["amount"], hold["remaining"], hold["status"]) == ("4.00", "4.00", "open")
    assert caller.credits == ("6.00", "4.00")
    left = parse_instant(hold["expires_at"]) - now()
    assert timedelta(seconds=500) < left <= timedelta(seconds=600)
    longest = parse_instant(caller.place("1.00", expires_in_seconds=86400)["expires_at"]) - now()
    assert timedelta(hours=23) < longest <= timedelta(hours=24)


def test_what_is_too_much_is_refused_with_402_and_the_same_for_ever(caller: Caller) -> None:
    first = caller.post("holds", {"amount": "10.01"}, key="a")
    assert (first.status, first.code) == (402, "insufficient_credits")
    assert "Idempotency-Replayed" not in first.headers
    fund(caller.api.services.ledger, caller.org, "5.00")
    again = caller.post("holds", {"amount": "10.01"}, key="a")
    assert (again.status, again.body) == (402, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert caller.credits == ("15.00", "0.00")


def test_the_same_key_gets_the_same_answer_and_another_request_a_conflict(caller: Caller) -> None:
    placed = caller.post("holds", {"amount": "4.00"}, key="a")
    hold = placed.json()
    path = f"holds/{hold['id']}"
    part = {"amount": "1.00", "final": False}
    settled = caller.post(f"{path}/settle", part, key="a")
    caller.post(f"{path}/settle", part, key="b")
    released = caller.post(f"{path}/release", key="a")
    for route, body, first in [
        ("holds", {"amount": "4.00"}, placed),
        (f"{path}/settle", part, settled),
        (f"{path}/release", None, released),
    ]:
        again = caller.post(route, body, key="a")
        assert (again.status, again.body) == (first.status, first.body)
        assert again.headers["Idempotency-Replayed"] == "true"
    other = caller.place("1.00")
    for route, body in [
        ("holds", {"amount": "4.01"}),
        ("holds", {"amount": "4.00", "expires_in_seconds": 600}),
        (f"{path}/settle", {"amount": "1.00"}),
        (f"holds/{other['id']}/settle", part),
        (f"holds/{other['id']}/release", None),
    ]:
        assert caller.post(route, body, key="a").code == "idempotency_conflict"
    assert caller.credits == ("7.00", "1.00")


def test_a_hold_is_settled_in_parts_and_the_last_gives_the_rest_back(caller: Caller) -> None:
    hold = caller.place()
    part = caller.settle(hold, amount="1.25", final=False)
    assert part == {
        "id": part["id"],
        "hold_id": hold["id"],
        "status": "open",
        "amount": "1.25",
        "returned": "0.00",
        "remaining": "2.75",
        "overdrawn": False,
    }
    last = caller.settle(hold, amount="0.75", project_id="search")
    assert (last["status"], last["returned"], last["remaining"]) == ("settled", "2.00", "0.00")
    assert caller.credits == ("8.00", "0.00")
    entries = caller.get("ledger")["data"]
    assert [(e["type"], e["amount"], e["held_change"]) for e in entries[:3]] == [
        ("settlement", "-0.75", "-2.75"),
        ("settlement", "-1.25", "-1.25"),
        ("hold", "0.00", "4.00"),
    ]
    assert entries[0]["project_id"] == "search"


def test_usage_above_the_hold_overdraws_and_says_so(caller: Caller) -> None:
    settled = caller.settle(caller.place(), amount="11.50")
    assert (settled["amount"], settled["overdrawn"]) == ("11.50", True)
    assert caller.credits == ("-1.50", "0.00")
    access = caller.get("access", scope="gateway")
    assert access == {"allowed": False, "reason": "exhausted", "available": "-1.50"}


def test_settled_usage_is_priced_and_traces_count_to_the_months_allowance(caller: Caller) -> None:
    hold = caller.place("9.00")
    first = caller.settle(hold, usage=[CALLS, {"kind": "traces", "count": 12}], final=False)
    deducted = caller.post("deductions", {"usage": [{"kind": "traces", "count": 1000}]}).json()
    assert deducted["amount"] == "0.50"
    last = caller.settle(hold, usage=[CALLS])
    assert parse_usd(first["amount"]) - parse_usd(last["amount"]) == parse_usd("0.001")
    assert parse_usd(last["amount"]) > parse_usd("1.00")


def test_usage_without_a_price_is_refused_and_nothing_is_taken(caller: Caller) -> None:
    hold = caller.place()
    answer = caller.post(f"holds/{hold['id']}/settle", {"usage": [CALLS, UNPRICED]})
    assert answer.status == 422
    assert answer.json()["errors"][0]["field"] == "usage[1]"
    assert caller.credits == ("6.00", "4.00")


def test_a_key_is_answered_as_before_when_its_usage_has_no_price_any_more(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = caller.place("9.00")
    settle = f"holds/{hold['id']}/settle"
    usage = [{**CALLS, "input_tokens": 1000}]
    body: dict[str, object] = {"usage": usage}
    firsts = [caller.post("deductions", body, key="a"), caller.post(settle, body, key="a")]
    assert [answer.status for answer in firsts] == [201, 200]
    terms = TraceTerms(monthly_traces=0, thousand_nanos=0)
    tariff = Tariff(find_price=lambda *_: None, book=PriceBook.of(()), trace_terms=terms)
    monkeypatch.setitem(caller.api.services.__dict__, "pricing", Pricing(tariff=lambda: tariff))
    again = [caller.post("deductions", body, key="a"), caller.post(settle, body, key="a")]
    assert [answer.body for answer in again] == [answer.body for answer in firsts]
    assert all(answer.headers["Idempotency-Replayed"] == "true" for answer in again)
    assert caller.post("deductions", body, key="b").status == 422
    other = {"usage": [*usage, CALLS]}
    assert caller.post("deductions", other, key="a").code == "idempotency_conflict"
    assert caller.post(settle, other, key="a").code == "idempotency_conflict"


def test_a_release_takes_no_body_or_an_empty_one(caller: Caller) -> None:
    bodies: list[object] = [None, {}]
    for body in bodies:
        hold = caller.place("1.00")
        answer = caller.post(f"holds/{hold['id']}/release", body)
        assert answer.json()["returned"] == "1.00"
        again = caller.post(f"holds/{hold['id']}/release", body)
        assert (again.status, again.json()["returned"]) == (200, "0.00")
        assert again.json()["status"] == "released"
    refused = caller.post(f"holds/{hold['id']}/release", {"amount": "1.00"})
    assert refused.code == "invalid_request"


def test_an_expired_hold_is_swept_and_late_usage_is_still_charged(caller: Caller) -> None:
    hold = caller.place(expires_in_seconds=10)
    swept = caller.api.services.sweeping.sweep(now=now() + timedelta(seconds=11))
    assert swept.holds == 1
    assert caller.credits == ("10.00", "0.00")
    late = caller.settle(hold, amount="3.00")
    assert (late["status"], late["amount"], late["remaining"]) == ("expired", "3.00", "0.00")
    assert caller.credits == ("7.00", "0.00")


def test_a_lease_of_everything_stops_others_until_it_is_given_back(caller: Caller) -> None:
    hold = caller.place("10.00")
    assert caller.get("access", scope="gateway")["allowed"] is False
    assert caller.post("deductions", {"amount": "0.01"}).status == 402
    caller.post(f"holds/{hold['id']}/release")
    assert caller.get("access", scope="gateway")["allowed"] is True


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "amount"),
        ({"amount": "0.00"}, 422, "amount"),
        ({"amount": "-1.00"}, 422, "amount"),
        ({"amount": "1.0000000001"}, 422, "amount"),
        ({"amount": 1}, 400, "amount"),
        ({"amount": "1.00", "expires_in_seconds": 9}, 422, "expires_in_seconds"),
        ({"amount": "1.00", "expires_in_seconds": 86401}, 422, "expires_in_seconds"),
        ({"amount": "1.00", "expires_in_seconds": "60"}, 400, "expires_in_seconds"),
        ({"amount": "1.00", "final": True}, 400, "final"),
    ],
)
def test_a_faulty_hold_is_refused(
    caller: Caller, body: dict[str, object], status: int, field: str
) -> None:
    answer = caller.post("holds", body)
    assert answer.status == status
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert caller.credits == ("10.00", "0.00")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"amount": "1.00", "usage": [CALLS]}, 422),
        ({"amount": "-0.01"}, 422),
        ({"usage": []}, 422),
        ({"amount": "1.00", "final": "yes"}, 400),
        ({"amount": "1.00", "surprise": 1}, 400),
    ],
)
def test_a_faulty_settlement_is_refused(
    caller: Caller, body: dict[str, object], status: int
) -> None:
    hold = caller.place()
    assert caller.post(f"holds/{hold['id']}/settle", body).status == status
    assert caller.credits == ("6.00", "4.00")


@pytest.mark.parametrize("action", ["settle", "release"])
@pytest.mark.parametrize("hold_id", ["hold_unknown", "x", "hold_" + "y" * 2000, "hold_%2e%2e"])
def test_a_hold_that_does_not_exist_is_not_found(caller: Caller, action: str, hold_id: str) -> None:
    body = {"amount": "1.00"} if action == "settle" else None
    assert caller.post(f"holds/{hold_id}/{action}", body).code == "not_found"


def test_a_hold_of_another_organization_is_not_found(caller: Caller) -> None:
    theirs = Caller(caller.api)
    hold = theirs.place()
    assert caller.post(f"holds/{hold['id']}/release").code == "not_found"
    assert caller.post(f"holds/{hold['id']}/settle", {"amount": "1.00"}).code == "not_found"
    assert theirs.credits == ("6.00", "4.00")


def test_only_gateways_may_hold_and_only_with_a_key(caller: Caller) -> None:
    for path, body in [
        ("holds", {"amount": "1.00"}),
        ("holds/hold_1/settle", {"amount": "1.00"}),
        ("holds/hold_1/release", None),
    ]:
        refused = caller.post(path, body, scope="credits:read credits:write operator")
        assert refused.code == "forbidden"
        assert caller.post(path, body, key=None).code == "idempotency_key_required"
