"""What was used, and the files to take away, over the real interfaces."""

from __future__ import annotations

import csv
import io
import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devstack.stack import Stack
from tests.functional.test_archives import buy
from tests.support.contract import ContractSession

CALLS = {
    "kind": "model",
    "provider": "openai",
    "model": "gpt-4o",
    "calls": 12,
    "input_tokens": 18_000,
    "output_tokens": 4_200,
}


class Caller:
    """An organization of its own, and the gateway that serves it."""

    def __init__(self, session: ContractSession, stack: Stack) -> None:
        self.stack = stack
        self.session = session
        self.org = f"org-{uuid.uuid4().hex[:8]}"
        self.token = stack.token(organization_id=self.org, scope="credits:read")
        self.operator = stack.token(organization_id="us", scope="operator")
        self.gateway = stack.token(organization_id="us", scope="gateway")

    def get(self, path: str, status: int = 200) -> Any:
        answer = self.session.call("GET", self.path(path), token=self.token)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path: str, body: object, *, token: str, key: str) -> Any:
        answer = self.session.call("POST", self.path(path), body=body, token=token, key=key)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def path(self, path: str) -> str:
        return f"/v1/organizations/{self.org}{path}"

    def give(self, amount: str) -> None:
        body = {"amount": amount, "reason": "a gift"}
        self.post("/adjustments", body, token=self.operator, key=amount)

    def report(self, *lines: object, project_id: str | None) -> None:
        report_id = uuid.uuid4().hex
        body = {
            "version": 1,
            "report_id": report_id,
            "organization_id": self.org,
            "project_id": project_id,
            "occurred_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lines": lines,
        }
        self.stack.cloud.client("sqs").send_message(
            QueueUrl=self.stack.cloud.physical_ids()["UsageQueue"],
            MessageGroupId=self.org,
            MessageDeduplicationId=report_id,
            MessageBody=json.dumps(body),
        )

    def when(self, path: str, holds: Callable[[Any], bool]) -> Any:
        """What is answered once the condition holds, which comes with the stream."""
        for _ in range(300):
            answer = self.get(path)
            if holds(answer):
                return answer
            time.sleep(0.1)
        raise AssertionError(f"{path} stays {answer}")


@pytest.fixture
def caller(stack: Stack) -> Iterator[Caller]:
    session = ContractSession(stack.url)
    yield Caller(session, stack)
    session.close()


def test_nothing_used_is_nothing_summed(caller: Caller) -> None:
    for group_by in ("project", "model", "day"):
        usage = caller.get(f"/usage?group_by={group_by}")
        assert (usage["data"], usage["total"]["amount"]) == ([], "0.00")


def test_reports_deductions_and_holds_are_summed_every_way(caller: Caller) -> None:
    caller.give("10.00")
    caller.report(CALLS, {"kind": "traces", "count": 3}, project_id="search")
    caller.report({"kind": "amount", "amount": "0.50"}, project_id=None)
    deduction = {"usage": [CALLS], "project_id": "chat"}
    caller.post("/deductions", deduction, token=caller.gateway, key="d")
    hold = caller.post("/holds", {"amount": "1.00"}, token=caller.gateway, key="h")
    settle = f"/holds/{hold['id']}/settle"
    body = {"usage": [CALLS], "final": True}
    answer = caller.session.call(
        "POST", caller.path(settle), body=body, token=caller.gateway, key="s"
    )
    assert answer.status_code in {200, 201}, answer.text
    usage = caller.when("/usage?group_by=project", lambda each: each["total"]["entries"] == 4)
    cost = "0.087"
    amounts = {group["group"]: group["amount"] for group in usage["data"]}
    assert amounts == {"(none)": "0.587", "search": cost, "chat": cost}
    assert {group["project_id"] for group in usage["data"]} == {None, "search", "chat"}
    models = {each["group"]: each for each in caller.get("/usage?group_by=model")["data"]}
    assert models["openai/gpt-4o"]["amount"] == "0.261"
    assert models["openai/gpt-4o"]["calls"] == 36
    assert models["openai/gpt-4o"]["units"] == {"input_tokens": 54_000, "output_tokens": 12_600}
    assert models["(amounts)"]["amount"] == "0.50"
    assert models["(traces)"]["units"] == {"traces": 3}
    by_day = caller.get("/usage?group_by=day")
    assert {by_day["total"]["amount"], usage["total"]["amount"]} == {"0.761"}
    assert [day["day"] for day in by_day["data"]] == [f"{datetime.now(UTC):%Y-%m-%d}"]


def test_a_period_is_of_whole_days_which_the_answer_names(caller: Caller) -> None:
    usage = caller.get("/usage?from=2026-03-01T10:00:00Z&to=2026-03-02T00:00:00.000001Z")
    assert (usage["from"], usage["to"]) == ("2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z")
    usage = caller.get("/usage?from=2026-03-01&to=2026-03-02")
    assert (usage["from"], usage["to"]) == ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")
    usage = caller.get("/usage?to=2026-03-31")
    assert (usage["from"], usage["to"]) == ("2026-03-01T00:00:00Z", "2026-03-31T00:00:00Z")
    today = datetime.now(UTC).date()
    usage = caller.get("/usage")
    assert usage["to"] == f"{today + timedelta(days=1)}T00:00:00Z"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("group_by=user", 422),
        ("from=yesterday", 422),
        ("from=2026-02-30", 422),
        ("from=2026-03-02&to=2026-03-02", 422),
        ("from=0001-01-01", 422),
        ("to=9999-12-31", 422),
        ("limit=5", 400),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(caller: Caller, query: str, status: int) -> None:
    caller.get(f"/usage?{query}", status)


def test_the_balance_of_the_last_days_ends_with_todays(caller: Caller) -> None:
    caller.give("10.00")
    caller.post("/deductions", {"amount": "2.50"}, token=caller.gateway, key="d")
    caller.post("/holds", {"amount": "1.00"}, token=caller.gateway, key="h")
    history = caller.when("/balance-history", lambda each: each["data"][-1]["held"] == "1.00")
    assert len(history["data"]) == 30
    assert history["data"][-1] == {
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
        "available": "6.50",
        "held": "1.00",
        "spent": "2.50",
        "topped_up": "0.00",
        "other": "10.00",
    }
    assert {day["available"] for day in history["data"][:-1]} == {"0.00"}
    assert len(caller.get("/balance-history?days=1")["data"]) == 1
    for days in ("0", "401", "-1", "x", "1.5"):
        caller.get(f"/balance-history?days={days}", 422)


def test_another_organizations_usage_does_not_exist(caller: Caller) -> None:
    other = caller.stack.token(organization_id="another", scope="credits:read")
    for path in ("/usage", "/balance-history", "/transactions.csv"):
        answer = caller.session.call("GET", caller.path(path), token=other)
        assert answer.status_code == 404


def test_the_transaction_history_is_taken_away_as_csv(caller: Caller) -> None:
    buy(caller.session, caller.stack, caller.org, 3)
    listed = caller.get("/transactions")["data"]
    answer = caller.session.call(
        "GET", caller.path("/transactions.csv?type=purchase"), token=caller.token
    )
    assert answer.status_code == 200
    disposition = f'attachment; filename="transactions-{caller.org}.csv"'
    assert answer.headers["Content-Disposition"] == disposition
    rows = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
    assert [(row["id"], row["amount"], row["invoice_number"]) for row in rows] == [
        (line["id"], line["amount"], line["invoice"]["number"]) for line in listed
    ]
    assert {row["currency"] for row in rows} == {"USD"}


@pytest.mark.parametrize(
    ("query", "status"),
    [("type=refund", 422), ("from=2026-01-01", 422), ("limit=5", 400), ("cursor=x", 400)],
)
def test_a_selection_that_makes_no_sense_is_refused(
    caller: Caller, query: str, status: int
) -> None:
    caller.get(f"/transactions.csv?{query}", status)


def test_an_empty_selection_is_a_line_of_names(caller: Caller) -> None:
    for query in ("type=auto_top_up", "to=2020-01-01T00:00:00Z", "from=2030-01-01T00:00:00Z"):
        answer = caller.session.call(
            "GET", caller.path(f"/transactions.csv?{query}"), token=caller.token
        )
        assert len(answer.content.decode().splitlines()) == 1
