"""The service over HTTP: what is asked, what is tried again, and what is taken for an answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gateway.service import HttpService, ServiceRefusalError, ServiceUnavailableError
from tests.gateway.fakes import FakeTime

OPEN = {"allowed": True, "reason": None, "available": "12.50"}
HANG_UP = 0


@dataclass
class Script:
    """What the server answers next, and what it was asked; when there is no more, `usual`."""

    usual: tuple[int, object] = (200, OPEN)
    answers: list[tuple[int, object]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    connections: int = 0


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: Script) -> None:
        self.script = script
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/base/"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.script.connections += 1

    def do_GET(self) -> None:
        script = self.server.script
        script.asked.append((self.command, self.path))
        script.headers.append({name.lower(): value for name, value in self.headers.items()})
        length = int(self.headers.get("Content-Length", 0))
        script.bodies.append(json.loads(self.rfile.read(length)) if length else None)
        status, body = script.answers.pop(0) if script.answers else script.usual
        if status == HANG_UP:
            self.close_connection = True
            return
        text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_GET  # noqa: N815 - the server's name

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def server(script: Script) -> Iterator[Server]:
    with Server(script) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def service(server: Server, time: FakeTime) -> Iterator[HttpService]:
    serial = iter(range(1000))
    found = HttpService(
        server.url,
        token=lambda: f"token-{next(serial)}",
        timeout_seconds=5,
        clock=time.clock,
        pause=time.pass_by,
    )
    yield found
    found.close()


def test_access_is_read_with_a_token(service: HttpService, script: Script) -> None:
    access = service.access("acme")
    assert (access.allowed, access.reason, access.available_nanos) == (True, None, 12_500_000_000)
    assert script.asked == [("GET", "/base/v1/organizations/acme/access")]
    assert script.headers[0]["authorization"] == "Bearer token-0"
    assert "idempotency-key" not in script.headers[0]


def test_a_hold_is_placed_with_its_key(service: HttpService, script: Script) -> None:
    script.usual = 201, {"id": "hold_7", "amount": "1.00", "status": "open"}
    hold = service.place_hold("acme", amount_nanos=10**9, seconds=600, key="k")
    assert hold == "hold_7"
    assert script.asked == [("POST", "/base/v1/organizations/acme/holds")]
    assert script.bodies == [{"amount": "1.00", "expires_in_seconds": 600}]
    assert script.headers[0]["idempotency-key"] == "k"
    assert script.headers[0]["content-type"] == "application/json"


def test_a_hold_is_released(service: HttpService, script: Script) -> None:
    service.release_hold("acme", "hold_7")
    assert script.asked == [("POST", "/base/v1/organizations/acme/holds/hold_7/release")]
    assert script.headers[0]["idempotency-key"]


@pytest.mark.parametrize(
    "answer",
    [
        (HANG_UP, ""),
        (500, {"code": "internal_error"}),
        (503, {"code": "busy"}),
        (429, {"code": "busy"}),
        (401, {"code": "unauthenticated"}),
        (409, {"code": "request_in_progress"}),
        (502, "<html>Bad gateway</html>"),
        (200, "[]"),
    ],
    ids=str,
)
def test_what_may_be_answered_otherwise_is_asked_again_with_the_same_key(
    service: HttpService, script: Script, answer: tuple[int, object]
) -> None:
    script.usual = 201, {"id": "hold_7"}
    script.answers = [answer, answer]
    assert service.place_hold("acme", amount_nanos=1, seconds=60, key="k") == "hold_7"
    assert [headers["idempotency-key"] for headers in script.headers] == ["k"] * 3
    assert len({headers["authorization"] for headers in script.headers}) == 3


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (402, "insufficient_credits"),
        (403, "forbidden"),
        (404, "not_found"),
        (409, "idempotency_conflict"),
        (422, "validation_failed"),
    ],
)
def test_a_refusal_is_final(service: HttpService, script: Script, status: int, code: str) -> None:
    script.usual = status, {"code": code, "detail": "Because."}
    with pytest.raises(ServiceRefusalError, match="Because") as refused:
        service.place_hold("acme", amount_nanos=1, seconds=60, key="k")
    assert (refused.value.status, refused.value.code) == (status, code)
    assert len(script.asked) == 1


def test_after_three_tries_the_service_is_unavailable(service: HttpService, script: Script) -> None:
    script.usual = 503, {"code": "busy", "detail": "Too much."}
    with pytest.raises(ServiceUnavailableError, match="503 busy"):
        service.access("acme")
    assert len(script.asked) == 3
    with pytest.raises(ServiceUnavailableError, match="503 busy"):
        service.access("zeta")
    assert len(script.asked) == 6, "it answers, so another organization may fare better"


def test_where_nobody_answers_callers_do_not_wait_each_time(
    service: HttpService, script: Script, time: FakeTime
) -> None:
    script.usual = HANG_UP, ""
    with pytest.raises(ServiceUnavailableError):
        service.access("acme")
    asked = len(script.asked)
    refused_at_once = 0
    for _ in range(5):
        with pytest.raises(ServiceUnavailableError) as refused:
            service.access("acme")
        refused_at_once += "a moment ago" in str(refused.value)
    assert len(script.asked) - asked == 3 * (5 - refused_at_once)
    script.usual = 200, OPEN
    time.pass_by(2)
    assert service.access("acme").allowed


@pytest.mark.parametrize("body", [{}, {"allowed": True, "reason": None, "available": 1}])
def test_an_answer_that_is_not_the_contracts_is_none(
    service: HttpService, script: Script, body: object
) -> None:
    script.usual = 200, body
    with pytest.raises(ServiceUnavailableError, match="can't be read"):
        service.access("acme")


def test_connections_stay_open(service: HttpService, script: Script) -> None:
    for _ in range(5):
        service.access("acme")
    assert script.connections == 1


def test_connections_that_the_service_closed_in_between_cost_one_try_together(
    service: HttpService, script: Script, server: Server
) -> None:
    gate = threading.Barrier(8)

    def ask() -> None:
        gate.wait()
        service.access("acme")

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    script.answers = [(HANG_UP, "")]
    before = script.connections
    assert service.access("acme").allowed
    assert script.connections == before + 1


@pytest.mark.parametrize("url", ["", "credits.test", "ftp://credits.test", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not the address"):
        HttpService(url, token=str)
