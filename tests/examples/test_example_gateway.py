"""The example gateway serves whoever has credits, blocks whoever hasn't, and bills exactly."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from devstack.settings import CHECKOUT
from devstack.stack import Stack
from examples.gateway.__main__ import main, running_gateway
from examples.gateway.local import LocalStack
from examples.gateway.provider import complete
from gateway import format_usd, usd
from tests.gateway.stack_side import Customer, eventually

#: 3 words in, 6 words out, at 2.50 and 10.00 dollars for a million tokens.
PROMPT = "What is credit?"
PRICE_NANOS = 3 * 2500 + 6 * 10_000


@dataclass(frozen=True)
class Gateway:
    url: str

    def chat(self, organization_id: str | None, **changes: Any) -> requests.Response:
        body = {
            "model": "openai/gpt-4o",
            "messages": [{"role": "user", "content": PROMPT}],
            "max_tokens": 100,
            **changes,
        }
        headers = {"X-Project-Id": "chat"}
        if organization_id is not None:
            headers["X-Organization-Id"] = organization_id
        return self.post(json.dumps(body), headers)

    def post(
        self, body: str, headers: dict[str, str], path: str = "/v1/chat/completions"
    ) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.post(self.url + path, data=body, headers=headers, timeout=120)


@pytest.fixture(scope="module")
def described(stack: Stack) -> Stack:
    """A running stack, described as `make run` does."""
    (stack.home / "stack.json").write_text(json.dumps(stack.description()))
    return stack


@pytest.fixture(scope="module")
def gateway(described: Stack) -> Iterator[Gateway]:
    local = LocalStack.running(described.home)
    assert local is not None
    with running_gateway(local, port=0) as server:
        yield Gateway(f"http://127.0.0.1:{server.server_port}")


def test_a_customer_with_credits_is_served_and_billed_to_the_nano_dollar(
    described: Stack,
) -> None:
    customer = Customer(described, "5.00")
    local = LocalStack.running(described.home)
    assert local is not None
    with running_gateway(local, port=0) as server:
        gateway = Gateway(f"http://127.0.0.1:{server.server_port}")
        for _ in range(5):
            answer = gateway.chat(customer.organization_id)
            assert answer.status_code == 200, answer.text
            assert answer.json()["usage"] == {
                "prompt_tokens": 3,
                "completion_tokens": 6,
                "total_tokens": 9,
            }
    eventually(customer.credits, (format_usd(usd("5.00") - 5 * PRICE_NANOS), "0.00"))
    (entry,) = customer.usage_entries()
    assert entry["project_id"] == "chat"


def test_without_credits_calls_are_blocked_until_some_are_bought(
    described: Stack, gateway: Gateway
) -> None:
    customer = Customer(described, None)
    refused = gateway.chat(customer.organization_id)
    assert refused.status_code == 402
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["code"] == "insufficient_credits"
    customer.buy("5.00")
    eventually(lambda: gateway.chat(customer.organization_id).status_code, 200)


@pytest.mark.parametrize("model", ["openai/none-such", "nobody/gpt-4o", "gpt-4o"])
def test_a_model_that_nobody_has_priced_is_not_called(
    described: Stack, gateway: Gateway, model: str
) -> None:
    refused = gateway.chat("whoever", model=model)
    assert refused.status_code in {400, 404}, refused.text
    assert refused.json()["code"] in {"invalid_request", "not_found"}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("{", {"X-Organization-Id": "acme"}),
        ("[]", {"X-Organization-Id": "acme"}),
        ('{"model": "openai/gpt-4o"}', {"X-Organization-Id": "acme"}),
        ('{"model": "openai/gpt-4o", "messages": []}', {}),
        ('{"model": "openai/gpt-4o", "messages": []}', {"X-Organization-Id": "a/b"}),
        (
            '{"model": "openai/gpt-4o", "messages": [], "max_tokens": -1}',
            {"X-Organization-Id": "acme"},
        ),
    ],
)
def test_what_is_no_chat_request_is_refused(
    gateway: Gateway, body: str, headers: dict[str, str]
) -> None:
    refused = gateway.post(body, headers)
    assert refused.status_code == 400, refused.text
    assert refused.json()["code"] == "invalid_request"


def test_there_is_one_route(gateway: Gateway) -> None:
    assert gateway.post("{}", {}, path="/v1/models").status_code == 404


def test_the_same_prompt_has_the_same_answer_and_count() -> None:
    assert complete(PROMPT, max_tokens=100) == complete(PROMPT, max_tokens=100)
    assert complete(PROMPT, max_tokens=2).output_tokens == 2


def test_it_says_when_no_stack_runs(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(tmp_path)]) == 1
    assert "make run" in capsys.readouterr().err


def test_it_runs_until_it_is_told_to_stop_and_loses_nothing(described: Stack) -> None:
    customer = Customer(described, "5.00")
    command = [sys.executable, "-m", "examples.gateway", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--home", str(described.home)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        url = process.stdout.readline().split()[5].rstrip(";")
        assert Gateway(url).chat(customer.organization_id).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
    eventually(customer.credits, (format_usd(usd("5.00") - PRICE_NANOS), "0.00"))
