"""The operator's prices over the real interfaces: set, quoted, charged, and on record."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from devstack.stack import Stack
from tests.support.contract import ContractSession


class Prices:
    """The routes of prices, called by one operator."""

    def __init__(self, session: ContractSession, stack: Stack) -> None:
        self.session = session
        self.stack = stack
        self.token = stack.token(organization_id="us", scope="operator")

    def put(self, scope: dict[str, str], *, status: int = 200, **terms: object) -> Any:
        body = {"scope": scope, **terms}
        answer = self.session.call("PUT", "/v1/prices", body=body, token=self.token)
        assert answer.status_code == status, answer.text
        return answer.json()

    def quote(self, provider: str, model: str, status: int = 200, **more: str) -> Any:
        query = urlencode({"provider": provider, "model": model, **more})
        return self.get(f"/v1/prices/quote?{query}", status)

    def get(self, path: str, status: int = 200) -> Any:
        answer = self.session.call("GET", path, token=self.token)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def prices(stack: Stack) -> Iterator[Prices]:
    session = ContractSession(stack.url)
    yield Prices(session, stack)
    session.close()


@pytest.fixture
def org() -> str:
    return f"org-{uuid.uuid4().hex[:8]}"


def by_unit(quoted: Any) -> dict[str, str]:
    return {price["unit"]: price["usd"] for price in quoted["prices"]}


def test_a_model_of_the_catalogue_has_its_listed_price(prices: Prices) -> None:
    quoted = prices.quote("openai", "gpt-4o", organization_id="acme")
    assert (quoted["provider"], quoted["model"], quoted["blocked"]) == ("openai", "gpt-4o", False)
    assert quoted["version"].startswith("genai-prices ")
    assert by_unit(quoted)["input_tokens"] == "2.5"
    assert {price["per"] for price in quoted["prices"] if "tokens" in price["unit"]} == {1_000_000}


def test_a_quote_is_of_the_time_and_the_context_that_it_is_asked_for(prices: Prices) -> None:
    today = prices.quote("openai", "gpt-4o")
    then = prices.quote("openai", "gpt-4o", at="2024-06-01T00:00:00Z")
    assert (today["at"], then["at"]) != (None, None)
    assert then["at"] == "2024-06-01T00:00:00Z"
    batch = prices.quote("openai", "gpt-5", price_context="processing=batch")
    usual = prices.quote("openai", "gpt-5")
    assert float(by_unit(batch)["input_tokens"]) < float(by_unit(usual)["input_tokens"])


def test_an_unknown_model_has_no_quote(prices: Prices) -> None:
    assert prices.quote("openai", "none-such", 404)["code"] == "not_found"
    assert prices.quote("openai", "gpt-4o", 404, price_context="processing=bach")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("provider=openai", 422),
        ("provider=openai&model=", 422),
        ("provider=open ai&model=x", 422),
        ("provider=openai&model=gpt-4o&at=yesterday", 422),
        ("provider=openai&model=gpt-4o&organization_id=a/b", 422),
        ("provider=openai&model=gpt-4o&price_context=batch", 422),
        ("provider=openai&model=gpt-4o&surprise=1", 400),
        ("provider=openai&model=gpt-4o&model=gpt-5", 400),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(prices: Prices, query: str, status: int) -> None:
    prices.get(f"/v1/prices/quote?{quote(query, safe='=&')}", status)


def test_a_mark_up_for_an_organization_is_quoted_for_it_alone(prices: Prices, org: str) -> None:
    rule = prices.put({"organization_id": org, "provider": "openai"}, mark_up_percent="12.5")
    assert (rule["author"], rule["mark_up_percent"], rule["prices"]) == ("developer", "12.5", None)
    quoted = prices.quote("openai", "gpt-4o", organization_id=org)
    assert quoted["mark_up_percent"] == "12.5"
    assert by_unit(quoted)["input_tokens"] == "2.8125"
    assert quoted["version"].endswith(f", mark-up v{rule['version']}")
    assert prices.quote("openai", "gpt-4o", organization_id=f"{org}-2")["mark_up_percent"] == "0"


def test_own_prices_for_a_model_with_slashes_and_colons(prices: Prices, org: str) -> None:
    scope = {"organization_id": org, "provider": "Meta/X", "model": "llama:3/70B"}
    own = [
        {
            "unit": "input_tokens",
            "usd": "1.25",
            "tiers": [{"above_input_tokens": 128_000, "usd": "2"}],
        },
        {"unit": "output_tokens", "usd": "3.00"},
        {"unit": "calls", "usd": "0.000001"},
    ]
    rule = prices.put(scope, prices=own)
    quoted = prices.quote("meta/x", "llama:3/70b", organization_id=org)
    assert quoted["version"] == f"own v{rule['version']}"
    assert quoted["prices"] == rule["prices"]
    assert by_unit(quoted) == {"input_tokens": "1.25", "output_tokens": "3", "calls": "0.000001"}
    assert quoted["prices"][0]["tiers"] == [{"above_input_tokens": 128_000, "usd": "2"}]


def test_a_rule_is_ended_and_stays_on_record(prices: Prices, org: str) -> None:
    scope = {"organization_id": org}
    marked = prices.put(scope, mark_up_percent="50")
    ended = prices.put(scope)
    assert ended["version"] > marked["version"]
    assert prices.quote("openai", "gpt-4o", organization_id=org)["mark_up_percent"] == "0"
    then = prices.quote("openai", "gpt-4o", organization_id=org, at=marked["effective_from"])
    assert then["mark_up_percent"] == "50"
    assert prices.get(f"/v1/prices/history/{marked['version']}") == marked
    prices.put({"organization_id": f"{org}-2"}, status=404)


def test_saying_the_same_again_is_the_same_version(prices: Prices, org: str) -> None:
    scope = {"organization_id": org}
    first = prices.put(scope, mark_up_percent="5", blocked=None)
    assert prices.put(scope, mark_up_percent="5.0") == first
    assert prices.put(scope, mark_up_percent="6")["version"] > first["version"]


def test_a_promotion_begins_and_ends_by_itself(prices: Prices, org: str) -> None:
    begin = datetime.now(UTC) + timedelta(hours=1)
    end = begin + timedelta(hours=1)
    prices.put(
        {"organization_id": org},
        mark_up_percent="-20",
        effective_from=text(begin),
        effective_until=text(end),
    )
    for at, expected in ((begin - timedelta(seconds=1), "0"), (begin, "-20"), (end, "0")):
        quoted = prices.quote("openai", "gpt-4o", organization_id=org, at=text(at))
        assert quoted["mark_up_percent"] == expected


def text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "scope"),
        ([], 400, "body"),
        ({"scope": "all"}, 400, "scope"),
        ({"scope": {"model": "gpt-4o"}}, 422, "scope.provider"),
        ({"scope": {"provider": "a b"}}, 422, "scope.provider"),
        ({"scope": {"team": "x"}}, 400, "scope.team"),
        ({"scope": {}, "mark_up_percent": 12.5}, 400, "mark_up_percent"),
        ({"scope": {}, "mark_up_percent": "NaN"}, 422, "mark_up_percent"),
        ({"scope": {}, "mark_up_percent": "1e3"}, 422, "mark_up_percent"),
        ({"scope": {}, "mark_up_percent": "-100.5"}, 422, "mark_up_percent"),
        ({"scope": {}, "mark_up_percent": "10000.5"}, 422, "mark_up_percent"),
        ({"scope": {}, "mark_up_percent": "1.1234567"}, 422, "mark_up_percent"),
        ({"scope": {}, "blocked": "yes"}, 400, "blocked"),
        ({"scope": {}, "prices": []}, 422, "prices"),
        ({"scope": {}, "prices": {}}, 400, "prices"),
        ({"scope": {}, "prices": [{"unit": "tokens", "usd": "1"}]}, 422, "prices[0].unit"),
        ({"scope": {}, "prices": [{"unit": "calls", "usd": 1}]}, 400, "prices[0].usd"),
        ({"scope": {}, "prices": [{"unit": "calls", "usd": "-1"}]}, 422, "prices[0].usd"),
        ({"scope": {}, "prices": [{"unit": "calls"}]}, 422, "prices[0].usd"),
        ({"scope": {}, "prices": [{"unit": "cache_read_tokens", "usd": "1"}]}, 422, "prices"),
        (
            {"scope": {}, "prices": [{"unit": "calls", "usd": "1"}], "mark_up_percent": "1"},
            422,
            "mark_up_percent",
        ),
        (
            {
                "scope": {},
                "prices": [
                    {
                        "unit": "calls",
                        "usd": "1",
                        "tiers": [
                            {"above_input_tokens": 2, "usd": "1"},
                            {"above_input_tokens": 1, "usd": "1"},
                        ],
                    }
                ],
            },
            422,
            "prices[0].tiers",
        ),
        ({"scope": {}, "effective_from": "2026-01-01T00:00:00Z"}, 422, "effective_from"),
        ({"scope": {}, "effective_until": "2026-01-01T00:00:00Z"}, 422, "effective_until"),
        ({"scope": {}, "effective_until": 5}, 400, "effective_until"),
        ({"scope": {"provider": "openai"}, "monthly_traces": 5}, 422, "monthly_traces"),
        ({"scope": {}, "monthly_traces": -1}, 422, "monthly_traces"),
        ({"scope": {}, "thousand_traces": "5"}, 422, "thousand_traces"),
        ({"scope": {}, "discount": "5"}, 400, "discount"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused_field_by_field(
    prices: Prices, body: object, status: int, field: str
) -> None:
    answer = prices.session.call("PUT", "/v1/prices", body=body, token=prices.token)
    assert answer.status_code == status, answer.text
    assert field in {error["field"] for error in answer.json()["errors"]}, answer.text


def test_the_terms_of_traces_are_an_organizations_own(prices: Prices, org: str) -> None:
    usual = prices.get(f"/v1/prices/traces?organization_id={org}")
    assert (usual["version"], usual["monthly_traces"]) == ("configuration", 10_000)
    rule = prices.put({"organization_id": org}, monthly_traces=5, thousand_traces="1000.00")
    own = prices.get(f"/v1/prices/traces?organization_id={org}")
    assert own["version"] == f"own v{rule['version']}"
    assert (own["monthly_traces"], own["thousand_traces"]) == (5, "1000.00")
    prices.get("/v1/prices/traces", 422)


def test_rules_are_listed_in_parts_those_in_force_and_all(prices: Prices, org: str) -> None:
    for number in range(3):
        prices.put({"organization_id": f"{org}-{number}"}, blocked=False)
        prices.put({"organization_id": f"{org}-{number}"}, blocked=True)
    in_force = list_all(prices, "/v1/prices?limit=2")
    ours = [rule for rule in in_force if (rule["scope"]["organization_id"] or "").startswith(org)]
    assert [rule["scope"]["organization_id"] for rule in ours] == [f"{org}-{n}" for n in range(3)]
    assert all(rule["blocked"] for rule in ours)
    history = list_all(prices, "/v1/prices/history?limit=4")
    versions = [rule["version"] for rule in history]
    assert versions == list(range(len(versions), 0, -1))
    prices.get("/v1/prices/history/0", 404)
    prices.get(f"/v1/prices/history/{len(versions) + 1_000}", 404)
    prices.get("/v1/prices/history/latest", 404)
    prices.get("/v1/prices?cursor=forged", 400)


def list_all(prices: Prices, path: str) -> list[Any]:
    found: list[Any] = []
    cursor = ""
    while True:
        page = prices.get(path + cursor)
        found += page["data"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def test_only_operators_decide_and_customers_are_not_told(prices: Prices) -> None:
    gateway = prices.stack.token(organization_id="x", scope="gateway")
    customer = prices.stack.token(organization_id="x", scope="credits:read credits:write")
    quote_ = "/v1/prices/quote?provider=openai&model=gpt-4o"
    call = prices.session.call
    assert call("GET", quote_, token=gateway).status_code == 200
    assert call("PUT", "/v1/prices", body={"scope": {}}, token=gateway).status_code == 403
    for path in (quote_, "/v1/prices", "/v1/prices/history", "/v1/prices/history/1"):
        assert call("GET", path, token=customer).status_code == 403
        assert call("GET", path).status_code == 401


def test_what_was_decided_is_charged_and_on_record(prices: Prices, org: str) -> None:
    rule = prices.put({"organization_id": org, "provider": "openai"}, mark_up_percent="100")
    prices.put({"organization_id": org, "provider": "openai", "model": "gpt-5"}, blocked=True)
    gateway = prices.stack.token(organization_id="x", scope="gateway")
    operator = f"/v1/organizations/{org}"
    given = prices.session.call(
        "POST",
        f"{operator}/adjustments",
        body={"amount": "10.00", "reason": "a gift"},
        token=prices.token,
        key="gift",
    )
    assert given.status_code == 201, given.text
    lines = [{"kind": "model", "provider": "openai", "model": "gpt-4o", "input_tokens": 1_000_000}]
    path = f"{operator}/deductions"
    taken = prices.session.call("POST", path, body={"usage": lines}, token=gateway, key="a")
    assert taken.json()["amount"] == "5.00", taken.text
    blocked = [{**lines[0], "model": "gpt-5"}]
    refused = prices.session.call("POST", path, body={"usage": blocked}, token=gateway, key="b")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "usage[0]")
    entry = prices.get(f"{operator}/ledger?limit=1")["data"][0]
    (model,) = entry["breakdown"]["models"]
    assert model["price_version"].endswith(f"mark-up v{rule['version']}")
    assert model["parts"] == [{"unit": "input_tokens", "count": 1_000_000, "amount": "5.00"}]
